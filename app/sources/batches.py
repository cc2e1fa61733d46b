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
    return value
