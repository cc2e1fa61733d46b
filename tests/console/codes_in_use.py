"""The codes that the code itself writes, found by reading it: reasons, causes of the journal, reasons of rejections."""

from __future__ import annotations

import ast
import inspect
import re
from functools import cache
from importlib import import_module
from pkgutil import walk_packages
from typing import TYPE_CHECKING, Any

from sqlalchemy import TextClause

import app
from app import errors
from app.enrollments.actions import ACTIONS
from app.web.limits import Refusal as BrokenConnection

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

OUTSIDE = ("app.sandbox", "app.database.migrations", "app.__main__")
NOT_OF_DELIVERIES = ("app.catalogue", "app.web.api")  # what they reject are requests of operators
ENROLLMENT_ERRORS = {
    name
    for name, kind in vars(errors).items()
    if isinstance(kind, type) and issubclass(kind, errors.HeldError | errors.DeclinedError | errors.ParkedError)
}
REJECTIONS = {
    name for name, kind in vars(errors).items() if isinstance(kind, type) and issubclass(kind, errors.DeliveryRejected)
} - {errors.NotAllowed.__name__}  # it names the methods, and has one reason
WITH_STATUS = {errors.BrokenOff.__name__, BrokenConnection.__name__}  # a status, then the reason
JOURNAL_LINE = re.compile(
    r"INSERT INTO journal \((?P<columns>[^)]*)\)\s+SELECT (?P<values>.*?)\s+FROM ", re.DOTALL | re.IGNORECASE
)
SET_REASON = re.compile(r"\breason = (CASE.*? END|'[a-z_]+')", re.DOTALL)
NEW_REASON = re.compile(r"CASE WHEN due_at IS NULL THEN NULL ELSE '([a-z_]+)' END")
CODE = re.compile("[A-Za-z][A-Za-z0-9_]*")
OF_ENROLLMENTS = re.compile(r"(UPDATE|INSERT INTO) enrollments\b")


@cache
def modules() -> tuple[tuple[ModuleType, ast.Module], ...]:
    names = [found.name for found in walk_packages(app.__path__, "app.") if not found.name.startswith(OUTSIDE)]
    return tuple((module, ast.parse(inspect.getsource(module))) for module in map(import_module, names))


def reasons() -> set[str]:
    """Return the reasons that enrollments get from our own code; HubSpot's codes are in the table of faults."""
    raised = {code for name in ENROLLMENT_ERRORS for code in _codes(name, 0)}
    changed = (
        _codes("Change", 1) | _codes("uncertain", 0) | _keyword("Change", "reason") | _keyword("replace", "reason")
    )
    return raised | changed | _returned() | _written()


def causes() -> set[str]:
    """Return the causes of the journal's lines."""
    of_code = _codes("Change", 0) | _keyword("replace", "cause") | _codes("remark", 1) | _codes("enrolled", 1)
    of_code |= {"enrolled"}  # `app.enrollments.enroll` takes it out of a pair
    return of_code | _codes("Found", 0) | set(ACTIONS) | {cause for one in _statements() for cause in _of_journal(one)}


def rejections() -> set[str]:
    """Return the reasons for which deliveries are rejected."""
    plain = {code for name in REJECTIONS - WITH_STATUS for code in _codes(name, 0, without=NOT_OF_DELIVERIES)}
    with_status = {code for name in WITH_STATUS for code in _codes(name, 1)}
    return plain | with_status | _codes("headers_beyond", 1) | {"method_not_allowed"}


@cache
def _calls() -> dict[str, list[tuple[ModuleType, ast.Call]]]:
    """Return all calls by the name that is called."""
    found: dict[str, list[tuple[ModuleType, ast.Call]]] = {}
    for module, tree in modules():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                found.setdefault(_name(node.func), []).append((module, node))
    return found


def _name(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def _codes(name: str, place: int, *, without: tuple[str, ...] = ()) -> set[str]:
    """Return the texts, and the values of constants, that stand at one place of the calls of a name."""
    found: set[str] = set()
    for module, call in _calls().get(name, []):
        if len(call.args) > place and not module.__name__.startswith(without):
            found |= _values(module, call.args[place])
    return found


def _keyword(name: str, keyword: str) -> set[str]:
    return {
        code
        for module, call in _calls().get(name, [])
        for one in call.keywords
        if one.arg == keyword
        for code in _values(module, one.value)
    }


def _values(module: ModuleType, node: ast.expr) -> set[str]:
    """Return what an expression may be, as far as it stands there: a text, a constant, either of two, a default."""
    if isinstance(node, ast.IfExp):
        return _values(module, node.body) | _values(module, node.orelse)
    if isinstance(node, ast.BoolOp):
        return {code for value in node.values for code in _values(module, value)}
    value: Any = node.value if isinstance(node, ast.Constant) else None
    if isinstance(node, ast.Name):
        value = getattr(module, node.id, None)
    if isinstance(node, ast.Attribute):
        value = getattr(getattr(module, _name(node.value), None), node.attr, None)
    return {value} if isinstance(value, str) and CODE.fullmatch(value) else set()


def _returned() -> set[str]:
    """Return what the functions return that name a failure without a reply."""
    from app.enrollments import outcome  # noqa: PLC0415  # beside what reads its source

    tree = ast.parse(inspect.getsource(outcome.reason_without_reply))
    returns = [node.value for node in ast.walk(tree) if isinstance(node, ast.Return) and node.value is not None]
    return {code for node in returns for code in _values(outcome, node)}


@cache
def _statements() -> tuple[str, ...]:
    found = [str(value) for module, _ in modules() for value in vars(module).values() if isinstance(value, TextClause)]
    from app.people.erase_statements import ERASE  # noqa: PLC0415  # its statements stand in a mapping

    return (*found, *ERASE.values())


def _written() -> set[str]:
    """Return the reasons that statements write."""
    found: set[str] = set()
    for statement in filter(OF_ENROLLMENTS.search, _statements()):
        found |= set(NEW_REASON.findall(statement))
        for part in re.split(r"(?=UPDATE enrollments\b)", statement)[1:]:
            for value in SET_REASON.findall(part.partition(" WHERE ")[0]):
                found |= set(re.findall(r"(?:THEN|ELSE)? ?'([a-z_]+)'", value))
    return found


def _of_journal(statement: str) -> Iterator[str]:
    for line in JOURNAL_LINE.finditer(statement):
        columns = [column.strip() for column in line["columns"].split(",")]
        written = _split(line["values"])[columns.index("cause")].strip()
        if literal := re.fullmatch("'([a-z_]+)'", written):
            yield literal[1]


def _split(values: str) -> list[str]:
    """Split a list of SQL's values at its outermost commas."""
    parts, depth = [""], 0
    for character in values:
        depth += (character == "(") - (character == ")")
        if character == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += character
    return parts
