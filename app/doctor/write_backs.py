"""The properties that say why a contact was enrolled: do they exist, and does each fit its values. Pure."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from app.doctor.findings import ok, unknown, warning
from app.doctor.properties import WrongProperty, unread
from app.errors import SegueError
from app.model import DECISION

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from app.doctor.facts import Facts
    from app.doctor.findings import Finding
    from app.doctor.named_properties import WriteBack
    from app.doctor.requirements import Wanted
    from app.hubspot.api.properties import PropertyDefinition

DO = "create or mend it in HubSpot (single-line text takes everything), or name another one"


def write_backs(wanted: Wanted, facts: Facts) -> Iterator[Finding]:
    """Judge each property that says why a contact was enrolled."""
    for one in wanted.write_backs:
        check = f"write_back {one.fact}"
        if isinstance(facts.definitions, SegueError):
            yield unread(check, (one.name,), facts.definitions)
        else:
            yield _write_back(check, one, facts.definitions)


def _write_back(check: str, one: WriteBack, definitions: Mapping[str, PropertyDefinition]) -> Finding:
    if wrong := wrong_write_back(one, definitions):
        return warning(check, f"{wrong.place}: {wrong.problem}", wrong.do)
    if any(_fits(value, definitions[one.name.lower()]) is None for value in one.values):
        return unknown(check, f"{one.name}: whether its type takes what is written there is not known")
    return ok(check, one.name)


def wrong_write_back(one: WriteBack, definitions: Mapping[str, PropertyDefinition]) -> WrongProperty | None:
    """Return why HubSpot will refuse a write-back, None where nothing says that it will."""
    definition = definitions.get(one.name.lower())
    wrong = "HubSpot lists no contact property of this name" if definition is None else _wrong(one, definition)
    return WrongProperty(one.place, f"{one.name}: {wrong}; contacts are written without it", DO) if wrong else None


def _wrong(one: WriteBack, definition: PropertyDefinition) -> str | None:
    """Return why HubSpot will refuse this write-back, None where nothing says that it will."""
    if definition.read_only:
        return "its value is read-only"
    if definition.unique and one.fact != DECISION:
        return "its values are unique: each may stand on one contact only"
    unfit = [value for value in one.values if _fits(value, definition) is False]
    if not unfit:
        return None
    values = f"an id like {unfit[0]!r}" if one.fact == DECISION else ", ".join(map(repr, unfit))
    return f"its type is {definition.type}, which {values} {'does' if len(unfit) == 1 else 'do'} not fit"


def _fits(value: str, definition: PropertyDefinition) -> bool | None:
    """Return whether a value fits the type of a property, None where that is unknown."""
    match definition.type:
        case "string":
            return True
        case "enumeration":
            return None if definition.options is None else value in definition.options
        case "bool":
            return value in {"true", "false"}
        case "number":
            return _is_number(value)
        case "date" | "datetime":
            return None if value.isdigit() else False
    return None


def _is_number(value: str) -> bool:
    try:
        return math.isfinite(float(value))
    except ValueError:
        return False
