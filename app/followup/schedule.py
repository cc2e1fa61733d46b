"""When a running enrollment is looked at again, and how many calls an hour that may cost. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

HOUR = timedelta(hours=1)
SOON = timedelta(minutes=10)
DAILY = timedelta(days=1)
SECOND_LOOK = timedelta(hours=6)
AFTERMATH = timedelta(days=1)  # a reply often follows the last e-mail, and its property lags


def next_look(*, looks: int, unclear: bool, searching: bool) -> timedelta:
    """Return how long to wait after the `looks`-th look (from 1) at a running enrollment.

    While HubSpot's search finds the ends, looks are only the fallback.
    """
    if unclear:
        return SOON
    return SECOND_LOOK if looks <= 1 and not searching else DAILY


def search_pause(pages: int, *, limit: int) -> timedelta:
    """Return the pause after `pages` calls of a search, which leaves half of the hour's calls to looks.

    A search finds the ends of the whole portal, enrolled by us or not, so it may never finish.
    """
    return pages * 2 * HOUR / limit


def last_look(ended_seen_at: datetime, *, now: datetime) -> datetime | None:
    """Return when an ended enrollment is looked at once more, for a late reply; None after that."""
    due = ended_seen_at + AFTERMATH
    return due if now < due else None


def spend(calls: Sequence[datetime], *, limit: int, now: datetime) -> list[datetime] | None:
    """Return the calls of the last hour with one more, None where `limit` calls were made in the hour before `now`."""
    recent = [call for call in calls if call > now - HOUR]
    return [*recent, now] if len(recent) < limit else None
