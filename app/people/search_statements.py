# ruff: noqa: S608  # all text that is put in are names of the schema, and conditions of this module
"""The statements that look for an address wherever it may be mentioned, a page of rows at a time.

No index serves this: each row that is kept is read once. Forgetting someone is rare.
"""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import BigInteger, LargeBinary, Table, TextClause, text
from sqlalchemy.dialects.postgresql import JSONB

from app.database.schema import metadata
from app.people.kept import DELETED, SEARCHED

MARK = "[forgotten]"
BITE, RAW_BITE = 5000, 200  # rows of a page; a raw request may be large


class Search(NamedTuple):
    """How one table is searched. Both statements read a page of rows and return the last key and how many were hit.

    `counting` changes nothing, and `showing` returns the rows of a page themselves, up to the key `last`. `first` is
    before the first key of a table that is read in pages of `bite` rows, None where it is small.
    """

    counting: TextClause
    changing: TextClause
    showing: TextClause
    first: str | int | None
    bite: int


def searches() -> dict[str, Search]:
    """Return how each table is searched, by its name."""
    names = [*DELETED, *(name for name in SEARCHED if name not in DELETED)]
    return {name: _search(metadata.tables[name]) for name in names}


def _search(table: Table) -> Search:
    deleted = table.name in DELETED
    columns = (DELETED if deleted else SEARCHED)[table.name].split()
    hit = " OR ".join(_mentions(_readable(table, name), deleted=deleted) for name in columns)
    keep = "kind IS DISTINCT FROM 'forgotten'" if table.name == "outbound" else "true"
    where = f"({hit}) AND {keep}"
    set_ = ", ".join(f"{name} = {_redacted(table, name)}" for name in columns)
    action = f"DELETE FROM {table.name}" if deleted else f"UPDATE {table.name} SET {set_}"
    bite = RAW_BITE if deleted else BITE
    return Search(_paged(table, where, None), _paged(table, where, action), _shown(table, where), _first(table), bite)


def _has_pages(table: Table) -> bool:
    return len(table.primary_key.columns) == 1


def _first(table: Table) -> str | int | None:
    if not _has_pages(table):
        return None
    return 0 if isinstance(next(iter(table.primary_key.columns)).type, BigInteger) else ""


def _paged(table: Table, where: str, action: str | None) -> TextClause:
    """Return the statement over one page: the rows after the key `after`, in the order of their keys."""
    if not _has_pages(table):
        done = f"{action} WHERE {where} RETURNING 1" if action else f"SELECT FROM {table.name} WHERE {where}"
        return text(f"WITH done AS ({done}) SELECT NULL AS last, (SELECT count(*) FROM done) AS hit")
    key = next(iter(table.primary_key.columns)).name
    # A range, not a join with the page: the planner knows no page's length, and would read the whole table for each.
    parts = f"""
        page AS MATERIALIZED (
            SELECT max(key) AS last FROM (
                SELECT {key} AS key FROM {table.name} WHERE {key} > :after ORDER BY {key} LIMIT :bite) AS rows_of_page
        ), hit AS MATERIALIZED (
            SELECT {key} AS key FROM {table.name}
            WHERE {key} > :after AND {key} <= (SELECT last FROM page) AND {where}
            ORDER BY {key} {"FOR UPDATE" if action else ""}
        )
    """
    done = f", done AS ({action} WHERE {key} = ANY(ARRAY(SELECT key FROM hit)) RETURNING 1)" if action else ""
    counted = "done" if action else "hit"
    return text(f"WITH {parts} {done} SELECT last, (SELECT count(*) FROM {counted}) AS hit FROM page")


def _shown(table: Table, where: str) -> TextClause:
    if not _has_pages(table):
        return text(f"SELECT * FROM {table.name} WHERE {where}")
    key = next(iter(table.primary_key.columns)).name
    return text(f"SELECT * FROM {table.name} WHERE {key} > :after AND {key} <= :last AND {where} ORDER BY {key}")


def _mentions(shown: str, *, deleted: bool) -> str:
    """Return the condition that text mentions the person: a fast look first, which almost no row passes."""
    fast, sure = ("rough", "raw") if deleted else ("near", "exact")
    return f"({shown} ~* :{fast} AND {shown} ~* :{sure})"


def _readable(table: Table, name: str) -> str:
    """Return the expression of a column as text."""
    kind = table.c[name].type
    if isinstance(kind, LargeBinary):
        return f"encode({name}, 'escape')"
    return f"CAST({name} AS text)" if isinstance(kind, JSONB) else name


def _redacted(table: Table, name: str) -> str:
    """Return the expression of a column without the address."""
    kind = table.c[name].type
    if isinstance(kind, LargeBinary):  # Bodies of outbound events: JSON that Segue wrote, in UTF-8.
        return f"convert_to(regexp_replace(convert_from({name}, 'UTF8'), :exact, '{MARK}', 'gi'), 'UTF8')"
    replaced = f"regexp_replace({_readable(table, name)}, :exact, '{MARK}', 'gi')"
    return f"CAST({replaced} AS jsonb)" if isinstance(kind, JSONB) else replaced
