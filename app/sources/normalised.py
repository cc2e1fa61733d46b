"""The end of NORMALISE, alike for all providers: the source's `map:`, the parts of a name, lengths, when it arrived."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from app.people.names import name_parts
from app.sources.field_map import mapped

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from app.model import Event, SourceConfig


LONGEST = 1024  # characters of a field, which is kept far longer than the payload
CUT = ("id", "first_name", "last_name", "name", "company")
TOO_LONG = f"longer than {LONGEST:,} characters"


def normalised(event: Event, config: SourceConfig, headers: Mapping[str, str], received_at: datetime | None) -> Event:
    """Return the provider's event as rules see it. `received_at` is when its delivery arrived, aware."""
    if event.dropped is not None:
        return event
    complete = bounded(with_name_parts(mapped(event, config, headers)))
    # A copy would take longer than all the rest, and the provider has just made this event.
    complete.received_at = received_at  # type: ignore[misc]
    return complete


def with_name_parts(event: Event) -> Event:
    """Return the event with a first and a last name out of its `name`, where its provider sent neither."""
    if event.name is None or event.first_name is not None or event.last_name is not None:
        return event
    parts = name_parts(event.name, company=event.company)
    return replace(event, first_name=parts.first, last_name=parts.last)


def bounded(event: Event) -> Event:
    """Return the event with fields of at most LONGEST characters; what is longer stands whole in the payload alone.

    The key for duplicates is of the whole id. An address is never cut, since its beginning may be another person's; and
    no rule listens to half of a type.
    """
    long = [name for name in (*CUT, "email", "type") if len(getattr(event, name) or "") > LONGEST]
    if not long:
        return event
    fields: dict[str, Any] = {name: getattr(event, name)[:LONGEST] for name in long}
    cut = tuple(name for name in long if name in CUT)
    if "type" in long:
        return replace(
            event, **fields | {"email": None, "cut": cut, "thin": False, "dropped": f"its type is {TOO_LONG}"}
        )
    if "email" in long:
        return replace(event, **fields | {"email": None, "cut": cut, "lacking": f"its address is {TOO_LONG}"})
    return replace(event, **fields, cut=cut)
