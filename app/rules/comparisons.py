"""Conditions that only compare fields with literals, joined by `&&`, without the engine: `event.data.score > 50`.

Most conditions are such ones, and the engine takes a tenth of what a stored event costs. A value is compared here only
where its type is the literal's own and the engine cannot but agree; for anything else, the engine answers.
"""

from __future__ import annotations

import operator
import re
from typing import TYPE_CHECKING, Any, NamedTuple

from app.rules.tokens import tokens

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from app.rules.facts import Facts
    from app.rules.tokens import Token

EQUALITY: dict[str, Callable[[Any, Any], bool]] = {"==": operator.eq, "!=": operator.ne}
ORDER: dict[str, Callable[[Any, Any], bool]] = {
    **EQUALITY,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
INT_64 = 1 << 63
SHORTEST = 5  # event . field > literal
_NUMBER = re.compile("[0-9]{1,18}")
_TEXT = re.compile(r"\"[^\"\\\n]*\"|'[^'\\\n]*'")
_WORDS = {"true": True, "false": False}


class Comparison(NamedTuple):
    """The value at `steps` of the event's `field`, compared with a literal."""

    field: str
    steps: tuple[str, ...]
    compare: Callable[[Any, Any], bool]
    literal: int | str | bool

    def holds(self, facts: Facts) -> bool | None:
        """Tell whether it is true, None where the engine must say."""
        found = facts.value(self.field)
        for step in self.steps:
            if type(found) is not dict or step not in found:
                return None
            found = found[step]
        if type(found) is not type(self.literal) or (type(found) is int and not -INT_64 <= found < INT_64):
            return None
        return self.compare(found, self.literal)


def all_hold(comparisons: Sequence[Comparison], facts: Facts) -> bool | None:
    """Tell whether all are true, None where the engine must say. As in the engine, one that is false decides."""
    for comparison in comparisons:
        held = comparison.holds(facts)
        if not held:
            return held
    return True


def comparisons_of(expression: str) -> tuple[Comparison, ...] | None:
    """Return the comparisons of a compiled expression, None where it is more than that."""
    parts: list[list[Token]] = [[]]
    for token in tokens(expression):
        if token.text == "&&":
            parts.append([])
        else:
            parts[-1].append(token)
    found = [comparison for part in parts if (comparison := _comparison(part)) is not None]
    return tuple(found) if len(found) == len(parts) else None


def _comparison(part: Sequence[Token]) -> Comparison | None:
    if len(part) < SHORTEST or part[0].text != "event":
        return None
    *path, sign, last = part
    names, dots = path[2::2], path[1::2]
    if len(names) != len(dots) or any(dot.text != "." for dot in dots):
        return None
    if any(name.kind != "name" or name.text.startswith("`") for name in names):
        return None
    literal = _literal(last)
    signs = ORDER if type(literal) is int else EQUALITY
    if literal is None or sign.text not in signs:
        return None
    return Comparison(names[0].text, tuple(name.text for name in names[1:]), signs[sign.text], literal)


def _literal(token: Token) -> int | str | bool | None:
    if token.kind == "name":
        return _WORDS.get(token.text)
    if token.kind == "number":
        return int(token.text) if _NUMBER.fullmatch(token.text) else None
    return token.text[1:-1] if token.kind == "text" and _TEXT.fullmatch(token.text) else None
