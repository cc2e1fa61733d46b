"""People: find one by an address, an id or a contact; operators also see whom the newest events are about."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from starlette.responses import RedirectResponse

from app.bulk.job_store import BulkJobStore
from app.console.find import Finder, NotFound
from app.console.page import ROOT, Pages, Place, Visit
from app.console.people import People
from app.console.receipts.wording import person_named
from app.console.text import exactly, masked
from app.operators import Role
from app.people.forget_store import ForgetStore
from app.reports.find_store import FindStore

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from app.console.context import Console

NEWEST = 50
BY_ADDRESS = "Write the address of a person: its page says what became of the lead."
NO_PEOPLE = "No event has named a person yet."


@dataclass(frozen=True, slots=True)
class Someone:
    """A person of the newest events; the address is masked. `url` is None where there is no page."""

    name: str
    address: str
    url: str | None
    event_url: str
    source: str
    type: str
    at: datetime


@dataclass(frozen=True, slots=True)
class PeoplePage:
    """The people of the newest events, None for those who find a person by the address alone."""

    sentence: str
    people: tuple[Someone, ...] | None


def pages(console: Console) -> Pages:
    """Return the page, and what the find box posts to."""
    pages, store = Pages(Place("People", "", 20)), FindStore(console.reads)
    links = console.links
    people_of = People(console.process, links)
    finder = Finder(store, BulkJobStore(console.reads), people_of, ForgetStore(console.reads))

    @pages.show("/people", "people.html")
    async def people(visit: Visit) -> PeoplePage:
        if not visit.may(Role.OPERATOR):
            return PeoplePage(BY_ADDRESS, None)
        rows, url = await store.newest_people(NEWEST + 1), await links.urls()
        found = tuple(_someone(row, url) for row in rows[:NEWEST])
        newest = "The newest " if len(rows) > NEWEST else ""
        said = f"{newest}{exactly(len(found), 'person', 'people')} in the newest events. {BY_ADDRESS}"
        return PeoplePage(said if found else f"{NO_PEOPLE} {BY_ADDRESS}", found)

    @pages.show("/find", "find.html", method="POST")
    async def find(visit: Visit) -> NotFound | RedirectResponse:
        accounts = [account.name for account in console.process.current_rulebook().accounts.values()]
        found = await finder.page_of(visit.form.get("q", ""), accounts, visit.visitor.role)
        return found if isinstance(found, NotFound) else RedirectResponse(found, 303)

    return pages


def _someone(row: Mapping[str, Any], url: Callable[[str | None], str | None]) -> Someone:
    names = {name: row[name] for name in ("first_name", "last_name", "name")}
    return Someone(
        name=person_named(email=row["email"], **names),
        address=masked(row["email"]),
        url=url(row["email"]),
        event_url=f"{ROOT}/events/{row['id']}",
        source=row["source"],
        type=row["type"],
        at=row["received_at"],
    )
