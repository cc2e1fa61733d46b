"""What is known of an expression's value before any event: all of a constant, and the kind of some others. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.model import Event
from app.rules.expressions import Failed
from app.rules.facts import Facts
from app.rules.match import property_value

if TYPE_CHECKING:
    from app.model import PropertyValue
    from app.rules.expressions import Expression

# Everything that may differ between events. A variable's value may be a secret, which no finding may show.
_CHANGES = re.compile(r"\bevent\b|\bhas_answer\b|\bnow\b|\$")
_PERSON = re.compile(r"event\.(email|first_name|last_name|name|company)")


@dataclass(frozen=True, slots=True)
class KnownValue:
    """A value, or an example of its kind; `described` is for people. `exact`: no event brings another kind of value."""

    value: PropertyValue
    described: str
    exact: bool = False


TRUTH = KnownValue("true", "true or false", exact=True)
NUMBER = KnownValue("1", "a number")
INSTANT = KnownValue("2026-11-28T10:00:00+00:00", "a time")
LIST = KnownValue(("a", "b"), "a list")
TEXT = KnownValue("Ada", "a text")


def known_value(expression: Expression) -> KnownValue | None:
    """Return what is known of a value that a rule writes, None where events decide it."""
    if not _CHANGES.search(expression.text):
        constant = property_value(expression.evaluate(Facts(Event("", "", ()))))
        if isinstance(constant, Failed) or not constant:
            return None
        shown = repr(constant) if isinstance(constant, str) else ", ".join(map(repr, constant))
        return KnownValue(constant, shown, exact=True)
    return _of_kind(expression)


def _of_kind(expression: Expression) -> KnownValue | None:
    if _PERSON.fullmatch(expression.text.strip()):
        return TEXT
    if expression.text.strip() == "event.exit":
        return TRUTH
    from cel_expr_python import cel  # noqa: PLC0415  # the engine takes 13 MB: see `app.rules.expressions.compiled`

    kind = expression.program.return_type()
    if str(kind).startswith("LIST"):
        return LIST
    numbers = (cel.Type.INT, cel.Type.UINT, cel.Type.DOUBLE)
    known = ((cel.Type.BOOL, TRUTH), (cel.Type.TIMESTAMP, INSTANT), *((number, NUMBER) for number in numbers))
    return next((value for type_, value in known if kind == type_), None)
