"""CEL: conditions and values over one event, compiled at load, evaluated without ever raising.

What one evaluation makes is bounded: the engine stops after 10,000 steps of macros, `app.rules.evaluation` bounds what
functions make, `+` does not stand within a macro, and a macro that would repeat the event's own texts too often fails.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from app.people.domain_lists import AS_PACKAGED
from app.rules.comparisons import Comparison, all_hold, comparisons_of
from app.rules.evaluation import CURRENT, MOST_CHARACTERS, MOST_IN_NESTED_MACROS, Evaluation
from app.rules.facts import FIELDS, MOST_STEPS
from app.rules.tokens import Macros, macros, tokens

if TYPE_CHECKING:
    from collections.abc import Sequence

    from app.people.domain_lists import DomainLists
    from app.rules.facts import Facts

MOST_REPEATED = 50_000_000  # characters
_ADDRESS = re.compile(r"[^\s\"'<>@]+@[^\s\"'<>@]+")
_WORD = re.compile("[a-z_]+")
_PLACE = re.compile(r"<input>:(\d+):(\d+): (.*?)(?: \(in container ''\))?$", re.MULTILINE)


class ExpressionError(ValueError):
    """An expression that cannot be compiled. `column` counts from 1 within the expression's `line` (from 1)."""

    def __init__(self, message: str, *, line: int = 1, column: int = 1) -> None:
        super().__init__(message)
        self.line = line
        self.column = column


@dataclass(frozen=True, slots=True)
class Failed:
    """The reason why an expression has no value."""

    because: str


@dataclass(frozen=True, slots=True)
class Expression:
    """One compiled expression: its text as it is shown, as it was compiled (it may hold a secret), and its macros.

    `fields` are those of the event that it may name: the engine is given no others. `comparisons` are all that it is,
    where it is no more.
    """

    text: str
    code: str = field(repr=False)
    program: Any
    macros: Macros
    fields: frozenset[str]
    comparisons: tuple[Comparison, ...] | None

    def evaluate(self, facts: Facts) -> Any:
        """Return the value over `facts`, or Failed. Never raises."""
        if self.comparisons is not None and (held := all_hold(self.comparisons, facts)) is not None:
            return held
        return self.evaluate_by_engine(facts)

    def evaluate_by_engine(self, facts: Facts) -> Any:
        """Return the value over `facts` as the engine finds it, or Failed. Never raises."""
        from app.rules.engine import engine_with, plain  # noqa: PLC0415  # see `compiled`

        most = MOST_IN_NESTED_MACROS if self.macros.depth > 1 else MOST_CHARACTERS
        token = CURRENT.set(Evaluation(facts.event, most))
        try:
            if self.macros.repeats and facts.repeated(self.macros) > MOST_REPEATED:
                return Failed(f"its macros could repeat texts of this event to over {MOST_REPEATED} characters")
            return plain(self.program.eval(facts.activation(engine_with, self.fields)), CURRENT.get())
        except Exception as error:  # noqa: BLE001  # the engine's binding raises bare RuntimeErrors; matching is total
            return Failed(reason(str(error)))
        finally:
            CURRENT.reset(token)


def compiled(text: str, lists: DomainLists = AS_PACKAGED) -> Expression:
    """Compile `text`. Raises ExpressionError, also for a name that no event has."""
    # The engine takes 13 MB, which a service whose rules write no expression does without.
    from app.rules.engine import FUNCTIONS, engine_with  # noqa: PLC0415

    try:
        program = engine_with(lists).compile(text)
    except RuntimeError as error:
        found = _PLACE.search(str(error))
        if found is None:
            raise ExpressionError(reason(str(error))) from error
        line, column, message = found.groups()
        raise ExpressionError(_explained(message, FUNCTIONS), line=int(line), column=int(column)) from error
    nested = macros(tokens(text))
    if nested.plus is not None:
        line, column = text.count("\n", 0, nested.plus) + 1, nested.plus - text.rfind("\n", 0, nested.plus)
        message = "no `+` within a macro, where it could make a text of any size: write [a, b].join() or [a, b].sum()"
        raise ExpressionError(message, line=line, column=column)
    return Expression(
        text, text, program, nested, frozenset(FIELDS).intersection(_WORD.findall(text)), comparisons_of(text)
    )


def _explained(message: str, functions: Sequence[str]) -> str:
    name = re.search(r"undeclared reference to 'event\.([^']*)'", message)
    if name:
        return f"an event has no field {name.group(1)!r}; the fields are {', '.join(FIELDS)}"
    if message.startswith("undeclared reference"):
        return f"{message}; there are event.<field>, the functions {', '.join(functions)}, and CEL's own"
    return message.removeprefix("Syntax error: ")


def reason(message: str) -> str:
    """Return the first line of the engine's message without its status words."""
    first = message.splitlines()[0] if message else "the expression failed"
    if "budget exceeded" in first:
        return f"its macros take more than {MOST_STEPS:,} steps, the most of one evaluation"
    if first.startswith("Unable to convert"):
        return "the value is an optional one: end it with .orValue(...)"
    # A reason is logged, and a key that was looked for may be an address.
    return _ADDRESS.sub("...@...", re.sub(r"^[A-Z_]+: ", "", first))[:200]
