"""CEL: conditions and values over one event, compiled at load, evaluated without ever raising.

The engine returns run-time errors instead of raising them, as values whose type is ERROR and whose value is a *truthy*
text: the code reads the type first, and a condition holds only when its value `is True`.

What one evaluation makes is bounded: the engine stops after 10,000 steps of macros, `app.rules.evaluation` bounds what
functions make, `+` does not stand within a macro, and a macro that would repeat the event's own texts too often fails.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from cel_expr_python import cel
from cel_expr_python.ext import ext_math, ext_optional

from app.people.addresses import domain
from app.people.domain_lists import AS_PACKAGED
from app.people.roles import is_role
from app.rules.comparisons import Comparison, all_hold, comparisons_of
from app.rules.evaluation import CURRENT, MOST_CHARACTERS, MOST_IN_NESTED_MACROS, Evaluation
from app.rules.facts import FIELDS
from app.rules.functions import FUNCTIONS as MORE_FUNCTIONS
from app.rules.functions import declarations
from app.rules.tokens import Macros, macros, tokens

if TYPE_CHECKING:
    from app.people.domain_lists import DomainLists
    from app.rules.facts import Facts

FUNCTIONS = (
    *("is_free_mail", "is_disposable", "is_role", "domain"),
    *dict.fromkeys(function.name for function in MORE_FUNCTIONS),
)
MOST_REPEATED = 50_000_000  # characters
ERROR, LIST = cel.Type.ERROR, cel.Type.LIST
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
        most = MOST_IN_NESTED_MACROS if self.macros.depth > 1 else MOST_CHARACTERS
        token = CURRENT.set(Evaluation(facts.event, most))
        try:
            if self.macros.repeats and facts.repeated(self.macros) > MOST_REPEATED:
                return Failed(f"its macros could repeat texts of this event to over {MOST_REPEATED} characters")
            return _plain(self.program.eval(facts.activation(_environment, self.fields)), CURRENT.get())
        except Exception as error:  # noqa: BLE001  # the engine's binding raises bare RuntimeErrors; matching is total
            return Failed(_reason(str(error)))
        finally:
            CURRENT.reset(token)


def compiled(text: str, lists: DomainLists = AS_PACKAGED) -> Expression:
    """Compile `text`. Raises ExpressionError, also for a name that no event has."""
    try:
        program = _environment(lists).compile(text)
    except RuntimeError as error:
        found = _PLACE.search(str(error))
        if found is None:
            raise ExpressionError(_reason(str(error))) from error
        line, column, message = found.groups()
        raise ExpressionError(_explained(message), line=int(line), column=int(column)) from error
    nested = macros(tokens(text))
    if nested.plus is not None:
        line, column = text.count("\n", 0, nested.plus) + 1, nested.plus - text.rfind("\n", 0, nested.plus)
        message = "no `+` within a macro, where it could make a text of any size: write [a, b].join() or [a, b].sum()"
        raise ExpressionError(message, line=line, column=column)
    return Expression(
        text, text, program, nested, frozenset(FIELDS).intersection(_WORD.findall(text)), comparisons_of(text)
    )


def _plain(result: Any, evaluation: Evaluation) -> Any:
    """Return a value of the engine as Python's, Failed for an error. Raises ValueError for texts that are too long.

    A list may hold one text many times; the value that is returned holds each of them.
    """
    kind = result.type()
    if kind == ERROR:
        return Failed(_reason(str(result.value())))
    if kind == LIST:
        return [_plain(item, evaluation) for item in result.value()]
    value = result.plain_value()
    if isinstance(value, str):
        evaluation.spend(len(value))
    return value


@lru_cache(maxsize=16)  # one for each set of lists: the rulebook in force, and those that are checked
def _environment(lists: DomainLists) -> Any:
    # Each field is a variable with a dotted name, so that an undeclared `event.<field>` is found at load. The engine
    # accepts a time only for a variable that is declared as one.
    kinds = {f"event.{field}": cel.Type.DYN for field in FIELDS} | {"event.occurred_at": cel.Type.TIMESTAMP}
    return cel.NewEnv(
        variables=kinds,
        extensions=[ext_math.ExtMath(), ext_optional.ExtOptional()],
        functions=[
            _function("is_free_mail", lists.is_free_mail, cel.Type.BOOL),
            _function("is_disposable", lists.is_disposable, cel.Type.BOOL),
            _function("is_role", is_role, cel.Type.BOOL),
            _function("domain", lambda address: domain(address) or "", cel.Type.STRING),
            *declarations(),
        ],
    )


def _function(name: str, implementation: Any, result: Any) -> Any:
    overload = cel.Overload(f"{name}_string", return_type=result, parameters=[cel.Type.STRING], impl=implementation)
    return cel.FunctionDecl(name, [overload])


def _explained(message: str) -> str:
    name = re.search(r"undeclared reference to 'event\.([^']*)'", message)
    if name:
        return f"an event has no field {name.group(1)!r}; the fields are {', '.join(FIELDS)}"
    if message.startswith("undeclared reference"):
        return f"{message}; there are event.<field>, the functions {', '.join(FUNCTIONS)}, and CEL's own"
    return message.removeprefix("Syntax error: ")


def _reason(message: str) -> str:
    """Return the first line of the engine's message without its status words."""
    first = message.splitlines()[0] if message else "the expression failed"
    if first.startswith("Unable to convert"):
        return "the value is an optional one: end it with .orValue(...)"
    # A reason is logged, and a key that was looked for may be an address.
    return _ADDRESS.sub("...@...", re.sub(r"^[A-Z_]+: ", "", first))[:200]
