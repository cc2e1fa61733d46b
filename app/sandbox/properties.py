"""Contact properties: how each is defined, and which values HubSpot takes for it.

The fields of a definition are those of HubSpot's OpenAPI collection (CRM/Properties, 2026-03). The codes of what it
refuses are seen in public logs.
"""

from __future__ import annotations

import contextlib
import math
from datetime import UTC, datetime, time
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict

from app.sandbox.errors import not_found

if TYPE_CHECKING:
    from app.sandbox.request import Asked
    from app.sandbox.state.account import State

FIELD_TYPES = {"string": "text", "number": "number", "bool": "booleancheckbox", "enumeration": "select"}


class Problem(NamedTuple):
    """Why a value is refused: HubSpot's code, and its sentence."""

    code: str
    message: str


def missing(name: str) -> Problem:
    """Say that there is no such property."""
    return Problem("PROPERTY_DOESNT_EXIST", f'Property "{name}" does not exist')


class ContactProperty(BaseModel):
    """One property. `options` are the values of an enumeration; without any, it takes every value, as owners do.

    `several` options may be chosen at once (a checkbox), with semicolons between. A `calculated` one is read-only, too.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    type: Literal["string", "number", "date", "datetime", "bool", "enumeration"] = "string"
    options: tuple[str, ...] = ()
    several: bool = False
    read_only: bool = False
    calculated: bool = False

    def problem(self, value: str) -> Problem | None:
        """Return why this value cannot be written, None where it can. An empty one clears the property."""
        if self.read_only or self.calculated:
            return Problem("READ_ONLY_VALUE", f'"{self.name}" is a read only property; its value cannot be set.')
        if not value:
            return None
        if self.type == "number" and not _is_number(value):
            return Problem("INVALID_LONG", f"{value} was not a valid long.")
        if self.type in {"date", "datetime"} and not _is_moment(value, midnight=self.type == "date"):
            return Problem("INVALID_DATE", f"{value} was not a valid {self.type}.")
        allowed = ("true", "false") if self.type == "bool" else self.options
        unknown = [one for one in self._chosen(value) if allowed and one not in allowed]
        if unknown:
            return Problem("INVALID_OPTION", f"{unknown[0]} was not one of the allowed options: {list(allowed)}")
        return None

    def _chosen(self, value: str) -> list[str]:
        """Return the options that a value chooses; a leading semicolon adds to what is there."""
        return [one for one in value.split(";") if one] if self.several else [value]


def list_all(state: State, _: Asked) -> tuple[int, dict[str, Any]]:
    """List the definitions of all contact properties: one page, however many there are."""
    return 200, {"results": [_shown(one) for one in state.properties().values()]}


def read(state: State, asked: Asked) -> tuple[int, dict[str, Any]]:
    """Read one definition."""
    found = state.properties().get(asked.path["propertyName"])
    if found is None:
        raise not_found(f'property "{asked.path["propertyName"]}"')
    return 200, _shown(found)


def _shown(one: ContactProperty) -> dict[str, Any]:
    field_type = "calculation_equation" if one.calculated else FIELD_TYPES.get(one.type, "date")
    options = ("true", "false") if one.type == "bool" else one.options
    return {
        "name": one.name,
        "label": one.name.replace("_", " ").capitalize(),
        "type": one.type,
        "fieldType": "checkbox" if one.several else field_type,
        "description": "",
        "groupName": "contactinformation",
        "options": [_option(value, place) for place, value in enumerate(options)],
        "calculated": one.calculated,
        "externalOptions": one.type == "enumeration" and not one.options,
        "hasUniqueValue": one.name == "email",
        "hidden": False,
        "formField": True,
        "hubspotDefined": not one.name.startswith("segue_"),
        "archived": False,
        "modificationMetadata": {
            "archivable": True,
            "readOnlyDefinition": False,
            "readOnlyValue": one.read_only or one.calculated,
        },
    }


def _option(value: str, place: int) -> dict[str, Any]:
    return {"label": value.capitalize(), "value": value, "displayOrder": place, "hidden": False}


def _is_number(value: str) -> bool:
    with contextlib.suppress(ValueError):
        return math.isfinite(float(value))
    return False


def _is_moment(value: str, *, midnight: bool) -> bool:
    """Tell whether a value is a date, in milliseconds or by ISO 8601; `midnight` asks for the beginning of a day."""
    with contextlib.suppress(ValueError, OverflowError, OSError):
        if value.isascii() and value.isdigit():
            moment = datetime.fromtimestamp(int(value) / 1000, UTC)
        else:
            moment = datetime.fromisoformat(value)
        return moment.time() == time() if midnight else moment.tzinfo is not None
    return False
