"""Contact properties: definitions, and the values that HubSpot accepts.

Sources: HubSpot's text for dates, its changelog of January 2025 for blanks at the ends of options, and public logs for
the other error codes.
"""

from __future__ import annotations

import contextlib
import re
from datetime import UTC, date, datetime, time
from typing import Literal, NamedTuple

from pydantic import BaseModel, ConfigDict

NUMBER = re.compile(r"[-+]?[0-9]+(\.[0-9]+)?([eE][-+]?[0-9]+)?")
DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


class Problem(NamedTuple):
    """Why a value is refused: HubSpot's code, and its sentence."""

    code: str
    message: str


def missing(name: str) -> Problem:
    """Return the problem of a property that does not exist."""
    return Problem("PROPERTY_DOESNT_EXIST", f'Property "{name}" does not exist')


class ContactProperty(BaseModel):
    """One property. `options` are the values of an enumeration; without any, it takes every value, as owners do.

    With `several`, a value may hold several options (a checkbox), separated by semicolons. A `calculated` property is
    read-only, too.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    type: Literal["string", "number", "date", "datetime", "bool", "enumeration"] = "string"
    options: tuple[str, ...] = ()
    several: bool = False
    read_only: bool = False
    calculated: bool = False

    def problem(self, value: str) -> Problem | None:
        """Return why this value cannot be written, None where it can. An empty value clears the property."""
        if self.read_only or self.calculated:
            return Problem("READ_ONLY_VALUE", f'"{self.name}" is a read only property; its value cannot be set.')
        if not value:
            return None
        if self.type == "number" and not NUMBER.fullmatch(value):
            return Problem("INVALID_LONG", f"{value} was not a valid long.")
        if self.type == "date":
            return _date_problem(value)
        if self.type == "datetime" and _moment(value) is None:
            return Problem("INVALID_DATE", f"{value} was not a valid datetime.")
        return self._option_problem(value) if self.type in {"bool", "enumeration"} else None

    def _option_problem(self, value: str) -> Problem | None:
        allowed = ("true", "false") if self.type == "bool" else self.options
        chosen = self._chosen(value)
        if any(option != option.strip() for option in chosen):
            return Problem("LEADING_TRAILING_WHITESPACE", f'"{value}" has leading or trailing whitespace.')
        unknown = [option for option in chosen if allowed and option not in allowed]
        if unknown:
            return Problem("INVALID_OPTION", f"{unknown[0]} was not one of the allowed options: {list(allowed)}")
        return None

    def merged(self, value: str, before: str) -> str:
        """Return the value that a contact has after this one is written; a leading semicolon adds to `before`."""
        if not (self.several and value.startswith(";")):
            return value
        return ";".join(dict.fromkeys(option for option in f"{before}{value}".split(";") if option))

    def _chosen(self, value: str) -> list[str]:
        """Return the options that a value chooses; a leading semicolon adds to the options chosen before."""
        return [option for option in value.split(";") if option] if self.several else [value]


def _date_problem(value: str) -> Problem | None:
    """Return why a value is no date: it must be a day, or an instant at midnight UTC."""
    if DAY.fullmatch(value):
        with contextlib.suppress(ValueError):
            date.fromisoformat(value)
            return None
    moment = _moment(value)
    if moment is None:
        return Problem("INVALID_DATE", f"{value} was not a valid date.")
    if moment.time() == time():
        return None
    at = f"{moment.hour}:{moment.minute}:{moment.second}.{moment.microsecond // 1000}"
    return Problem("INVALID_DATE", f"{value} is at {at} UTC, not midnight!")


def _moment(value: str) -> datetime | None:
    """Return an instant in UTC, from milliseconds or from ISO 8601 with a zone; None for anything else."""
    with contextlib.suppress(ValueError, OverflowError, OSError):
        if value.isascii() and value.removeprefix("-").isdigit():
            return datetime.fromtimestamp(int(value) / 1000, UTC)
        moment = datetime.fromisoformat(value)
        return moment.astimezone(UTC) if moment.tzinfo else None
    return None
