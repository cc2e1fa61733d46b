"""The contact properties that rules name: HubSpot's definitions say what it will refuse, and what is left out. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC
from typing import TYPE_CHECKING

from app.doctor.facts import MISSING_SCOPES, because
from app.doctor.findings import Finding, failed, ok, unknown, warning
from app.errors import Refusal, SegueError
from app.hubspot.property_values import Misfit, fit

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from app.doctor.facts import Facts
    from app.doctor.named_properties import NamedProperty
    from app.doctor.requirements import Wanted
    from app.hubspot.api.properties import PropertyDefinition
    from app.rules.file.places import FilePlace
    from app.rules.known_values import KnownValue

CHECK = "contact properties"
PARKED = "an enrollment that writes it is parked"
FIT = "name another property, or write a value that fits"
CREATE = "create it in HubSpot, or correct the rule (HubSpot does not list sensitive ones)"


@dataclass(frozen=True, slots=True)
class WrongProperty:
    """A property in the rules file that HubSpot will refuse (`sure`), or may. `problem` names neither file nor line."""

    place: FilePlace
    problem: str
    do: str
    sure: bool = False


def named(wanted: Wanted, facts: Facts) -> Iterator[Finding]:
    """Judge the properties that rules name."""
    if not wanted.named:
        yield ok(CHECK, "the rules name none")
    elif isinstance(facts.definitions, SegueError):
        yield unread(CHECK, wanted.properties, facts.definitions)
    else:
        wrong = list(wrong_properties(wanted.named, facts.definitions))
        for one in wrong:
            yield (failed if one.sure else warning)(CHECK, f"{one.place}: {one.problem}", one.do)
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
        what = PARKED if one.writes else "no contact has it"
        return WrongProperty(one.place, f"{about}: HubSpot lists no contact property of this name; {what}", CREATE)
    if one.writes and definition.read_only:
        message = f"{about}: its value is read-only; {PARKED}"
        return WrongProperty(one.place, message, "name another property", sure=True)
    return _value_judged(one, one.known, definition, about) if one.known else None


def _value_judged(
    one: NamedProperty, known: KnownValue, definition: PropertyDefinition, about: str
) -> WrongProperty | None:
    """Judge what is known of a value. Where this is an example of its kind, other values may be options."""
    fitted = fit(known.value, definition, UTC)
    of_type = isinstance(fitted, Misfit) and fitted.code is None
    if not isinstance(fitted, Misfit) and (not one.literal or fitted == known.value):
        return None
    if not of_type and not known.exact:
        return None
    wrong = f"its type is {definition.type}, which {known.described} does not fit"
    if isinstance(fitted, Misfit) and not of_type:
        wrong = fitted.problem
    left_out = of_type and one.optional
    what, do = ("it is left out", FIT) if left_out else (PARKED, "correct the property in HubSpot, or the value")
    return WrongProperty(one.place, f"{about}: {wrong}; {what}", do, sure=not left_out)


def unread(check: str, names: Iterable[str], error: SegueError) -> Finding:
    """Say that definitions could not be read, and why."""
    lacks = isinstance(error, Refusal) and error.code == MISSING_SCOPES
    do = "give the token crm.schemas.contacts.read to have them looked at" if lacks else ""
    return unknown(check, f"{', '.join(names)}: which properties HubSpot has cannot be read: {because(error)}", do)


def unasked(wanted: Wanted) -> Iterator[Finding]:
    """Return the findings where HubSpot is not called."""
    names = ", ".join(wanted.properties)
    yield unknown(CHECK, f"not asked (--offline): {names}") if names else ok(CHECK, "the rules name none")
    for one in wanted.write_backs:
        yield unknown(f"write_back {one.fact}", f"not asked (--offline): {one.name}")
