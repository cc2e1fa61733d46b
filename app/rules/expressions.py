"""CEL: conditions and values over one event, compiled at load, evaluated without ever raising.

The engine returns run-time errors instead of raising them, as values whose type is ERROR and whose value is a *truthy*
text: the code reads the type first, and a condition holds only when its value `is True`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from cel_expr_python import cel

from app.people.addresses import domain
from app.people.domain_lists import AS_PACKAGED
from app.people.invisible import visible
from app.people.roles import is_role

if TYPE_CHECKING:
    from app.model import Event
    from app.people.domain_lists import DomainLists

FIELDS = (
    "id",
    "source",
    "type",
    "occurred_at",
    "email",
    "first_name",
    "last_name",
    "name",
    "company",
    "exit",
    "data",
    "answers",
)
FUNCTIONS = ("is_free_mail(text)", "is_disposable(text)", "is_role(text)", "domain(text)", "lower(text)")
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
    """One compiled expression and its text."""

    text: str
    program: Any

    def evaluate(self, facts: Facts) -> Any:
        """Return the value over `facts`, or Failed. Never raises."""
        try:
            result = self.program.eval(facts.activation())
            if result.type() == cel.Type.ERROR:
                return Failed(_reason(str(result.value())))
            return result.plain_value()
        except Exception as error:  # noqa: BLE001  # the engine's binding raises bare RuntimeErrors; matching is total
            return Failed(_reason(str(error)))


def compiled(text: str, lists: DomainLists = AS_PACKAGED) -> Expression:
    """Compile `text`. Raises ExpressionError, also for a name that no event has."""
    try:
        return Expression(text, _environment(lists).compile(text))
    except RuntimeError as error:
        found = _PLACE.search(str(error))
        if found is None:
            raise ExpressionError(_reason(str(error))) from error
        line, column, message = found.groups()
        raise ExpressionError(_explained(message), line=int(line), column=int(column)) from error


class Facts:
    """One event as expressions see it: built for the first expression, shared by all rules of one decision.

    `lists` are those with which the expressions were compiled.
    """

    __slots__ = ("_activation", "_event", "_lists")

    def __init__(self, event: Event, lists: DomainLists = AS_PACKAGED) -> None:
        self._event = event
        self._lists = lists
        self._activation: Any = None

    def activation(self) -> Any:
        """Return the engine's form of the event. An absent field is null; an absent time has no value at all."""
        if self._activation is None:
            fields = {f"event.{name}": getattr(self._event, name) for name in FIELDS}
            fields["event.data"] = dict(self._event.data)
            fields["event.answers"] = dict(self._event.answers)
            fields["event.email"] = None if self._event.email is None else visible(self._event.email)
            if self._event.occurred_at is None:
                del fields["event.occurred_at"]
            self._activation = _environment(self._lists).Activation(fields)
        return self._activation


@lru_cache(maxsize=16)  # one for each set of lists: the rulebook in force, and those that are checked
def _environment(lists: DomainLists) -> Any:
    # Each field is a variable with a dotted name, so that an undeclared `event.<field>` is found at load. The engine
    # accepts a time only for a variable that is declared as one.
    kinds = {f"event.{field}": cel.Type.DYN for field in FIELDS} | {"event.occurred_at": cel.Type.TIMESTAMP}
    return cel.NewEnv(
        variables=kinds,
        functions=[
            _function("is_free_mail", lists.is_free_mail, cel.Type.BOOL),
            _function("is_disposable", lists.is_disposable, cel.Type.BOOL),
            _function("is_role", is_role, cel.Type.BOOL),
            _function("domain", lambda address: domain(address) or "", cel.Type.STRING),
            _function("lower", str.lower, cel.Type.STRING),
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
        return f"{message}; there are event.<field>, {', '.join(FUNCTIONS)}, and CEL's own"
    return message.removeprefix("Syntax error: ")


def _reason(message: str) -> str:
    """Return the first line of the engine's message without its status words."""
    first = message.splitlines()[0] if message else "the expression failed"
    return re.sub(r"^[A-Z_]+: ", "", first)[:200]
