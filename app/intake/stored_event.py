"""A stored event, read back: the facts that rules look at, as they were when the event was accepted or looked up."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from app.model import Event

if TYPE_CHECKING:
    from collections.abc import Mapping


def event_of(row: Mapping[Any, Any]) -> Event:
    """Return the event of a row of `events`. The row has no key for duplicates: its id takes that place."""
    return Event(
        source=row["source"],
        type=row["type"],
        dedupe=(row["id"],),
        id=row["provider_id"],
        occurred_at=row["occurred_at"],
        email=row["email"],
        first_name=row["first_name"],
        last_name=row["last_name"],
        name=row["name"],
        company=row["company"],
        data=row["data"] or {},
        exit=row["exit"],
        answers=row["answers"] or {},
        received_at=row["received_at"],
    )
