"""What pages read of all HubSpot accounts: one statement, however many accounts there are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.accounts.credentials import credentials
from app.console.account_line import AccountFacts
from app.reports import accounts_store

if TYPE_CHECKING:
    from app.console.context import Console


async def read_accounts(console: Console) -> list[AccountFacts]:
    """Return the accounts of the rules in force, and those that are still connected. Raises Busy."""
    process = console.process
    book = process.rulebook.current
    named = list(book.accounts.values()) if book else []
    found = await accounts_store.read_accounts(console.reads, named, headroom=process.settings.rate_headroom)
    by_oauth = {one.name: one.oauth for one in named}
    # Without a key for grants, none is used.
    grants = [one.grant for one in found.values() if one.grant] if process.oauth else []
    return [
        AccountFacts(
            credential=row,
            oauth=by_oauth.get(name, True),
            portal=found[name].portal,
            budget=found[name].budget,
            held=found[name].held,
            run=found[name].run,
        )
        for name, row in credentials(by_oauth, grants).items()
    ]
