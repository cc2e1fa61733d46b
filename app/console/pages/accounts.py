"""HubSpot accounts: which of them let us send, and how fast."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.accounts.credentials import credentials
from app.accounts.identity_store import IdentityStore
from app.console import account_changes as changes
from app.console.account_line import AccountLine, line_of
from app.console.account_words import all_in_words
from app.console.page import LIVE_SECONDS, Pages, Place, Visit
from app.database.engine import busy_when_gone
from app.doctor.run_store import DoctorRunStore
from app.hubspot.budget_store import read_budgets
from app.model import NOT_CONNECTED
from app.reports.held_store import held_for

if TYPE_CHECKING:
    from collections.abc import Sequence

    from app.console.context import Console


@dataclass(frozen=True, slots=True)
class AccountsPage:
    """All accounts of the rules in force, and those that are still connected."""

    sentence: str
    lines: Sequence[AccountLine]


def pages(console: Console) -> Pages:
    """Return the page, and what is done with an account."""
    pages, process = Pages(Place("HubSpot accounts", "Set up", 40)), console.process
    identities, runs = IdentityStore(console.reads), DoctorRunStore(console.reads)

    @pages.show("/accounts", "accounts.html", live=LIVE_SECONDS)
    async def accounts(visit: Visit) -> AccountsPage:
        book, oauth = process.rulebook.current, process.oauth
        named = {one.name: one for one in book.accounts.values()} if book else {}
        by_oauth = {name: one.oauth for name, one in named.items()}
        rows = credentials(by_oauth, await oauth.grants.listed() if oauth else ())
        with busy_when_gone():
            portals = await identities.portals()
        budgets = await read_budgets(console.reads, list(named.values()), headroom=process.settings.rate_headroom)
        held = await held_for(console.reads, list(rows), NOT_CONNECTED)
        last = await runs.last_done(list(rows))
        lines = [
            line_of(
                row,
                visit,
                portal=portals.get(name),
                budget=budgets.get(name),
                held=held.get(name, 0),
                run=last.get(name),
                oauth=by_oauth.get(name, True),
            )
            for name, row in rows.items()
        ]
        return AccountsPage(all_in_words([line.standing for line in lines]), lines)

    changes.add(pages, console)
    return pages
