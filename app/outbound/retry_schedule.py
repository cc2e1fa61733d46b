"""What an endpoint's answer means for a delivery, and when it is sent again. Pure.

| after failure | sent again in | after failure | sent again in |
| --- | --- | --- | --- |
| 1 | 5 s | 5 | 5 h |
| 2 | 5 min | 6 | 10 h |
| 3 | 30 min | 7 | 10 h |
| 4 | 2 h | 8 | never: it has failed |

Source: the schedule that Svix documents, which receivers know. A tenth at most is added to each wait, so that those
that failed together do not come back together.
"""

from __future__ import annotations

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
# Nobody means more; an endpoint that names more would keep a delivery beyond its retention.
LONGEST_PAUSE = timedelta(hours=24)
GONE = 410
ASK_FOR_A_PAUSE = frozenset({429, 503})
LONGEST_NUMBER = 9  # digits of a believable Retry-After in seconds


class Verdict(StrEnum):
    """What an answer means."""

    DELIVERED = "delivered"
    GONE = "gone"  # the endpoint says that it is no more: nothing is sent to it
    FAILED = "failed"


def judged(status: int | None) -> Verdict:
    """Return what a status means, None for no answer. A redirect is a failure: it is never followed."""
    if status is not None and 200 <= status < 300:  # noqa: PLR2004  # any 2xx
        return Verdict.DELIVERED
    return Verdict.GONE if status == GONE else Verdict.FAILED


def next_delivery(tries: int, *, now: datetime, pause: timedelta | None, random: float) -> datetime | None:
    """Return when to send again after `tries` failures, the last one included; None to give up.

    `pause` is what the endpoint asked for: the least that is waited. `random` is uniform in [0, 1).
    """
    if tries > len(WAITS):
        return None
    wait = WAITS[tries - 1] * (1 + JITTER * random)
    return now + max(wait, min(pause or timedelta(0), LONGEST_PAUSE))


def pause_of(status: int, retry_after: str | None, now: datetime) -> timedelta | None:
    """Return the pause that an answer asks for: seconds or a date, from those that may ask for one."""
    if status not in ASK_FOR_A_PAUSE or not retry_after:
        return None
    told = retry_after.strip()
    if told.isascii() and told.isdigit():
        return timedelta(seconds=int(told)) if len(told) <= LONGEST_NUMBER else LONGEST_PAUSE
    try:
        until = parsedate_to_datetime(told)
        # A date that names no zone is in UTC: HTTP knows no other.
        until = until if until.tzinfo else until.replace(tzinfo=UTC)
        return max(until - now, timedelta(0))
    except (ValueError, OverflowError):
        return None
