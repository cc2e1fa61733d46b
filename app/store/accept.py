"""QUEUE: one group commit. Deliveries, events, decisions and enrollments land together or not at all.

Keys are sorted before the statements that lock by key: two replicas with the same keys then wait for each other
instead of deadlocking. Equal keys within a batch are folded first, or one statement would touch a row twice.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import orjson

from app.model import Decision, EnrollRequest, Verdict
from app.store import accept_sql as sql
from app.store.entries import Accepted, Entry, Heard, email_of, final

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.ext.asyncio import AsyncConnection

ENROLLMENTS_READY = "segue_enrollments_ready"

_New = tuple[Entry, Heard, Accepted]


async def write(connection: AsyncConnection, batch: Sequence[Entry]) -> list[Accepted]:
    """Write `batch` on `connection`, inside the caller's transaction; return what became of each entry, in order."""
    results = [Accepted() for _ in batch]
    fresh = await _insert_event_keys(connection, batch, results)
    new = [(entry, heard, result) for entry, heard, result in fresh if heard.id in result.new]
    if not new:
        return results
    await _insert_deliveries(connection, batch, results)
    await _insert_events(connection, new)
    await _take_intents(connection, new)
    await _insert_decisions(connection, new)
    await _insert_enrollments(connection, new)
    return results


