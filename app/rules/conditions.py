"""A condition as its operands and the fields of the event that each one looks at. Parsed once per text. Pure."""

from __future__ import annotations

import ast
import json
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from app.rules.expressions import Expression, ExpressionError, compiled
from app.rules.tokens import CLOSED, OPEN, Token, tokens

if TYPE_CHECKING:
    from collections.abc import Sequence

    from app.people.domain_lists import DomainLists

CONDITIONS_KEPT = 2_000
_END = Token("", "", 0, 0)


@dataclass(frozen=True, slots=True)
class Field:
    """A field that an expression names: `steps` lead from the event to it.

    `any_case` says that the last step is a question whose case and outer blanks do not matter, as in `has_answer`.
    """

    text: str
    steps: tuple[str | int, ...]
    any_case: bool = False


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition, with the operands of its outermost `||` or `&&`: none where it has no such sign."""

    expression: Expression
    operands: tuple[Condition, ...]
    fields: tuple[Field, ...]


@lru_cache(maxsize=CONDITIONS_KEPT)
def parsed(text: str, lists: DomainLists) -> Condition:
    """Return the condition of an expression that the engine has compiled with these lists."""
    return Condition(compiled(text, lists), _operands(text, lists), fields_of(text))


def _operands(text: str, lists: DomainLists) -> tuple[Condition, ...]:
    parts = split(text)
    try:
        return tuple(parsed(part, lists) for part in parts) if len(parts) > 1 else ()
    except ExpressionError:  # a spelling of CEL's that `tokens` does not know: the condition is then shown as a whole
        return ()


def split(text: str) -> list[str]:
    """Return the operands of the outermost `||`, else of the outermost `&&`, else the text, without brackets around."""
    bare = _without_brackets(text.strip())
    outer = _outer(tokens(bare))
    if any(token.text == "?" for token in outer):
        return [bare]
    for sign in ("||", "&&"):
        places = [(token.start, token.end) for token in outer if token.text == sign]
        if places:
            starts, ends = [0, *(end for _, end in places)], [*(start for start, _ in places), len(bare)]
            return [_without_brackets(bare[a:b].strip()) for a, b in zip(starts, ends, strict=True)]
    return [bare]


def _outer(found: Sequence[Token]) -> list[Token]:
    """Return the signs that stand in no brackets, the brackets themselves included."""
    depth, outer = 0, []
    for token in (token for token in found if token.kind == "sign"):
        depth -= token.text in CLOSED
        if depth == 0:
            outer.append(token)
        depth += token.text in OPEN
    return outer


def _without_brackets(text: str) -> str:
    while text.startswith("(") and (outer := _outer(tokens(text)))[1:2] and outer[1].end == len(text):
        text = text[1:-1].strip()
    return text


def fields_of(text: str) -> tuple[Field, ...]:
    """Return the fields of the event that an expression names, each once, in their order."""
    found = tokens(text)
    named = (_field(found, number) or _question(found, number) for number in range(len(found)))
    return tuple(dict.fromkeys(field for field in named if field))


def _field(found: Sequence[Token], number: int) -> Field | None:
    """Return the field whose name begins with the token; a call at its end is no part of it."""
    if found[number].text != "event" or (number and found[number - 1].text in {".", ".?"}):
        return None
    steps: list[str | int] = []
    shown, at = "event", number + 1
    while (step := _step(*_three(found, at))) is not None:
        width, value, written = step
        steps.append(value)
        shown += written
        at += width
    return Field(shown, tuple(steps)) if steps else None


def _step(sign: Token, name: Token, after: Token) -> tuple[int, str | int, str] | None:
    """Return how many tokens the next step has, its key or index, and how it is shown; None where no step follows."""
    if sign.text in {".", ".?"} and name.kind == "name" and after.text != "(":
        return 2, name.text.strip("`"), f".{name.text}"
    if sign.text in {"[", "[?"} and after.text == "]" and name.kind in {"text", "number"}:
        value = _literal(name.text)
        return None if value is None else (3, value, f"[{json.dumps(value, ensure_ascii=False)}]")
    return None


def _question(found: Sequence[Token], number: int) -> Field | None:
    """Return the answer of which `has_answer` asks."""
    name, bracket, text = _three(found, number)
    if name.text != "has_answer" or bracket.text != "(" or text.kind != "text":
        return None
    question = _literal(text.text)
    if not isinstance(question, str):
        return None
    return Field(f"event.answers[{json.dumps(question, ensure_ascii=False)}]", ("answers", question), any_case=True)


def _three(found: Sequence[Token], at: int) -> tuple[Token, Token, Token]:
    first, second, third = [*found[at : at + 3], _END, _END, _END][:3]
    return first, second, third


def _literal(text: str) -> str | int | None:
    """Return a text or an index; None for what Python and CEL write differently."""
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return None
    return value if isinstance(value, str | int) else None
