"""How senders stand, in words: a mark and a word for each, and the sentence about all or one. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.console.receipts.wording import as_sentence
from app.console.text import exactly, moment, number
from app.masking import masked_text
from app.senders.status import BY_OPERATOR

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from zoneinfo import ZoneInfo

    from app.senders.status import SenderStatus

NONE = "The rules in force name no sender, so that nothing can be enrolled in a sequence."
NEARLY = 0.9  # of the limit: the bar is of another colour


def mark_of(status: SenderStatus) -> str:
    """Return the mark of a sender."""
    if status.paused_at is not None:
        return "bad"
    return "ok" if status.left else "look"


def fill_of(status: SenderStatus) -> str:
    """Return the colour of a sender's bar."""
    if status.paused_at is not None:
        return "plain"
    return "look" if used(status) >= NEARLY * status.limit else "ok"


def used(status: SenderStatus) -> int:
    """Return how many places of the limit are taken: all of them where HubSpot calls the sender full."""
    return status.limit - status.left


def word_of(status: SenderStatus) -> str:
    """Return how a sender stands: `paused`, `full`, `12 left`."""
    if status.paused_at is not None:
        return "paused"
    return f"{number(status.left)} left" if status.left else "full"


def why(status: SenderStatus, now: datetime, zone: ZoneInfo) -> str:
    """Return since when and why nothing is sent by a sender; blank where it can send."""
    if status.paused_at is not None:
        reason = "" if status.reason in {None, BY_OPERATOR} else f": {masked_text(status.reason or '')}"
        by = f"by {status.paused_by}" if status.paused_by else "by Segue, after refusals of HubSpot"
        return as_sentence(f"Paused since {moment(status.paused_at, now, zone)} {by}{reason}")
    if status.full_until is not None:
        return f"HubSpot calls it full; tried again {moment(status.full_until, now, zone)}."
    return ""


def one_in_words(status: SenderStatus, next_at: datetime | None, now: datetime, zone: ZoneInfo) -> str:
    """Return the sentence about one sender."""
    waits = exactly(status.waiting, "enrollment waits", "enrollments wait") if status.waiting else "nothing waits"
    free = f", the next place {moment(next_at, now, zone)}" if next_at and not status.left else ""
    head = f"{status.name} has sent {number(used(status))} of {number(status.limit)} in these 24 hours"
    return " ".join(filter(None, (f"{head}{free}; {waits}.", why(status, now, zone))))


def all_in_words(statuses: Sequence[SenderStatus]) -> str:
    """Return the sentence about all senders."""
    if not statuses:
        return NONE
    paused = sum(one.paused_at is not None for one in statuses)
    full = sum(one.paused_at is None and not one.left for one in statuses)
    left = sum(one.left for one in statuses if one.paused_at is None)
    waiting = sum(one.waiting for one in statuses)
    stuck = [
        f"{count} {'is' if count == 1 else 'are'} {word}"
        for count, word in ((paused, "paused"), (full, "full"))
        if count
    ]
    kept = f", of which {' and '.join(stuck)}" if stuck else ""
    waits = exactly(waiting, "enrollment waits", "enrollments wait") if waiting else "nothing waits"
    return f"{exactly(len(statuses), 'sender')}{kept}: {exactly(left, 'place')} left in these 24 hours; {waits}."
