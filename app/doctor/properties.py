"""The contact properties that rules name: do they exist, and does each write-back fit its values. Pure."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from app.doctor.facts import MISSING_SCOPES, because
from app.doctor.findings import ok, unknown, warning
from app.errors import Refusal, SegueError
from app.model import DECISION

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from app.doctor.facts import Facts
    from app.doctor.findings import Finding
    from app.doctor.requirements import Wanted, WriteBack
    from app.hubspot.api.properties import PropertyDefinition

CHECK = "contact properties"
DO = "create or mend it in HubSpot (single-line text takes everything), or name another one"


def named(wanted: Wanted, facts: Facts) -> Finding:
    """Judge whether the properties that rules name exist: HubSpot refuses a contact with one that does not."""
    if not wanted.properties:
        return ok(CHECK, "the rules name none")
    if isinstance(facts.definitions, SegueError):
        return _unread(CHECK, wanted.properties, facts.definitions)
    known = {one.name for one in facts.definitions}
    missing = [name for name in wanted.properties if name.lower() not in known]
    if missing:
        message = f"HubSpot lists none named {', '.join(missing)}: a contact is refused for it"
        return warning(CHECK, message, "create it in HubSpot, or mend the rule; sensitive ones are not listed")
    return ok(CHECK, ", ".join(wanted.properties))


def write_backs(wanted: Wanted, facts: Facts) -> Iterator[Finding]:
    """Judge each property that says why a contact was enrolled."""
    for one in wanted.write_backs:
        check = f"write_back {one.fact}"
        if isinstance(facts.definitions, SegueError):
            yield _unread(check, (one.name,), facts.definitions)
        else:
            yield _judged(check, one, facts.definitions)


def _judged(check: str, one: WriteBack, definitions: Iterable[PropertyDefinition]) -> Finding:
    definition = next((known for known in definitions if known.name == one.name.lower()), None)
    wrong = "HubSpot lists no contact property of this name" if definition is None else _wrong(one, definition)
    if wrong:
        return warning(check, f"{one.name}: {wrong}; contacts are written without it", DO)
    if definition is None or any(_fits(value, definition) is None for value in one.values):
        return unknown(check, f"{one.name}: whether its type takes what is written there is not known")
    return ok(check, one.name)


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
