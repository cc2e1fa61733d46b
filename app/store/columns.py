"""What a group commit writes, as columns: one array per column of each table."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import orjson

from app.model import Decision, Verdict
from app.store.entries import Accepted, Entry, Heard, email_of, final

if TYPE_CHECKING:
    from collections.abc import Sequence

New = tuple[Entry, Heard, Accepted]


def columns(batch: Sequence[Entry], results: Sequence[Accepted], new: Sequence[New]) -> dict[str, list[Any]]:
    """Return every column of a batch by the name it has in the statement: dlv_, evt_, dec_ and enr_ before its own."""
    tables = {
        "dlv": _deliveries(batch, results),
        "evt": _events(new),
        "dec": _decisions(new),
        "enr": _enrollments(new),
    }
    return {f"{table}_{name}": values for table, named in tables.items() for name, values in named.items()}


def _deliveries(batch: Sequence[Entry], results: Sequence[Accepted]) -> dict[str, list[Any]]:
    """Return the deliveries that brought anything new."""
    kept = [entry for entry, result in zip(batch, results, strict=True) if result.new]
    return {
        "id": [e.delivery.id for e in kept],
        "source": [e.delivery.source for e in kept],
        "provider": [e.provider for e in kept],
        "received_at": [e.delivery.received_at for e in kept],
        "method": [e.delivery.method for e in kept],
        "url": [e.delivery.url for e in kept],
        "headers": [_json(dict(e.delivery.headers)) for e in kept],
        "body": [e.delivery.body for e in kept],
    }


def _events(new: Sequence[New]) -> dict[str, list[Any]]:
    """Return the new events."""
    events = [(entry.delivery, heard.id, heard.event) for entry, heard, _ in new]
    return {
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
    }


def _decisions(new: Sequence[New]) -> dict[str, list[Any]]:
    """Return the decisions over the new events, as they ended."""
    rows = [(entry, heard, v, final(v, result)) for entry, heard, result in new for v in heard.decisions]
    return {
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
    }


def _facts(decision: Decision) -> str:
    return _json(
        [
            {"rule": f.rule, "line": f.line, "matched": f.matched, "because": f.because, "error": f.error}
            for f in decision.facts
        ]
    )


def _enrollments(new: Sequence[New]) -> dict[str, list[Any]]:
    """Return the enrollments whose intent was free."""
    rows = [
        (entry, heard, v, v.decision.enroll)
        for entry, heard, result in new
        for v in heard.decisions
        if v.decision.enroll is not None and v.enrollment_id is not None and v.enrollment_id not in result.taken
    ]
    return {
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
    }


def _json(value: Any) -> str:
    """Return `value` as JSON text. orjson refuses integers beyond 64 bits; json takes those."""
    try:
        return orjson.dumps(value).decode()
    except TypeError:
        return json.dumps(value, ensure_ascii=False)
