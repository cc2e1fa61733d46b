"""The statements of a page, and the plans by which PostgreSQL executes them."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

import orjson
from sqlalchemy import Engine, event

from app.reports.rail_store import RAIL

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

# Those of the session, of the audit log and of what stands around a page come with every page.
BESIDE = ("SELECT * FROM console_sessions", "UPDATE console_sessions", "INSERT INTO audit", "SET ", RAIL.text.lstrip())
CUSTOM = "SET LOCAL plan_cache_mode = force_custom_plan"


@dataclass(frozen=True, slots=True)
class Asked:
    """A statement with its values; `custom` says that its transaction asks for a plan for these values."""

    statement: str
    values: Sequence[Any]
    custom: bool


@dataclass(frozen=True, slots=True)
class Plan:
    """What executing a statement read: tables from end to end, and how many rows the greediest part looked at."""

    whole_tables: tuple[str, ...]
    rows: int
    milliseconds: float


@contextmanager
def noted() -> Iterator[list[Asked]]:
    """Note all statements of this process meanwhile."""
    asked, custom = list[Asked](), WeakSet[Any]()

    def note(connection: Any, _cursor: Any, statement: str, values: Any, *_: Any) -> None:
        if statement == CUSTOM:
            custom.add(connection)
        if not statement.lstrip().startswith(BESIDE):
            asked.append(Asked(statement, tuple(values), connection in custom))

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield asked
    finally:
        event.remove(Engine, "before_cursor_execute", note)


async def planned(connection: Any, asked: Asked, big: frozenset[str]) -> Plan:
    """Execute a statement as the service does, and return what it read of the tables that are `big`.

    What it changes is rolled back: a preview does what it is a preview of, and rolls it back, too.
    """
    mode = "force_custom_plan" if asked.custom else "force_generic_plan"
    values = f"({', '.join(map(literal, asked.values))})" if asked.values else ""
    transaction = connection.transaction()
    await transaction.start()
    try:
        await connection.execute(f"SET LOCAL plan_cache_mode = {mode}")
        await connection.execute(f"PREPARE it AS {asked.statement}")
        found = orjson.loads(await connection.fetchval(f"EXPLAIN (ANALYZE, FORMAT JSON) EXECUTE it{values}"))[0]
        await connection.execute("DEALLOCATE it")
    finally:
        await transaction.rollback()
    nodes = [node for node in _nodes(found["Plan"]) if node.get("Relation Name") in big]
    whole = sorted({node["Relation Name"] for node in nodes if node["Node Type"] == "Seq Scan"})
    return Plan(tuple(whole), max(map(_rows, nodes), default=0), found["Execution Time"])


def literal(value: Any) -> str:
    """Write a value as SQL does."""
    match value:
        case None:
            return "NULL"
        case bool() | int() | float():
            return str(value)
        case list() | tuple():
            inside = ",".join("NULL" if one is None else _quoted(_plain(one), '"') for one in value)
            return _quoted(f"{{{inside}}}", "'")
        case _:
            return _quoted(_plain(value), "'")


def _plain(value: Any) -> str:
    match value:
        case datetime():
            return value.isoformat()
        case timedelta():
            return f"{value.total_seconds()} seconds"
        case bytes():
            return f"\\x{value.hex()}"
        case _:
            return str(value)


def _quoted(text: str, quote: str) -> str:
    """Quote a text: as SQL does, or as elements of an array are."""
    doubled = text.replace("'", "''") if quote == "'" else text.replace("\\", "\\\\").replace('"', '\\"')
    return f"{quote}{doubled}{quote}"


def _rows(node: dict[str, Any]) -> int:
    rows = node["Actual Rows"] + sum(node.get(f"Rows Removed by {why}", 0) for why in ("Filter", "Index Recheck"))
    return int(rows * node["Actual Loops"])


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for part in plan.get("Plans", ()):
        yield from _nodes(part)
