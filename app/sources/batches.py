"""Batches: each member is an event of its own, and one that cannot be read does not spoil the rest."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from app.errors import Unreadable
from app.model import Event
from app.sources.fields import body_digest

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from app.model import Delivery, SourceConfig

DROPPED = "dropped"
# The largest that is documented is Segment's, 4,000.
MOST_MEMBERS = 10_000


def each(
    members: Sequence[Any], read: Callable[[int], Event], delivery: Delivery, config: SourceConfig, *, at: str = ""
) -> list[Event]:
    """Return an event for every member: what `read` makes of its index, or one that says why it was dropped.

    `at` is the JSON pointer of the list, for people.
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
    """Return what is recorded of a member that cannot be used: not its content, which nobody vouches for."""
    return Event(config.name, DROPPED, (DROPPED, digest, str(index)), dropped=reason)


def rows(value: Any, where: str) -> list[Any]:
    """Return a list as it is; raise Unreadable where there is none."""
    if not isinstance(value, list):
        raise Unreadable("malformed_body", f"{where} is not a list")
    return not_too_many(value)


def not_too_many(members: list[Any]) -> list[Any]:
    """Return the members as they are; raise Unreadable where there are more than any sender puts into one batch."""
    if len(members) > MOST_MEMBERS:
        raise Unreadable("too_many_members", f"the batch has {len(members)} members, more than {MOST_MEMBERS}")
    return members
