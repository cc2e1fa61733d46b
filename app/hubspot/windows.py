"""The windows of an account's requests, and what their limits allow. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from app.errors import BudgetSpent, HeldError

if TYPE_CHECKING:
    from datetime import datetime

DAILY = "RATE_LIMIT_DAILY"
SECONDLY = "RATE_LIMIT_SECONDLY"
LONGEST_WAIT_SECONDS = 60.0  # in memory: a request that has to wait longer gives up its place
SHORTEST_WAIT_SECONDS = 0.005
PATIENCE_SECONDS = 0.05  # that a request waits for a permit so that others get theirs by the same query
START_MAXIMUM = 100  # per window: the least any HubSpot plan allows; raised when HubSpot's headers say so
# Searches have a window of their own, 5 a second for the account (HubSpot's search guide). HubSpot does not say that
# they are exempt from the general one, so they count there too.
GENERAL, SEARCH = "general", "search"
SEARCHES, SEARCH_WINDOW_MS = 5, 1000


class Limits(NamedTuple):
    """A window as HubSpot describes it: `maximum` requests in any `window_ms` milliseconds."""

    maximum: int
    window_ms: int


def start_limits(kind: str, window_ms: int) -> Limits:
    """Return what is taken for a window until HubSpot reports another; `window_ms` is the general one's length."""
    return Limits(SEARCHES, SEARCH_WINDOW_MS) if kind == SEARCH else Limits(START_MAXIMUM, window_ms)


def windows_of(kind: str) -> list[str]:
    """Return the windows that a request counts for, the rarer one first: one order of locks excludes deadlocks."""
    return [kind] if kind == GENERAL else [kind, GENERAL]


def allowance(maximum: int, cap: int | None, headroom: float) -> int:
    """Return how many requests the window admits: HubSpot's limit or a lower cap, less the headroom; 1 at least."""
    return max(1, int(min(maximum, cap or maximum) * (1 - headroom)))


def blocked(code: str | None, until: datetime, now: datetime) -> float:
    """Return the seconds to wait after a 429. Raises HeldError where that is too long for a wait in memory."""
    if code == DAILY:
        raise BudgetSpent("daily_budget", until)
    seconds = (until - now).total_seconds()
    if seconds > LONGEST_WAIT_SECONDS:
        reason = code or "RATE_LIMIT"
        raise HeldError(reason, until, f"HubSpot asks for a pause until {until:%Y-%m-%d %H:%M} UTC ({reason})")
    return max(seconds, SHORTEST_WAIT_SECONDS)


def next_query_in(first_in: float, enough_in: float | None) -> float:
    """Return the seconds until a full window is asked again.

    It has one more place in `first_in` seconds, and as many as are wanted in `enough_in`, None where that is unknown.
    """
    seconds = first_in if enough_in is None else min(enough_in, first_in + PATIENCE_SECONDS)
    return max(seconds, SHORTEST_WAIT_SECONDS)
