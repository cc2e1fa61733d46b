"""The functions of expressions beside CEL's own, as the engine takes them: on texts, numbers, names and answers."""

from __future__ import annotations

import string
from itertools import starmap
from typing import TYPE_CHECKING, Any, NamedTuple

from cel_expr_python import cel

from app.people.names import name_parts
from app.rules import text_functions as texts
from app.rules.answers import answer_to
from app.rules.evaluation import CURRENT

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime


TEXT, LIST, INT, BOOL = cel.Type.STRING, cel.Type.List(cel.Type.DYN), cel.Type.INT, cel.Type.BOOL
UPPER, LOWER = string.ascii_uppercase, string.ascii_lowercase
INT_64 = 1 << 63


class Function(NamedTuple):
    """A function with its operands. A member is written `text.trim()` as well as `trim(text)`."""

    name: str
    operands: tuple[Any, ...]
    result: Any
    implementation: Callable[..., Any]
    member: bool = True


def declarations() -> list[Any]:
    """Return the functions as the engine takes them; those of one name are one declaration."""
    overloads: dict[str, list[Any]] = {}
    for number, function in enumerate(FUNCTIONS):
        for member in (True, False) if function.member else (False,):
            overloads.setdefault(function.name, []).append(_overload(function, f"{function.name}_{number}", member))
    return list(starmap(cel.FunctionDecl, overloads.items()))


def _overload(function: Function, identity: str, member: bool) -> Any:  # noqa: FBT001  # called in this module alone
    return cel.Overload(
        f"{identity}_member" if member else identity,
        return_type=function.result,
        parameters=function.operands,
        is_member=member,
        impl=function.implementation,
    )


def _now() -> datetime:
    arrived = CURRENT.get().event.received_at
    if arrived is None:
        raise ValueError("now() is when the event arrived, and this one has no `received_at`")
    return arrived


def _sum(numbers: Sequence[Any]) -> int | float:
    if not all(isinstance(number, int | float) and not isinstance(number, bool) for number in numbers):
        raise ValueError("sum takes a list of numbers")
    total: int | float = sum(numbers)
    if isinstance(total, int) and not -INT_64 <= total < INT_64:
        raise ValueError("the sum is beyond 64 bits")
    return total


def _has_answer(question: str, text: str | None = None) -> bool:
    answer = answer_to(CURRENT.get().event, question)
    given = [answer] if isinstance(answer, str) else answer or []
    plain = [one.strip().casefold() for one in given]
    return text.strip().casefold() in plain if text is not None else any(plain)


FUNCTIONS = (
    Function("now", (), cel.Type.TIMESTAMP, _now, member=False),
    Function("upper", (TEXT,), TEXT, lambda text: texts.made(text.upper())),
    Function("lower", (TEXT,), TEXT, lambda text: texts.made(text.lower())),
    Function("first_name", (TEXT,), TEXT, lambda name: name_parts(name).first or "", member=False),
    Function("last_name", (TEXT,), TEXT, lambda name: name_parts(name).last or "", member=False),
    Function("has_answer", (TEXT,), BOOL, _has_answer, member=False),
    Function("has_answer", (TEXT, TEXT), BOOL, _has_answer, member=False),
    Function("sum", (LIST,), cel.Type.DYN, _sum),
    Function("split", (TEXT, TEXT), cel.Type.List(TEXT), texts.split),
    Function("split", (TEXT, TEXT, INT), cel.Type.List(TEXT), texts.split),
    Function("join", (LIST,), TEXT, texts.join),
    Function("join", (LIST, TEXT), TEXT, texts.join),
    Function("replace", (TEXT, TEXT, TEXT), TEXT, texts.replace),
    Function("replace", (TEXT, TEXT, TEXT, INT), TEXT, texts.replace),
    Function("trim", (TEXT,), TEXT, lambda text: texts.made(text.strip())),
    Function("substring", (TEXT, INT), TEXT, texts.substring),
    Function("substring", (TEXT, INT, INT), TEXT, texts.substring),
    Function("charAt", (TEXT, INT), TEXT, texts.char_at),
    Function("indexOf", (TEXT, TEXT), INT, texts.index_of),
    Function("indexOf", (TEXT, TEXT, INT), INT, texts.index_of),
    Function("lastIndexOf", (TEXT, TEXT), INT, texts.last_index_of),
    Function("lastIndexOf", (TEXT, TEXT, INT), INT, texts.last_index_of),
    Function("reverse", (TEXT,), TEXT, lambda text: texts.made(text[::-1])),
    Function("upperAscii", (TEXT,), TEXT, lambda text: texts.made(text.translate(str.maketrans(LOWER, UPPER)))),
    Function("lowerAscii", (TEXT,), TEXT, lambda text: texts.made(text.translate(str.maketrans(UPPER, LOWER)))),
)
