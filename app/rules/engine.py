"""The engine of expressions, CEL, with the functions and fields of events.

It returns run-time errors instead of raising them, as values whose type is ERROR and whose value is a *truthy* text:
the code reads the type first, and a condition holds only when its value `is True`.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from cel_expr_python import cel
from cel_expr_python.ext import ext_math, ext_optional

from app.people.addresses import domain
from app.people.roles import is_role
from app.rules.expressions import Failed, reason
from app.rules.facts import FIELDS
from app.rules.functions import FUNCTIONS as MORE_FUNCTIONS
from app.rules.functions import declarations

if TYPE_CHECKING:
    from app.people.domain_lists import DomainLists
    from app.rules.evaluation import Evaluation

FUNCTIONS = (
    *("is_free_mail", "is_disposable", "is_role", "domain"),
    *dict.fromkeys(function.name for function in MORE_FUNCTIONS),
)
ERROR, LIST = cel.Type.ERROR, cel.Type.LIST


def plain(result: Any, evaluation: Evaluation) -> Any:
    """Return a value of the engine as Python's, Failed for an error. Raises ValueError for texts that are too long.

    A list may hold one text many times; the value that is returned holds each of them.
    """
    kind = result.type()
    if kind == ERROR:
        return Failed(reason(str(result.value())))
    if kind == LIST:
        return [plain(item, evaluation) for item in result.value()]
    value = result.plain_value()
    if isinstance(value, str):
        evaluation.spend(len(value))
    return value


@lru_cache(maxsize=16)  # one for each set of lists: the rulebook in force, and those that are checked
def engine_with(lists: DomainLists) -> Any:
    """Return the engine with these lists of domains."""
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
