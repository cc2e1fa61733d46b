"""Batches: each member is an event of its own; an unreadable member does not affect the others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from app.errors import Unreadable
from app.model import Delivery, Event, SourceConfig
from app.sources.fields import body_digest

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

DROPPED = "dropped"
# The largest documented batch is Segment's, of 4,000 members.
MOST_MEMBERS = 10_000


def each(
    members: Sequence[Any], read: Callable[[int], Event], delivery: Delivery, config: SourceConfig, *, at: str = ""
) -> list[Event]:
    """Return an event for every member: the one that `read` returns for its index, or one with the reason of the drop.

    `at` is the JSON pointer of the list, for that reason.
    """
    digest = ""
    events: list[Event] = []
    for index in range(len(members)):
        try:
            events.append(read(index))
        except Unreadable as error:
            digest = digest or body_digest(delivery.body)
            events.append(dropped(config, digest, index, f"{at}/{index}: {error}"))
    return events


def dropped(config: SourceConfig, digest: str, index: int, reason: str) -> Event:
    """Return the event that records a dropped member: without its content, which is not authenticated."""
    return Event(config.name, DROPPED, (DROPPED, digest, str(index)), dropped=reason)


def rows(value: Any, where: str) -> list[Any]:
    """Return the value, which must be a list. Raises Unreadable."""
    if not isinstance(value, list):
        raise Unreadable("malformed_body", f"{where} is not a list")
    return not_too_many(value)


def not_too_many(members: list[Any]) -> list[Any]:
    """Return the members. Raises Unreadable for more members than any sender puts into one batch."""
    if len(members) > MOST_MEMBERS:
        raise Unreadable("too_many_members", f"the batch has {len(members)} members, more than {MOST_MEMBERS}")
    return members
