"""What a group commit writes, as rows of JSON: one text per table."""

from __future__ import annotations

import json
from base64 import b64encode
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from app.intake.entries import DecidedEvent, IntakeRecord, RecordedDecision, email_of
from app.model.plan_json import written

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from app.model import Decision, EnrollRequest


def rows(batch: Sequence[IntakeRecord]) -> dict[str, str]:
    """Return the rows of each table as JSON, as if everything were new; the statement takes what is."""
    events = [_Of(heard, entry.delivery.id, entry.delivery.received_at) for entry in batch for heard in entry.heard]
    return {"deliveries": _json([_delivery(entry) for entry in batch]), **_rows_of(events)}


def decided_rows(heard: DecidedEvent, delivery_id: str, received_at: datetime) -> dict[str, str]:
    """Return the rows of one event that was stored before, with what has been learned and decided since."""
    return _rows_of([_Of(heard, delivery_id, received_at)])


class _Of(NamedTuple):
    """An event and the delivery that it came in."""

    heard: DecidedEvent
    delivery_id: str
    received_at: datetime


def _rows_of(events: list[_Of]) -> dict[str, str]:
    decisions = [(of, verdicted) for of in events for verdicted in of.heard.decisions]
    return {
        "events": _json([_event(of) for of in events]),
        "decisions": _json([_decision(*row) for row in decisions]),
        "enrollments": _json([made for row in decisions if (made := _enrollment(*row))]),
    }


def _delivery(entry: IntakeRecord) -> dict[str, Any]:
    delivery = entry.delivery
    return {
        "id": delivery.id,
        "source": delivery.source,
        "provider": entry.provider,
        "received_at": delivery.received_at,
        "method": delivery.method,
        "url": delivery.url,
        "headers": delivery.headers,
        "body": b64encode(delivery.body).decode(),
    }


def _event(of: _Of) -> dict[str, Any]:
    event = of.heard.event
    return {
        "id": of.heard.id,
        "key": of.heard.key[1].hex(),
        "delivery_id": of.delivery_id,
        "source": event.source,
        "type": event.type,
        "provider_id": event.id,
        "received_at": of.received_at,
        "occurred_at": event.occurred_at,
        "email": email_of(of.heard),
        "first_name": event.first_name,
        "last_name": event.last_name,
        "name": event.name,
        "company": event.company,
        "exit": event.exit,
        "thin": event.thin,
        "data": event.data,
    }


def _decision(of: _Of, verdicted: RecordedDecision) -> dict[str, Any]:
    decision = verdicted.decision
    return {
        "id": verdicted.id,
        "event_id": of.heard.id,
        "delivery_id": of.delivery_id,
        "source": of.heard.event.source,
        "email": email_of(of.heard),
        "verdict": decision.verdict,
        "reason": decision.reason,
        "rule": decision.rule,
        "line": decision.line,
        "revision": decision.revision,
        "facts": _facts(decision),
        "enrollment_id": verdicted.enrollment_id,
    }


def _facts(decision: Decision) -> list[dict[str, Any]]:
    return [
        {"rule": fact.rule, "line": fact.line, "matched": fact.matched, "because": fact.because, "error": fact.error}
        for fact in decision.facts
    ]


def _enrollment(of: _Of, verdicted: RecordedDecision) -> dict[str, Any] | None:
    """Return the enrollment that a decision asks for, None where it asks for none."""
    request = verdicted.decision.enroll
    if request is None:
        return None
    return {
        "id": verdicted.enrollment_id,
        "decision_id": verdicted.id,
        "event_id": of.heard.id,
        "delivery_id": of.delivery_id,
        "source": of.heard.event.source,
        "rule": verdicted.decision.rule,
        "account": request.account,
        "email": request.email,
        "sequence": request.sequence,
        "plan": written(request.plan),
        "properties": {**request.properties, **_written_back(of, verdicted, request)},
        "require": request.require,
        "intent": request.intent.name or f"{request.plan.action}:{verdicted.enrollment_id}",
        "seconds": request.intent.period.total_seconds(),
        "received_at": of.received_at,
        "expires_at": of.received_at + request.expires_after if request.expires_after else None,
        "priority": request.priority,
        "due_at": of.received_at + request.delay if request.delay else None,
    }


def _written_back(of: _Of, verdicted: RecordedDecision, request: EnrollRequest) -> dict[str, str]:
    """Return the contact properties that say why it is enrolled."""
    facts = {"source": of.heard.event.source, "rule": verdicted.decision.rule or "", "decision": verdicted.id}
    return {name: facts[fact] for fact, name in request.plan.write_back}


def _json(table: list[dict[str, Any]]) -> str:
    """Return rows as JSON text. orjson refuses integers beyond 64 bits, which providers do send; json takes those."""
    try:
        return orjson.dumps(table, default=dict).decode()
    except TypeError:
        return json.dumps(table, ensure_ascii=False, default=_plain)


def _plain(value: Any) -> Any:
    return value.isoformat() if hasattr(value, "isoformat") else dict(value)
