"""The tokens of a CEL expression, as far as macros, operands and the fields of an event are found by them. Pure.

Only an expression that the engine has compiled is read: no mistake is looked for here.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

MACROS = frozenset({"all", "exists", "exists_one", "filter", "map"})
# Within a macro these list or read a whole text once per step; comparisons do not.
REPEATING = frozenset({"map", "size", "string"})
OPEN, CLOSED = frozenset({"(", "[", "{", "[?", "{?"}), frozenset({")", "]", "}"})
_TOKEN = re.compile(
    r"""
    (?P<space>\s+|//[^\n]*)
    |(?P<text>(?:[bB]?[rR]|[rR][bB])(?:\"{3}.*?\"{3}|'{3}.*?'{3}|"[^"\n]*"|'[^'\n]*')
        |[bB]?(?:\"{3}(?:\\.|[^\\])*?\"{3}|'{3}(?:\\.|[^\\])*?'{3}|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'))
    |(?P<name>[A-Za-z_][A-Za-z0-9_]*|`[^`\n]+`)
    |(?P<number>0[xX][0-9a-fA-F]+[uU]?|[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?[uU]?)
    |(?P<sign>&&|\|\||[=!<>]=|\.\?|\[\?|\{\?|.)
    """,
    re.VERBOSE | re.DOTALL,
)


class Token(NamedTuple):
    """One token: `kind` is text, name, number or sign; `start` and `end` are its place in the expression."""

    kind: str
    text: str
    start: int
    end: int


class Macros(NamedTuple):
    """How deep the macros of an expression are nested, and where the first `+` within one is (None: nowhere).

    `repeats` says that a macro may list or read one text many times, `splits` that a list may be made out of a text.
    """

    depth: int
    plus: int | None
    repeats: bool
    splits: bool


def tokens(expression: str) -> list[Token]:
    """Return the tokens of the expression, without spaces and comments."""
    found = _TOKEN.finditer(expression)
    return [
        Token(one.lastgroup or "", one.group(), one.start(), one.end()) for one in found if one.lastgroup != "space"
    ]


def macros(found: Sequence[Token]) -> Macros:
    """Return the nesting of the macros: `a.map(x, x.all(y, y))` is two deep, `a.map(x, x).all(x, x)` one."""
    brackets: list[bool] = []  # of each open bracket whether it is a macro's
    deepest, plus = 0, None
    for number, token in enumerate(found):
        if token.text in OPEN and token.kind == "sign":
            brackets.append(_opens_macro(found[:number]))
            deepest = max(deepest, sum(brackets))
        elif token.text in CLOSED and token.kind == "sign" and brackets:
            brackets.pop()
        elif token.text == "+" and any(brackets) and plus is None:
            plus = token.start
    names = {token.text for token in found if token.kind == "name"}
    return Macros(deepest, plus, deepest > 0 and bool(names & REPEATING), "split" in names)


def _opens_macro(before: Sequence[Token]) -> bool:
    return len(before) > 1 and before[-1].text in MACROS and before[-2].text == "."
