"""How an endpoint stands, in words: its mark, its state, and the sentence about all of them. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.console.text import ago, exactly, moment, number
from app.outbound.breaker import Position
from app.outbound.status import DISABLED, LEFT

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from zoneinfo import ZoneInfo

    from app.outbound.status import EndpointStatus

NONE = "The rules in force name no endpoint, so that nothing is sent to systems of your own."
_MESSAGE_MARKS = {"waiting": "wait", "sending": "wait", "delivered": "ok", "failed": "bad"}


def mark_of(status: EndpointStatus) -> str:
    """Return the mark of an endpoint: of the style sheet's states."""
    if status.state in {DISABLED, Position.OPEN}:
        return "bad"
    if status.state == LEFT:
        return "no"
    if status.state == Position.HALF_OPEN or status.failures:
        return "look"
    return "ok" if status.last_success_at else "no"


def state_in_words(status: EndpointStatus, now: datetime, zone: ZoneInfo) -> str:
    """Return how it stands: `answers`, `paused until 14:40`."""
    match status.state:
        case Position.OPEN if status.open_until:
            return f"paused until {moment(status.open_until, now, zone)}"
        case Position.HALF_OPEN:
            return "tried with one event"
        case _ if status.state == DISABLED:
            return "disabled: it answered 410, gone"
        case _ if status.state == LEFT:
            return "not in the rules any more"
    if status.failures:
        return f"failed {number(status.failures)} in a row"
    return "answers" if status.last_success_at else "no answer yet"


def sentence(status: EndpointStatus, now: datetime, zone: ZoneInfo) -> str:
    """Return the sentence about one endpoint: whether it takes what it is sent, what waits, and how it failed last."""
    taken = f" It last took an event {ago(status.last_success_at, now)}." if status.last_success_at else ""
    waits = f"{exactly(status.waiting, 'event waits', 'events wait')}." if status.waiting else "Nothing waits for it."
    return f"{status.name}: {state_in_words(status, now, zone)}. {waits}{taken}"


def all_in_words(statuses: Sequence[EndpointStatus]) -> str:
    """Return the sentence about all endpoints."""
    if not statuses:
        return NONE
    stuck = [one.name for one in statuses if mark_of(one) == "bad"]
    waiting = sum(one.waiting for one in statuses)
    waits = f"{exactly(waiting, 'event waits', 'events wait')}" if waiting else "nothing waits"
    if not stuck and not waiting and all(mark_of(one) == "no" for one in statuses):
        whom = "it" if len(statuses) == 1 else "any"
        return f"{exactly(len(statuses), 'endpoint')}, and nothing was sent to {whom} yet."
    if not stuck:
        whole = "The endpoint takes" if len(statuses) == 1 else f"All {len(statuses)} endpoints take"
        return f"{whole} what is sent; {waits}."
    verb = "takes" if len(stuck) == 1 else "take"
    return f"{', '.join(stuck)} {verb} nothing now; {waits}."


def message_mark(state: str) -> str:
    """Return the mark of an event's state."""
    return _MESSAGE_MARKS.get(state, "no")
