"""What a group commit writes, as rows of JSON: one text per table. Bodies are an array of bytes beside theirs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from app.intake.entries import DecidedEvent, IntakeRecord, RecordedDecision, email_of
from app.model.plan_json import written

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from app.model import Decision, EnrollRequest


def rows(batch: Sequence[IntakeRecord]) -> dict[str, Any]:
    """Return the rows of each table, as if every event were new; the statement selects those that are."""
    items = [_Item(one, record.delivery.id, record.delivery.received_at) for record in batch for one in record.events]
    return {
        "deliveries": _json([_delivery(record) for record in batch]),
        "bodies": [record.delivery.body for record in batch],
        **_rows_of(items),
    }


def decided_rows(
    decided: DecidedEvent, delivery_id: str, received_at: datetime, *, expires_from: datetime | None = None
) -> dict[str, str]:
    """Return the rows of one event that was stored before, with its lookup's facts and its decisions.

    `expires_from` is when the time of `expires_after` begins, where that is not when the event was received.
    """
    return _rows_of([_Item(decided, delivery_id, received_at, expires_from)])


class _Item(NamedTuple):
    """An event, the delivery that it came in, and when the time of its enrollments begins."""

    decided: DecidedEvent
    delivery_id: str
    received_at: datetime
    expires_from: datetime | None = None


def _rows_of(items: list[_Item]) -> dict[str, str]:
    decisions = [(item, recorded) for item in items for recorded in item.decided.decisions]
    return {
        "events": _json([_event(item) for item in items]),
        "decisions": _json([{**_decision(*row), **_enrollment(*row)} for row in decisions]),
    }


def _delivery(record: IntakeRecord) -> dict[str, Any]:
    delivery = record.delivery
    return {
        "id": delivery.id,
        "source": delivery.source,
        "provider": record.provider,
        "received_at": delivery.received_at,
        "method": delivery.method,
        "url": delivery.url,
        "headers": delivery.headers,
    }


def _event(item: _Item) -> dict[str, Any]:
    event = item.decided.event
    return {
        "id": item.decided.id,
        "key": item.decided.key[1].hex(),
        "delivery_id": item.delivery_id,
        "source": event.source,
        "type": event.type,
        "provider_id": event.id,
        "received_at": item.received_at,
        "occurred_at": event.occurred_at,
        "email": email_of(item.decided),
        "first_name": event.first_name,
        "last_name": event.last_name,
        "name": event.name,
        "company": event.company,
        "exit": event.exit,
        "thin": event.thin,
        "data": event.data,
        "answers": event.answers or None,
    }


def _decision(item: _Item, recorded: RecordedDecision) -> dict[str, Any]:
    decision = recorded.decision
    return {
        "id": recorded.id,
        "event_id": item.decided.id,
        "source": item.decided.event.source,
        "email": email_of(item.decided),
        "verdict": decision.verdict,
        "reason": decision.reason,
        "rule": decision.rule,
        "line": decision.line,
        "revision": decision.revision,
        "facts": _facts(decision),
        "enrollment_id": recorded.enrollment_id,
    }


def _facts(decision: Decision) -> list[dict[str, Any]]:
    return [
        {"rule": fact.rule, "line": fact.line, "matched": fact.matched, "because": fact.because, "error": fact.error}
        | ({"detail": fact.detail} if fact.detail else {})
        for fact in decision.facts
    ]


def _enrollment(item: _Item, recorded: RecordedDecision) -> dict[str, Any]:
    """Return what the enrollment that a decision asks for has beside it."""
    request = recorded.decision.enroll
    if request is None:
        return {}
    return {
        "account": request.account,
        "address": request.email,
        "sequence": request.sequence,
        "plan": written(request.plan),
        "properties": {**request.properties, **_written_back(item, recorded, request)},
        "require": request.require,
        "intent": request.intent.name or f"{request.plan.action}:{recorded.enrollment_id}",
        "seconds": request.intent.period.total_seconds(),
        "received_at": item.received_at,
        "expires_at": (item.expires_from or item.received_at) + request.expires_after
        if request.expires_after
        else None,
        "priority": request.priority,
        "due_at": item.received_at + request.delay if request.delay else None,
    }


def _written_back(item: _Item, recorded: RecordedDecision, request: EnrollRequest) -> dict[str, str]:
    """Return the contact properties that say why it is enrolled."""
    facts = {"source": item.decided.event.source, "rule": recorded.decision.rule or "", "decision": recorded.id}
    return {name: facts[fact] for fact, name in request.plan.write_back}


def _json(table: list[dict[str, Any]]) -> str:
    """Return rows as JSON text. orjson refuses integers beyond 64 bits, which providers do send; json takes those."""
    try:
        return orjson.dumps(table, default=dict).decode()
    except TypeError:
        return json.dumps(table, ensure_ascii=False, default=_plain)


def _plain(value: Any) -> Any:
    return value.isoformat() if hasattr(value, "isoformat") else dict(value)
