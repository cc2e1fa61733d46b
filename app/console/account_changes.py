"""What an admin asks of a HubSpot account, by the functions that the API calls: the doctor, and a link."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import structlog

from app.audit.act import about
from app.console.account_line import url_of
from app.console.bulk_words import enrollment_row
from app.console.page import Confirm, Done, Pages, Shown, Visit, not_there
from app.console.text import capital, counted, span
from app.doctor.run_store import DoctorRunStore
from app.ids import Ids
from app.model import NOT_CONNECTED
from app.operators import Role
from app.reports.held_store import count_held, held_first
from app.web.pages.connect import NOT_CONFIGURED
from app.web.problems import Problem

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

    from app.console.context import Console
    from app.model import Account
    from app.process import Process

LINK_SECONDS = 600  # for which a link works that a page has shown

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class LinkPage:
    """A link that connects an account. It is shown once: the store has its hash alone."""

    name: str
    link: str
    lasts: str
    back: str


def account_of(process: Process, visit: Visit) -> Account:
    """Return the account that a path names, of those of the rules in force."""
    book = process.rulebook.current
    found = book.account_named(visit.parameters["account"]) if book else None
    if found is None:
        raise not_there("account of this name in the rules in force")
    return found


def add(pages: Pages, console: Console) -> None:
    """Add both changes."""
    changes = _Changes(console.process, console.reads, DoctorRunStore(console.process.engine), Ids())
    pages.change("/accounts/{account}/doctor", changes.ask_doctor, changes.run_doctor, Role.ADMIN)
    pages.change("/accounts/{account}/connect", changes.ask_connect, changes.connect, Role.ADMIN)


@dataclass(frozen=True, slots=True)
class _Changes:
    process: Process
    reads: AsyncEngine
    runs: DoctorRunStore
    ids: Ids

    async def ask_doctor(self, visit: Visit) -> Confirm:
        name = account_of(self.process, visit).name
        return Confirm(
            title=f"Run the doctor on {name}?",
            button="Run the doctor",
            back=url_of(name),
            consequences=(
                "A worker asks HubSpot for all that the rules in force need of the account, and writes nothing there.",
                "That takes some tens of requests, which count as all others do.",
                "What it finds is kept, with the four runs before it.",
            ),
        )

    async def run_doctor(self, visit: Visit) -> Done:
        name = account_of(self.process, visit).name
        id_ = await self.runs.ask(self.ids("doc"), name)
        return Done(url_of(name, f"/doctor/{id_}"), "The doctor is asked for.")

    async def ask_connect(self, visit: Visit) -> Confirm:
        one = account_of(self.process, visit)
        confirm = Confirm(f"Connect {one.name} to HubSpot?", "Make the link", url_of(one.name))
        if why_not := self._why_not(one):
            return replace(confirm, impossible=why_not)
        count = await count_held(self.reads, one.name, NOT_CONNECTED)
        return replace(
            confirm,
            consequences=(
                f"A link is made and shown once. It works once, within {span(LINK_SECONDS)}, in any browser.",
                "Send it only to the person who may give Segue access to that HubSpot account.",
                "Nothing changes before that person has agreed at HubSpot. What is held for want of that goes on then.",
                f"{capital(counted(count, 'enrollment is', 'enrollments are'))} held for it now.",
            ),
            count=count,
            flows=True,
            sample=tuple(enrollment_row(row, visit) for row in await held_first(self.reads, one.name, NOT_CONNECTED)),
        )

    async def connect(self, visit: Visit) -> Shown:
        one, oauth = account_of(self.process, visit), self.process.oauth
        if oauth is None or not one.oauth:
            raise Problem(409, "oauth-not-configured", self._why_not(one) or NOT_CONFIGURED)
        about(one.name)
        link = await oauth.connector.link(one.name, seconds=LINK_SECONDS)
        log.info("oauth.link_made", account=one.name)
        return Shown("account_link.html", LinkPage(one.name, link, span(LINK_SECONDS), url_of(one.name)))

    def _why_not(self, one: Account) -> str | None:
        if not one.oauth:
            return f"{one.name} has a token in the rules: only accounts with `oauth: true` are connected by a link."
        return NOT_CONFIGURED if self.process.oauth is None else None
