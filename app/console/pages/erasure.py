"""Erasure: what is stored of a person and what stays, the requests to forget people, and their receipts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from starlette.responses import RedirectResponse

from app.console import erasure_changes as changes
from app.console.erasure_words import (
    STAYS,
    all_in_words,
    inventory_in_words,
    own_in_words,
    progress,
    rows_of,
)
from app.console.lists import PAGE_ROWS, Listed, Slice, sliced
from app.console.page import JOB_SECONDS, ROOT, Pages, Place, Visit, not_there
from app.console.people import People
from app.console.receipts.wording import as_sentence
from app.console.text import masked
from app.database.engine import busy_when_gone
from app.operators import Role
from app.people.forget_store import ForgetStore
from app.people.inventory_store import MOST, InventoryStore
from app.people.whole import named_person

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from app.console.context import Console
    from app.people.forget_store import Forgetting
    from app.people.inventory_store import Inventory

LONGEST = 320


@dataclass(frozen=True, slots=True)
class Request:
    """One request to forget a person. It names no person; `rows` says what there was how often."""

    id: str
    url: str
    by: str
    asked_at: datetime
    done_at: datetime | None
    progress: str
    rows: Sequence[tuple[str, int]]


@dataclass(frozen=True, slots=True)
class ErasurePage:
    """The requests, newest first."""

    sentence: str
    requests: Slice[Request]


@dataclass(frozen=True, slots=True)
class Mistake:
    """Why an address cannot be looked for."""

    text: str


@dataclass(frozen=True, slots=True)
class InventoryShown:
    """What looking through everything came to, or how far it is: `tables_done` of `tables`.

    `rows` are the counts, once it is `done`.
    """

    sentence: str
    by: str
    asked_at: datetime
    done: bool
    tables_done: int
    tables: int
    rows: Sequence[tuple[str, int]]


@dataclass(frozen=True, slots=True)
class PersonPage:
    """What is stored of one person. `path` is that of this page; `endpoints` receive that the person was forgotten.

    `rows` are what stands under the person's own keys, counted up to `most`; a count above it is more than that.
    `inventory` is what was found in everything else, too, None where that was not asked for. `over` says that none is
    going on, and `cut` that there are enrollments that were not looked at, which may have other `contacts`.
    """

    name: str
    path: str
    sentence: str
    rows: Sequence[tuple[str, int]]
    most: int
    inventory: InventoryShown | None
    over: bool
    contacts: Sequence[tuple[str, str]]
    cut: bool
    endpoints: Sequence[str]
    stays: Sequence[str]
    forgotten: bool


def pages(console: Console) -> Pages:
    """Return the requests, one person, one receipt, the export, and both changes."""
    pages, store = Pages(Place("Erasure", "Keep", 20)), ForgetStore(console.reads)
    people = People(console.process, console.links)

    @pages.show("/erasure", "erasure.html", role=Role.ADMIN, live=JOB_SECONDS)
    async def erasure(visit: Visit) -> ErasurePage:
        asked = visit.query(Listed)
        with busy_when_gone():
            found = await store.page(asked.before, PAGE_ROWS + 1, above=asked.after)
        requests = [_request(one, visit) for one in found]
        return ErasurePage(all_in_words(found, visit.now), sliced(requests, [one.id for one in found], asked, visit))

    @pages.show("/erasure/look", "erasure_look.html", role=Role.ADMIN, method="POST")
    async def look(visit: Visit) -> Mistake | RedirectResponse:
        typed = visit.form.get("address", "")[:LONGEST]
        try:
            with busy_when_gone():
                person = await store.named(typed)
        except ValueError as error:
            return Mistake(as_sentence(str(error)))
        return RedirectResponse(f"{ROOT}/erasure/{await people.token_of(person.emails[0])}", 303)

    @pages.show("/erasure/receipts/{forgetting_id}", "erasure_receipt.html", role=Role.ADMIN, live=JOB_SECONDS)
    async def receipt(visit: Visit) -> Request:
        with busy_when_gone():
            found = await store.show(visit.parameters["forgetting_id"])
        if found is None:
            raise not_there("request with this id")
        return _request(found, visit)

    _add_person(pages, console, people)
    changes.add(pages, console.process, console.reads, people)
    return pages


def _add_person(pages: Pages, console: Console, people: People) -> None:
    store, inventories = ForgetStore(console.reads), InventoryStore(console.reads)

    @pages.show("/erasure/{person}", "erasure_person.html", role=Role.ADMIN, live=JOB_SECONDS)
    async def person(visit: Visit) -> PersonPage:
        address = await people.named(visit)
        with busy_when_gone():
            one = await store.whole(named_person(address), most=MOST)
            own, endpoints = await inventories.own(one), await store.endpoints()
            inventory = await inventories.show(address)
        name = masked(address)
        return PersonPage(
            name=name,
            path=f"{ROOT}/erasure/{visit.parameters['person']}",
            sentence=own_in_words(name, own.counts, len(one.emails), len(one.contacts)),
            rows=rows_of(own.counts),
            most=MOST,
            inventory=_inventory(inventory, name, visit) if inventory else None,
            over=inventory is None or inventory.done_at is not None,
            contacts=one.contacts,
            cut=own.counts["enrollments"] > MOST,
            endpoints=endpoints,
            stays=STAYS,
            forgotten=own.forgotten,
        )


def _inventory(found: Inventory, name: str, visit: Visit) -> InventoryShown:
    return InventoryShown(
        sentence=inventory_in_words(found, name, visit.now),
        by=found.asked_by,
        asked_at=found.asked_at,
        done=found.done_at is not None,
        tables_done=found.tables_done,
        tables=found.tables,
        rows=rows_of(found.counts),
    )


def _request(one: Forgetting, visit: Visit) -> Request:
    return Request(
        id=one.id,
        url=f"{ROOT}/erasure/receipts/{one.id}",
        by=one.requested_by,
        asked_at=one.requested_at,
        done_at=one.done_at,
        progress=progress(one, visit.now),
        rows=rows_of(one.counts),
    )
