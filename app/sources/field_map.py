"""A source's `map:`: where the values of an event's fields are, for tools whose users choose the names.

A value is named by its path, or by the label or key of an answer as the form shows it. A value that is missing, or is
neither text nor a whole number, leaves the field as the provider read it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from app.people.invisible import visible
from app.sources.fields import as_instant, from_digits
from app.sources.value_paths import FIELD, value_at

if TYPE_CHECKING:
    from collections.abc import Mapping

    from app.model import Event, SourceConfig


def mapped(event: Event, config: SourceConfig, headers: Mapping[str, str]) -> Event:
    """Return the event with the fields that the source's `map:` finds."""
    if not config.fields or event.dropped is not None:
        return event
    found = {name: value for name, where in config.fields.items() if (value := _value(name, where, event, headers))}
    if "email" in found:  # the address is known, so that nothing has to be asked
        found |= {"thin": False, "lacking": None}
    return replace(event, **found)


def _value(name: str, where: str, event: Event, headers: Mapping[str, str]) -> Any:
    value = value_at(where, event.data, headers) if FIELD.fullmatch(where) else _answer(where, event)
    if name == "occurred_at":
        return as_instant(value) or (from_digits(value) if isinstance(value, str) else None)
    if isinstance(value, bool) or not isinstance(value, str | int):
        return None
    return str(value) if visible(str(value)) else None


def _answer(label: str, event: Event) -> Any:
    """Return the answer with this label, or the payload's value of this key, ignoring case and outer space."""
    for answers in (event.answers, event.data):
        if label in answers:
            return answers[label]
    wanted = label.strip().casefold()
    return next((value for key, value in event.answers.items() if key.strip().casefold() == wanted), None)
