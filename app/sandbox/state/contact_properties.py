"""Contact properties: definitions, and the values that HubSpot accepts. The error codes are seen in public logs."""

from __future__ import annotations

import contextlib
import math
from datetime import UTC, datetime, time
from typing import Literal, NamedTuple

from pydantic import BaseModel, ConfigDict


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
        if self.type == "number" and not _is_number(value):
            return Problem("INVALID_LONG", f"{value} was not a valid long.")
        if self.type in {"date", "datetime"} and not _is_moment(value, midnight=self.type == "date"):
            return Problem("INVALID_DATE", f"{value} was not a valid {self.type}.")
        allowed = ("true", "false") if self.type == "bool" else self.options
        unknown = [option for option in self._chosen(value) if allowed and option not in allowed]
        if unknown:
            return Problem("INVALID_OPTION", f"{unknown[0]} was not one of the allowed options: {list(allowed)}")
        return None

    def _chosen(self, value: str) -> list[str]:
        """Return the options that a value chooses; a leading semicolon adds to the options chosen before."""
        return [option for option in value.split(";") if option] if self.several else [value]


def _is_number(value: str) -> bool:
    with contextlib.suppress(ValueError):
        return math.isfinite(float(value))
    return False


def _is_moment(value: str, *, midnight: bool) -> bool:
    """Return whether a value is a date, in milliseconds or by ISO 8601; `midnight` requires the beginning of a day."""
    with contextlib.suppress(ValueError, OverflowError, OSError):
        if value.isascii() and value.isdigit():
            moment = datetime.fromtimestamp(int(value) / 1000, UTC)
        else:
            moment = datetime.fromisoformat(value)
        return moment.time() == time() if midnight else moment.tzinfo is not None
    return False
