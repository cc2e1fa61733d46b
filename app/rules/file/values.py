"""How single values of the rules file are written: text, ids, durations, names, time zones, expressions."""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, WithJsonSchema

from app.model import OF_CONTACT, OF_SENDER
from app.people.addresses import read_domain
from app.people.suppression import Suppression, read
from app.sending_windows import HOLIDAYS, calendar_code, parse_days, parse_hours, zone

if TYPE_CHECKING:
    from pydantic import GetJsonSchemaHandler
    from pydantic_core import CoreSchema

# In short or in words: a duration that one of our own messages names can be copied into the file.
_PART = r"([0-9]{1,6})\s*(weeks?|days?|hours?|minutes?|seconds?|[wdhms])"
_DURATION = rf"{_PART}(\s+{_PART})*"
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def duration(value: object) -> timedelta:
    """Return a duration written like 30d, 12h, 15m, `30 days` or `1 hour 30 minutes`. Raises ValueError."""
    if not isinstance(value, str) or re.fullmatch(_DURATION, value) is None:
        raise ValueError("write a duration like 30d, 12h, 15m, 90s or 30 days")
    parts = (timedelta(**{_UNITS[unit[0]]: int(count)}) for count, unit in re.findall(_PART, value))
    return sum(parts, timedelta())


def quoted(value: object) -> object:
    """Raise ValueError for an id that is written as a number."""
    if isinstance(value, int) and not isinstance(value, bool):
        raise ValueError(f'ids are text: write "{value}" in quotes')  # noqa: TRY004  # pydantic wants ValueError
    return value


def one_or_many(value: object) -> object:
    """Return a list, also of a single value."""
    return [value] if isinstance(value, str) else value


def _zone(value: object) -> object:
    return zone(value).key if isinstance(value, str) else value


def whose_zone(value: object) -> object:
    """Return `sender` or `contact` unchanged, else the canonical name of the time zone."""
    return value if value in {OF_SENDER, OF_CONTACT} else _zone(value)


def days(value: object) -> object:
    """Return weekdays by their ISO numbers."""
    return parse_days(value) if isinstance(value, str) else value


def hours(value: object) -> object:
    """Return the first and the last time of a day."""
    return parse_hours(value) if isinstance(value, str) else value


def holiday(value: object) -> date | str:
    """Return a day, or the code of the calendar whose public holidays are meant. Raises ValueError."""
    if isinstance(value, str) and not value[:1].isdigit():
        return calendar_code(value)
    try:
        return date.fromisoformat(str(value))
    except ValueError:
        raise ValueError(HOLIDAYS) from None


def required(value: object) -> object:
    """Return required properties as a mapping to their defaults."""
    return dict.fromkeys(value) if isinstance(value, list) and all(isinstance(v, str) for v in value) else value


def suppression(value: object) -> Suppression:
    """Return a suppression entry. Raises ValueError."""
    if not isinstance(value, str):
        raise ValueError("must be text")  # noqa: TRY004  # pydantic wants ValueError
    return read(value)


def domain(value: object) -> object:
    """Return a domain in ASCII. Raises ValueError."""
    return read_domain(value) if isinstance(value, str) else value


def members(value: object) -> object:
    """Return members of a pool as a mapping to their weights."""
    return dict.fromkeys(value, 1) if isinstance(value, list) and all(isinstance(v, str) for v in value) else value


def secret(value: object) -> object:
    """Return a secret as a mapping, also where only its value is written."""
    return {"value": value} if isinstance(value, str) else value


class AlsoWritten:
    """Adds the short form of a mapping to its JSON Schema."""

    def __init__(self, short: dict[str, Any]) -> None:
        self._short = short

    def __get_pydantic_json_schema__(self, core_schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """Return the schema of both forms; pydantic calls this."""
        return {"anyOf": [self._short, handler(core_schema)]}


class Entry(BaseModel):
    """A part of the rules file: unknown keys are errors, and no message repeats a value."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


Text = Annotated[str, StringConstraints(strict=True, min_length=1)]
IDS = r"^[0-9]{1,20}$"
HubSpotId = Annotated[Text, BeforeValidator(quoted), StringConstraints(pattern=IDS)]
Name = Annotated[str, StringConstraints(strict=True, pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$")]
Cel = Annotated[Text, Field(description="A CEL expression over `event`")]
Types = Annotated[
    list[Text],
    BeforeValidator(one_or_many),
    Field(min_length=1),
    WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}, "minItems": 1}]}),
]
Duration = Annotated[
    timedelta,
    BeforeValidator(duration),
    WithJsonSchema({"type": "string", "pattern": f"^{_DURATION}$", "examples": ["30d", "12h", "30 days"]}),
]


def silence(value: object) -> timedelta:
    """Return a duration, `timedelta.max` for `off`, which YAML also reads as false. Raises ValueError."""
    if value is False or value == "off":
        return timedelta.max
    if not isinstance(value, str) or re.fullmatch(_DURATION, value) is None:
        raise ValueError("write off, or a duration like 36h or 14 days")
    return duration(value)


Silence = Annotated[
    timedelta,
    BeforeValidator(silence),
    WithJsonSchema({"type": "string", "pattern": f"^(off|{_DURATION})$", "examples": ["off", "36h"]}),
]
Zone = Annotated[Text, BeforeValidator(_zone)]
# A blank default would appear in a mail as "Hi  ,", which `require` exists to prevent.
Default = Annotated[str, StringConstraints(strict=True, strip_whitespace=True, min_length=1)]
