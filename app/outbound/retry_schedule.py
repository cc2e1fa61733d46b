"""What an endpoint's answer means for an event, and when the event is sent again. Pure.

| after failure | sent again in | after failure | sent again in |
| --- | --- | --- | --- |
| 1 | 5 s | 5 | 5 h |
| 2 | 5 min | 6 | 10 h |
| 3 | 30 min | 7 | 10 h |
| 4 | 2 h | 8 | never: it has failed |

Source: the schedule that Svix documents, which receivers know. Up to a tenth is added to each wait, so that events that
failed together are not sent again together.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from enum import StrEnum

WAITS = (
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
    timedelta(hours=10),
)
JITTER = 0.1
# A longer Retry-After is not meant seriously, and would keep an event beyond its retention.
LONGEST_PAUSE = timedelta(hours=24)
GONE = 410
ASK_FOR_A_PAUSE = frozenset({429, 503})
LONGEST_NUMBER = 9  # digits of a plausible Retry-After in seconds


class Verdict(StrEnum):
    """What an answer means."""

    DELIVERED = "delivered"
    GONE = "gone"  # the endpoint says that it no longer exists: no event is sent to it
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Outcome:
    """The outcome of sending one event. `due_at` is when it is sent again, or None; `answer` is for operators."""

    verdict: Verdict
    status: int | None
    error: str | None
    due_at: datetime | None
    milliseconds: int
    answer: str | None = None

    @property
    def after(self) -> str:
        """The state of the event afterwards."""
        if self.verdict is Verdict.FAILED:
            return "failed" if self.due_at is None else "waiting"
        return "delivered" if self.verdict is Verdict.DELIVERED else "waiting"


def judge(status: int | None) -> Verdict:
    """Return what a status means, None for no answer. A redirect is a failure: it is never followed."""
    if status is not None and 200 <= status < 300:  # noqa: PLR2004  # any 2xx
        return Verdict.DELIVERED
    return Verdict.GONE if status == GONE else Verdict.FAILED


def next_attempt(tries: int, *, now: datetime, pause: timedelta | None, random: float) -> datetime | None:
    """Return when to send again after `tries` failures, the last one included; None to give up.

    `pause` is the endpoint's Retry-After: the shortest wait. `random` is uniform in [0, 1).
    """
    if tries > len(WAITS):
        return None
    wait = WAITS[tries - 1] * (1 + JITTER * random)
    return now + max(wait, min(pause or timedelta(0), LONGEST_PAUSE))


def pause_of(status: int, retry_after: str | None, now: datetime) -> timedelta | None:
    """Return the pause of a Retry-After, in seconds or as a date, where the status allows for one."""
    if status not in ASK_FOR_A_PAUSE or not retry_after:
        return None
    value = retry_after.strip()
    if value.isascii() and value.isdigit():
        return timedelta(seconds=int(value)) if len(value) <= LONGEST_NUMBER else LONGEST_PAUSE
    try:
        until = parsedate_to_datetime(value)
        # A date without a zone is in UTC: HTTP has no other.
        until = until if until.tzinfo else until.replace(tzinfo=UTC)
        return max(until - now, timedelta(0))
    except (ValueError, OverflowError):
        return None