async def _insert_event_keys(
    connection: AsyncConnection, batch: Sequence[Entry], results: Sequence[Accepted]
) -> list[_New]:
    """Sort every event of the batch into new and seen. Equal keys within the batch are folded: the first one counts."""
    everything = [(e, h, r) for e, r in zip(batch, results, strict=True) for h in e.heard]
    first: dict[tuple[str, bytes], _New] = {}
    for row in everything:
        first.setdefault(row[1].key, row)
    keys = sorted(first)
    inserted = await connection.execute(
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
    rows = await connection.execute(
        sql.READ_FIRST_DELIVERIES, {"sources": [source for source, _ in keys], "keys": [key for _, key in keys]}
    )
    firsts = {(row.source, bytes(row.key)): row.delivery_id for row in rows}
    for entry, result in repeated:
        result.first_delivery_id = firsts.get(entry.heard[0].key, entry.delivery.id)


async def _insert_deliveries(connection: AsyncConnection, batch: Sequence[Entry], results: Sequence[Accepted]) -> None:
    kept = [entry for entry, result in zip(batch, results, strict=True) if result.new]
    await connection.execute(
        sql.INSERT_DELIVERIES,
        {
            "id": [e.delivery.id for e in kept],
            "source": [e.delivery.source for e in kept],
            "provider": [e.provider for e in kept],
            "received_at": [e.delivery.received_at for e in kept],
            "method": [e.delivery.method for e in kept],
            "url": [e.delivery.url for e in kept],
            "headers": [_json(dict(e.delivery.headers)) for e in kept],
            "body": [e.delivery.body for e in kept],
        },
    )


async def _insert_events(connection: AsyncConnection, new: Sequence[_New]) -> None:
    events = [(entry.delivery, heard.id, heard.event) for entry, heard, _ in new]
    await connection.execute(
        sql.INSERT_EVENTS,
        {
            "id": [identity for _, identity, _ in events],
            "delivery_id": [delivery.id for delivery, _, _ in events],
            "source": [event.source for *_, event in events],
            "type": [event.type for *_, event in events],
            "provider_id": [event.id for *_, event in events],
            "received_at": [delivery.received_at for delivery, _, _ in events],
            "occurred_at": [event.occurred_at for *_, event in events],
            "email": [email_of(heard) for _, heard, _ in new],
            "first_name": [event.first_name for *_, event in events],
            "last_name": [event.last_name for *_, event in events],
            "name": [event.name for *_, event in events],
            "company": [event.company for *_, event in events],
            "data": [_json(event.data) for *_, event in events],
        },
    )


async def _take_intents(connection: AsyncConnection, new: Sequence[_New]) -> None:
    """Take each person's intent once; what is not won is noted in `taken` with the enrollment that holds it."""
    wanted = [(v.enrollment_id, v.decision.enroll, result) for _, heard, result in new for v in heard.decisions]
    asked = [(i, request, result) for i, request, result in wanted if i is not None and request is not None]
    if not asked:
        return
    first: dict[tuple[str, str, str], tuple[str, EnrollRequest]] = {}
    for identity, request, _ in asked:
        first.setdefault(_intent_key(request), (identity, request))
    keys = sorted(first)
    taken = await connection.execute(
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
    rows = await connection.execute(
        sql.READ_INTENT_HOLDERS, _intent_columns(sorted({_intent_key(request) for _, request, _ in lost}))
    )
    holders = {(row.account, row.intent, row.email): row.enrollment_id for row in rows}
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


async def _insert_decisions(connection: AsyncConnection, new: Sequence[_New]) -> None:
    rows = [(entry, heard, v, final(v, result)) for entry, heard, result in new for v in heard.decisions]
    await connection.execute(
        sql.INSERT_DECISIONS,
        {
            "id": [v.id for _, _, v, _ in rows],
            "event_id": [heard.id for _, heard, _, _ in rows],
            "delivery_id": [entry.delivery.id for entry, _, _, _ in rows],
            "source": [heard.event.source for _, heard, _, _ in rows],
            "email": [email_of(heard) for _, heard, _, _ in rows],
            "verdict": [str(verdict) for *_, (verdict, _) in rows],
            "reason": [reason for *_, (_, reason) in rows],
            "rule": [v.decision.rule for _, _, v, _ in rows],
            "line": [v.decision.line for _, _, v, _ in rows],
            "revision": [v.decision.revision for _, _, v, _ in rows],
            "facts": [_facts(v.decision) for _, _, v, _ in rows],
            "enrollment_id": [v.enrollment_id if verdict is Verdict.ENROLL else None for _, _, v, (verdict, _) in rows],
        },
    )


def _facts(decision: Decision) -> str:
    return _json(
        [
            {"rule": f.rule, "line": f.line, "matched": f.matched, "because": f.because, "error": f.error}
            for f in decision.facts
        ]
    )


async def _insert_enrollments(connection: AsyncConnection, new: Sequence[_New]) -> None:
    rows = [
        (entry, heard, v, v.decision.enroll)
        for entry, heard, result in new
        for v in heard.decisions
        if v.decision.enroll is not None and v.enrollment_id is not None and v.enrollment_id not in result.taken
    ]
    if not rows:
        return
    await connection.execute(
        sql.INSERT_ENROLLMENTS,
        {
            "channel": ENROLLMENTS_READY,
            "id": [v.enrollment_id for _, _, v, _ in rows],
            "decision_id": [v.id for _, _, v, _ in rows],
            "event_id": [heard.id for _, heard, _, _ in rows],
            "delivery_id": [entry.delivery.id for entry, _, _, _ in rows],
            "source": [heard.event.source for _, heard, _, _ in rows],
            "rule": [v.decision.rule for _, _, v, _ in rows],
            "account": [request.account for *_, request in rows],
            "email": [request.email for *_, request in rows],
            "sequence": [request.sequence for *_, request in rows],
            "sender": [request.sender.name for *_, request in rows],
            "sender_user_id": [request.sender.user_id for *_, request in rows],
            "sender_email": [request.sender.email for *_, request in rows],
            "properties": [_json(dict(request.properties)) for *_, request in rows],
            "require": [_json(list(request.require)) for *_, request in rows],
            "intent": [request.intent.name for *_, request in rows],
            "received_at": [entry.delivery.received_at for entry, _, _, _ in rows],
        },
    )


def _json(value: Any) -> str:
    """Return `value` as JSON text. orjson refuses integers beyond 64 bits; json takes those."""
    try:
        return orjson.dumps(value).decode()
    except TypeError:
        return json.dumps(value, ensure_ascii=False)
