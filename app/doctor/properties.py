"""The contact properties that rules name: HubSpot's definitions say what it will refuse, and what is left out. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC
from typing import TYPE_CHECKING

from app.doctor.facts import MISSING_SCOPES, because
from app.doctor.findings import Finding, failed, ok, unknown, warning
from app.errors import Refusal, SegueError
from app.hubspot.property_values import Misfit, fit
from app.model import DECISION

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from app.doctor.facts import Facts
    from app.doctor.named_properties import NamedProperty, WriteBack
    from app.doctor.requirements import Wanted
    from app.hubspot.api.properties import PropertyDefinition
    from app.rules.file.places import FilePlace

CHECK = "contact properties"
CREATE = "create it in HubSpot, or correct the rule (HubSpot does not list sensitive ones)"
DO = "create or mend it in HubSpot (single-line text takes everything), or name another one"


@dataclass(frozen=True, slots=True)
class WrongProperty:
    """A property in the rules file that HubSpot will refuse (`sure`), or may. `told` names neither file nor line."""

    place: FilePlace
    told: str
    do: str
    sure: bool = False


def named(wanted: Wanted, facts: Facts) -> Iterator[Finding]:
    """Judge the properties that rules name."""
    if not wanted.named:
        yield ok(CHECK, "the rules name none")
    elif isinstance(facts.definitions, SegueError):
        yield _unread(CHECK, wanted.properties, facts.definitions)
    else:
        wrong = list(wrong_properties(wanted.named, facts.definitions))
        for one in wrong:
            yield (failed if one.sure else warning)(CHECK, f"{one.place}: {one.told}", one.do)
        if not wrong:
            yield ok(CHECK, ", ".join(wanted.properties))


def wrong_properties(
    named: Iterable[NamedProperty], definitions: Mapping[str, PropertyDefinition]
) -> Iterator[WrongProperty]:
    """Return what HubSpot will refuse, and what will be left out, of the properties that rules name."""
    for one in named:
        if wrong := _judged(one, definitions.get(one.name.lower())):
            yield wrong


def _judged(one: NamedProperty, definition: PropertyDefinition | None) -> WrongProperty | None:
    about = f"{one.key}: {one.name}"
    if definition is None:
        what = "an enrollment that writes it is parked" if one.writes else "no contact has it"
        return WrongProperty(one.place, f"{about}: HubSpot lists no contact property of this name; {what}", CREATE)
    if one.writes and definition.read_only:
        message = f"{about}: its value is read-only; an enrollment that writes it is parked"
        return WrongProperty(one.place, message, "name another property", sure=True)
    fitted = fit(one.known.value, definition, UTC) if one.known else ""
    if one.known is None or not isinstance(fitted, Misfit):
        return None
    if fitted.code is None:
        message = f"{about}: its type is {definition.type}, which {one.known.described} does not fit; it is left out"
        return WrongProperty(one.place, message, "name another property, or write a value that fits")
    if not one.known.exact:
        return None  # the example is no option, and the values of events may be
    message = f"{about}: {one.known.described} is none of its options; an enrollment that writes it is parked"
    return WrongProperty(one.place, message, "add the option in HubSpot, or correct the value", sure=True)


def write_backs(wanted: Wanted, facts: Facts) -> Iterator[Finding]:
    """Judge each property that says why a contact was enrolled."""
    for one in wanted.write_backs:
        check = f"write_back {one.fact}"
        if isinstance(facts.definitions, SegueError):
            yield _unread(check, (one.name,), facts.definitions)
        else:
            yield _write_back(check, one, facts.definitions)


def _write_back(check: str, one: WriteBack, definitions: Mapping[str, PropertyDefinition]) -> Finding:
    if wrong := wrong_write_back(one, definitions):
        return warning(check, f"{wrong.place}: {wrong.told}", wrong.do)
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


def _unread(check: str, names: Iterable[str], error: SegueError) -> Finding:
    lacks = isinstance(error, Refusal) and error.code == MISSING_SCOPES
    do = "give the token crm.schemas.contacts.read to have them looked at" if lacks else ""
    return unknown(check, f"{', '.join(names)}: which properties HubSpot has cannot be read: {because(error)}", do)


def unasked(wanted: Wanted) -> Iterator[Finding]:
    """Return the findings where HubSpot is not called."""
    names = ", ".join(wanted.properties)
    yield unknown(CHECK, f"not asked (--offline): {names}") if names else ok(CHECK, "the rules name none")
    for one in wanted.write_backs:
        yield unknown(f"write_back {one.fact}", f"not asked (--offline): {one.name}")
