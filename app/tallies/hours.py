"""Hours (UTC), and the ids of the events that belong to one. Pure.

An event belongs to the hour of the time in its id: the moment at which the replica that received it gave the id.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

HOUR = timedelta(hours=1)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def hour_of(moment: datetime) -> datetime:
    """Return the begin of the hour in which an aware `moment` lies, in UTC."""
    return moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def first_id(moment: datetime) -> str:
    """Return an id that sorts before those of all events from `moment` on, and after those before it."""
    milliseconds = (moment - EPOCH) // timedelta(milliseconds=1)
    return f"evt_{max(0, milliseconds):012x}"


def hours_between(since: datetime, until: datetime) -> Iterator[datetime]:
    """Yield the hours from the one of `since` on that begin before `until`."""
    hour = hour_of(since)
    while hour < until:
        yield hour
        hour += HOUR
