"""What a migration takes away from the release before, which still works while its replicas are replaced. Pure."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from typing import NamedTuple

TAKES = re.compile(
    r"\b(DROP\s+(TABLE|COLUMN)|RENAME|SET\s+NOT\s+NULL|ALTER\s+COLUMN\s+\S+\s+(SET\s+DATA\s+)?TYPE)\b", re.IGNORECASE
)


class Column(NamedTuple):
    """What a writer must know of a column. `fills_itself`: it has a default, or is an identity."""

    kind: str
    nullable: bool
    fills_itself: bool


Columns = Mapping[tuple[str, str], Column]


def refused(old: Columns, new: Columns) -> list[str]:
    """Return which columns of the schema `new` refuse rows that a writer of `old` writes."""
    tables = {table for table, _ in old}
    found = []
    for (table, name), column in new.items():
        before = old.get((table, name))
        needed = not column.nullable and not column.fills_itself
        if table in tables and needed and (before is None or before.nullable or before.fills_itself):
            found.append(f"{table}.{name} must be written by writers that do not know that")
        if before is not None and before.kind != column.kind:
            found.append(f"{table}.{name} is {column.kind}, and was {before.kind}")
    return found


def taken_away(source: str) -> list[str]:
    """Return what `upgrade` of a migration takes away, a line each."""
    tree = ast.parse(source)
    upgrade = next(node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == "upgrade")
    found = [line for node in ast.walk(upgrade) if isinstance(node, ast.Call) and (line := _taken(node))]
    # Statements may stand as constants of the module.
    texts = [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    said = ast.get_docstring(tree, clean=False)
    matches = [TAKES.search(text) for text in texts if text != said]
    return found + [f"statement: {match[0]}" for match in matches if match]


def unused_since(source: str) -> str | None:
    """Return the release since which nothing uses what the migration takes away, as the migration says."""
    for node in ast.parse(source).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "unused_since":
            return str(ast.literal_eval(node.value))
    return None


def _taken(call: ast.Call) -> str | None:
    name = ast.unparse(call.func).removeprefix("op.")
    words = {keyword.arg: ast.unparse(keyword.value) for keyword in call.keywords}
    what = f"{name}({', '.join(map(ast.unparse, call.args[:2]))})"
    if name in {"drop_column", "drop_table", "rename_table", "drop_sequence"}:
        return what
    if name == "alter_column" and (words.get("nullable") == "False" or words.keys() & {"new_column_name", "type_"}):
        return what
    if name == "add_column":
        column = ast.unparse(call.args[1])
        return (
            what if "nullable=False" in column and not re.search("server_default=|Identity|Computed", column) else None
        )
    return None
