"""One HubSpot account as its pages show it: whether it lets us in, its budgets, the doctor's last words. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from app.console.account_words import day_in_words, fill_of, run_in_words, standing, window_in_words
from app.console.page import ROOT
from app.hubspot.windows import GENERAL

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from app.console.account_words import Standing
    from app.console.page import Visit
    from app.hubspot.budget_store import Budget

OAUTH, TOKEN = "OAuth", "a token"
DAY = "day"  # the name of a day's bar; those of windows have the kind of their requests


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

    @property
    def pace(self) -> Bar | None:
        """The window of all requests; None before the first one."""
        return next((bar for bar in self.bars if bar.name == GENERAL), None)

    @property
    def day(self) -> Bar | None:
        """The day; None where the rules set no cap on it."""
        return next((bar for bar in self.bars if bar.name == DAY), None)


@dataclass(frozen=True, slots=True)
class AccountFacts:
    """What is stored of one account: its credential, HubSpot's number of it, and the doctor's newest run that is done.

    `budget` is None for one that has left the rules; `held` are the enrollments that wait until it lets Segue in.
    """

    credential: Mapping[str, Any]
    oauth: bool
    portal: str | None
    budget: Budget | None
    held: int
    run: Mapping[str, Any] | None


def url_of(account: str, what: str = "") -> str:
    """Return the path of an account's page, or of what is done there."""
    return f"{ROOT}/accounts/{quote(account, safe='')}{what}"


def line_of(facts: AccountFacts, visit: Visit) -> AccountLine:
    """Return an account as it is shown."""
    row, now, zone = facts.credential, visit.now, visit.zone
    return AccountLine(
        name=row["account"],
        url=url_of(row["account"]) if facts.budget else None,
        portal=row.get("hub_id") or facts.portal,
        by=OAUTH if facts.oauth else TOKEN,
        standing=standing(row, facts.held, known=facts.portal is not None, now=now, zone=zone),
        bars=bars_of(facts.budget, visit) if facts.budget else (),
        doctor=run_in_words(facts.run, now, zone),
    )


def bars_of(budget: Budget, visit: Visit) -> tuple[Bar, ...]:
    """Return a bar for each window and for the day."""
    bars = [
        Bar(one.kind, one.used, one.allowed, fill_of(one.used, one.allowed), window_in_words(one))
        for one in budget.windows
    ]
    if day := budget.day:
        bars.append(Bar(DAY, day.used, day.cap, fill_of(day.used, day.cap), day_in_words(day, visit.now, visit.zone)))
    return tuple(bars)
