"""When a failed attempt is tried again: full jitter, so that attempts that fail together spread out. Pure.

| tries before | wait, drawn evenly from | by the end of it, at most |
| --- | --- | --- |
| 0 | 0 to 2 s | 2 s |
| 1 | 0 to 4 s | 6 s |
| 2 | 0 to 8 s | 14 s |
| 5 | 0 to 64 s | about 2 min |
| 9 | 0 to 17 min 4 s | about 34 min |
| 10 and more | 0 to 30 min | 30 min more each time |

No attempt is later than 72 h after the first failure, nor earlier than a Retry-After of HubSpot.
"""

from __future__ import annotations

from datetime import datetime, timedelta

BASE = timedelta(seconds=2)
CAP = timedelta(minutes=30)
SPAN = timedelta(hours=72)
DOUBLINGS_TO_CAP = 10  # 2 s doubled ten times passes 30 min; more would only make large numbers


def next_attempt(
    *,
    first_failed_at: datetime,
    tries: int,
    now: datetime,
    retry_after: float | None,
    random: float,
    span: timedelta = SPAN,
) -> datetime | None:
    """Return when to try again, None to give up.

    `tries` counts the failures before this one; `retry_after` is in seconds, from HubSpot's response, and is never
    shortened: when it ends after `span` there is no next attempt. `random` is uniform in [0, 1).
    """
    end = first_failed_at + span
    if now >= end:
        return None
    jittered = min(now + random * longest_wait(tries), end)
    remaining = (end - now).total_seconds()
    if retry_after is None:
        return jittered
    if retry_after > remaining:
        return None
    return max(jittered, now + timedelta(seconds=retry_after))


def longest_wait(tries: int) -> timedelta:
    """Return the longest wait after `tries` earlier failures: 2 s, doubled each time, 30 min at most."""
    doublings: int = 2 ** min(tries, DOUBLINGS_TO_CAP)
    return min(CAP, BASE * doublings)
