"""QUEUE: one group commit. Deliveries, events, decisions and enrollments land together or not at all.

Keys are sorted before the statements that lock by key: two replicas with the same keys then wait for each other
instead of deadlocking. Equal keys within a batch are folded first, or one statement would touch a row twice.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from app.store import accept_sql as sql
from app.store.database import execute_arrays
from app.store.entries import Accepted, Entry
from app.store.rows import New, rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.ext.asyncio import AsyncConnection

    from app.model import EnrollRequest

ENROLLMENTS_READY = "segue_enrollments_ready"


async def write(connection: AsyncConnection, batch: Sequence[Entry]) -> list[Accepted]:
    """Write `batch` on `connection`, inside the caller's transaction; return what became of each entry, in order."""
    results = [Accepted() for _ in batch]
    fresh = await _insert_event_keys(connection, batch, results)
    new = [(entry, heard, result) for entry, heard, result in fresh if heard.id in result.new]
    if not new:
        return results
    await _take_intents(connection, new)
    values = {"channel": ENROLLMENTS_READY, **rows(batch, results, new)}
    await execute_arrays(connection, sql.INSERT_BATCH, values)
    return results


async def _insert_event_keys(
    connection: AsyncConnection, batch: Sequence[Entry], results: Sequence[Accepted]
) -> list[New]:
    """Sort every event of the batch into new and seen. Equal keys within the batch are folded: the first one counts."""
    everything = [(e, h, r) for e, r in zip(batch, results, strict=True) for h in e.heard]
    first: dict[tuple[str, bytes], New] = {}
    for row in everything:
        first.setdefault(row[1].key, row)
    keys = sorted(first)
    inserted = await execute_arrays(
        connection,
        sql.INSERT_EVENT_KEYS,
        {
            "sources": [source for source, _ in keys],
            "keys": [key for _, key in keys],
            "events": [first[key][1].id for key in keys],
            "deliveries": [first[key][0].delivery.id for key in keys],
        },
    )
    new = set(inserted.scalars())
    for _, heard, result in everything:
        (result.new if heard.id in new else result.seen).append(heard.id)
    await _read_first_deliveries(connection, batch, results)
    return everything


async def _read_first_deliveries(
    connection: AsyncConnection, batch: Sequence[Entry], results: Sequence[Accepted]
) -> None:
    repeated = [(e, r) for e, r in zip(batch, results, strict=True) if e.heard and not r.new]
    if not repeated:
        return
    keys = sorted({entry.heard[0].key for entry, _ in repeated})
    found = await execute_arrays(
        connection,
        sql.READ_FIRST_DELIVERIES,
        {"sources": [source for source, _ in keys], "keys": [key for _, key in keys]},
    )
    firsts = {(row.source, bytes(row.key)): row.delivery_id for row in found}
    for entry, result in repeated:
        result.first_delivery_id = firsts.get(entry.heard[0].key, entry.delivery.id)


async def _take_intents(connection: AsyncConnection, new: Sequence[New]) -> None:
    """Take each person's intent once; what is not won is noted in `taken` with the enrollment that holds it."""
    wanted = [(v.enrollment_id, v.decision.enroll, result) for _, heard, result in new for v in heard.decisions]
    asked = [(i, request, result) for i, request, result in wanted if i is not None and request is not None]
    if not asked:
        return
    first: dict[tuple[str, str, str], tuple[str, EnrollRequest]] = {}
    for identity, request, _ in asked:
        first.setdefault(_intent_key(request), (identity, request))
    keys = sorted(first)
    taken = await execute_arrays(
        connection,
        sql.TAKE_INTENTS,
        _intent_columns(keys)
        | {
            "enrollment_id": [first[key][0] for key in keys],
            "seconds": [first[key][1].intent.period.total_seconds() for key in keys],
        },
    )
    won = set(taken.scalars())
    lost = [(identity, request, result) for identity, request, result in asked if identity not in won]
    if not lost:
        return
    found = await execute_arrays(
        connection, sql.READ_INTENT_HOLDERS, _intent_columns(sorted({_intent_key(request) for _, request, _ in lost}))
    )
    holders = {(row.account, row.intent, row.email): row.enrollment_id for row in found}
    for identity, request, result in lost:
        result.taken[identity] = holders[_intent_key(request)]


def _intent_key(request: EnrollRequest) -> tuple[str, str, str]:
    return request.account, request.intent.name, request.email


def _intent_columns(keys: Sequence[tuple[str, str, str]]) -> dict[str, list[Any]]:
    return {
        "account": [account for account, _, _ in keys],
        "intent": [intent for _, intent, _ in keys],
        "email": [email for _, _, email in keys],
    }
