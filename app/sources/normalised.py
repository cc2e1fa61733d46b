"""The end of NORMALISE, alike for all providers: the source's `map:`, the parts of a name, when the event arrived."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from app.people.names import name_parts
from app.sources.field_map import mapped

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from app.model import Event, SourceConfig


def normalised(event: Event, config: SourceConfig, headers: Mapping[str, str], received_at: datetime | None) -> Event:
    """Return the provider's event as rules see it. `received_at` is when its delivery arrived, aware."""
    if event.dropped is not None:
        return event
    complete = with_name_parts(mapped(event, config, headers))
    # A copy would take longer than all the rest, and the provider has just made this event.
    complete.received_at = received_at  # type: ignore[misc]
    return complete


def with_name_parts(event: Event) -> Event:
    """Return the event with a first and a last name out of its `name`, where its provider sent neither."""
    if event.name is None or event.first_name is not None or event.last_name is not None:
        return event
    parts = name_parts(event.name, company=event.company)
    return replace(event, first_name=parts.first, last_name=parts.last)
