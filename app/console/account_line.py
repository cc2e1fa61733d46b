"""One HubSpot account as its pages show it: whether it lets us in, its budgets, the doctor's last words. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from app.console.account_words import day_in_words, fill_of, run_in_words, standing, window_in_words
from app.console.page import ROOT

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from app.console.account_words import Standing
    from app.console.page import Visit
    from app.hubspot.budget_store import Budget

OAUTH, TOKEN = "OAuth", "a token"


@dataclass(frozen=True, slots=True)
class Bar:
    """One budget: `used` of `allowed` requests, and the words beside its bar."""

    name: str
    used: int
    allowed: int
    fill: str
    words: str


@dataclass(frozen=True, slots=True)
class AccountLine:
    """One account. `url` is None for one that has left the rules; `portal` is HubSpot's number of it."""

    name: str
    url: str | None
    portal: str | None
    by: str
    standing: Standing
    bars: Sequence[Bar]
    doctor: tuple[str, str]


def url_of(account: str, what: str = "") -> str:
    """Return the path of an account's page, or of what is done there."""
    return f"{ROOT}/accounts/{quote(account, safe='')}{what}"


def line_of(
    row: Mapping[str, Any],
    visit: Visit,
    *,
    portal: str | None,
    budget: Budget | None,
    held: int,
    run: Mapping[str, Any] | None,
    oauth: bool,
) -> AccountLine:
    """Return an account as it is shown; `budget` is None for one that has left the rules."""
    return AccountLine(
        name=row["account"],
        url=url_of(row["account"]) if budget else None,
        portal=row.get("hub_id") or portal,
        by=OAUTH if oauth else TOKEN,
        standing=standing(row, held, known=portal is not None, now=visit.now, zone=visit.zone),
        bars=bars_of(budget, visit) if budget else (),
        doctor=run_in_words(run, visit.now, visit.zone),
    )


def bars_of(budget: Budget, visit: Visit) -> tuple[Bar, ...]:
    """Return a bar for each window and for the day."""
    bars = [
        Bar(one.kind, one.used, one.allowed, fill_of(one.used, one.allowed), window_in_words(one))
        for one in budget.windows
    ]
    if day := budget.day:
        bars.append(Bar("day", day.used, day.cap, fill_of(day.used, day.cap), day_in_words(day, visit.now, visit.zone)))
    return tuple(bars)
