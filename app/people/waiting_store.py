"""Which enrollments wait for addresses that entries of the suppression list fit: shown before the list is changed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import text

from app.database.engine import busy_when_gone
from app.people.suppression import Kind
from app.people.suppression_store import as_like

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy.ext.asyncio import AsyncEngine

    from app.people.suppression import Suppression

COUNTED = 10_000
LOOKED_AT = 10_000  # waiting enrollments of each state, for domains and patterns
COMPARED = 1_000_000  # patterns with addresses: of many patterns fewer addresses are looked at
SHOWN = 10

_COLUMNS = "id, email, rule, sender, state, updated_at"


def _oldest(state: str) -> str:
    """Return the part that finds the oldest of a state by its index: by `state = ...` the primary key would be read."""
    return f"""
        (SELECT {_COLUMNS} FROM enrollments WHERE (state, id) > ('{state}', '') AND state <= '{state}'
         ORDER BY state, id LIMIT :looked)
    """  # noqa: S608  # our own text


# An index finds what waits for an address. None leads to a domain or a pattern: the oldest that wait are looked at.
WAITING_FIT = text(f"""
    WITH looked AS MATERIALIZED (
        {_oldest("held")} UNION ALL {_oldest("ready")}
    ), fitting AS MATERIALIZED (
        (SELECT {_COLUMNS} FROM enrollments
         WHERE state IN ('held', 'ready') AND email = ANY(CAST(:addresses AS text[])) LIMIT :most)
        UNION
        SELECT * FROM looked WHERE substring(email FROM '[^@]*$') = ANY(CAST(:domains AS text[]))
        UNION
        SELECT * FROM looked WHERE email LIKE ANY(ARRAY(
            SELECT {as_like("value")} FROM unnest(CAST(:patterns AS text[])) AS pattern(value)
        ))
    )
    SELECT (SELECT count(*) FROM fitting) AS count,
           (SELECT COALESCE(max(rows), 0) FROM (SELECT count(*) AS rows FROM looked GROUP BY state) AS each) AS looked,
           first.*
    FROM (SELECT) AS always LEFT JOIN (SELECT * FROM fitting ORDER BY id LIMIT :shown) AS first ON true ORDER BY id
""")  # noqa: S608  # the only text put in are the parts above


@dataclass(frozen=True, slots=True)
class Fitting:
    """How many wait that entries fit, and the first of them. `at_least` says that not all that wait were looked at."""

    count: int
    first: Sequence[Mapping[str, Any]]
    at_least: bool


async def waiting_for(engine: AsyncEngine, entries: Sequence[Suppression]) -> Fitting:
    """Return which held and ready enrollments these entries fit, of addresses counted up to 10,001. Raises Busy."""
    of_kind = {kind: [one.value for one in entries if one.kind is kind] for kind in Kind}
    patterns = of_kind[Kind.PATTERN]
    looked = min(LOOKED_AT, COMPARED // max(1, len(patterns))) if of_kind[Kind.DOMAIN] or patterns else 0
    values = {
        "addresses": of_kind[Kind.ADDRESS],
        "domains": of_kind[Kind.DOMAIN],
        "patterns": patterns,
        "looked": looked,
        "most": COUNTED + 1,
        "shown": SHOWN,
    }
    with busy_when_gone():
        async with engine.connect() as connection:
            rows = (await connection.execute(WAITING_FIT, values)).mappings().all()
    first = [dict(row) for row in rows if row["id"] is not None]
    return Fitting(rows[0]["count"], first, at_least=0 < looked <= rows[0]["looked"])
