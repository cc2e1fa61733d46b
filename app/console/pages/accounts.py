"""HubSpot accounts: which of them let us send, and how fast."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.console import account_changes as changes
from app.console.account_line import AccountLine, line_of
from app.console.account_reads import read_accounts
from app.console.account_words import all_in_words
from app.console.page import LIVE_SECONDS, Pages, Place, Visit

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
    pages = Pages(Place("HubSpot accounts", "Set up", 40))

    @pages.show("/accounts", "accounts.html", live=LIVE_SECONDS)
    async def accounts(visit: Visit) -> AccountsPage:
        lines = [line_of(one, visit) for one in await read_accounts(console)]
        return AccountsPage(all_in_words([line.standing for line in lines]), lines)

    changes.add(pages, console)
    return pages
