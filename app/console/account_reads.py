"""What pages read of all HubSpot accounts: six statements, however many accounts there are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.accounts.credentials import credentials
from app.accounts.identity_store import IdentityStore
from app.console.account_line import AccountFacts
from app.database.engine import busy_when_gone
from app.doctor.run_store import DoctorRunStore
from app.hubspot.budget_store import read_budgets
from app.model import NOT_CONNECTED
from app.reports.held_store import held_for

if TYPE_CHECKING:
    from app.console.context import Console


async def read_accounts(console: Console) -> list[AccountFacts]:
    """Return the accounts of the rules in force, and those that are still connected. Raises Busy."""
    process, reads = console.process, console.reads
    book, oauth = process.rulebook.current, process.oauth
    named = {one.name: one for one in book.accounts.values()} if book else {}
    by_oauth = {name: one.oauth for name, one in named.items()}
    rows = credentials(by_oauth, await oauth.grants.listed() if oauth else ())
    with busy_when_gone():
        portals = await IdentityStore(reads).portals()
    budgets = await read_budgets(reads, list(named.values()), headroom=process.settings.rate_headroom)
    held = await held_for(reads, list(rows), NOT_CONNECTED)
    runs = await DoctorRunStore(reads).last_done(list(rows))
    return [
        AccountFacts(
            credential=row,
            oauth=by_oauth.get(name, True),
            portal=portals.get(name),
            budget=budgets.get(name),
            held=held.get(name, 0),
            run=runs.get(name),
        )
        for name, row in rows.items()
    ]
