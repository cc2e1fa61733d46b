"""What a group commit writes, as rows of JSON: one text per table. Bodies are an array of bytes beside theirs.

A row is an array of values, in the order that `app.intake.statements` gives its columns.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from app.intake.entries import DecidedEvent, IntakeRecord, RecordedDecision, email_of
from app.intake.json_text import dumped
from app.model.plan_json import written

if TYPE_CHECKING:
    from collections.abc import Sequence

    from app.model import Decision, EnrollRequest

    Row = tuple[Any, ...]

EPOCH, MICROSECOND = datetime(1970, 1, 1, tzinfo=UTC), timedelta(microseconds=1)


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
        "decisions": _json([_decision(*row) + _enrollment(*row) for row in decisions]),
    }


def _delivery(record: IntakeRecord) -> Row:
    delivery = record.delivery
    return (
        delivery.id,
        delivery.source,
        record.provider,
        _microseconds(delivery.received_at),
        delivery.method,
        delivery.url,
        delivery.headers,
    )


def _event(item: _Item) -> Row:
    event = item.decided.event
    return (
        item.decided.id,
        item.decided.key[1].hex(),
        item.delivery_id,
        event.source,
        event.type,
        event.id,
        _microseconds(item.received_at),
        event.occurred_at,
        email_of(item.decided),
        event.first_name,
        event.last_name,
        event.name,
        event.company,
        event.exit,
        event.thin,
        event.data,
        event.answers or None,
        event.contact,
    )


def _decision(item: _Item, recorded: RecordedDecision) -> Row:
    decision = recorded.decision
    return (
        recorded.id,
        item.decided.id,
        item.decided.event.source,
        email_of(item.decided),
        decision.verdict,
        decision.reason,
        decision.rule,
        decision.line,
        decision.revision,
        _facts(decision),
        recorded.enrollment_id,
    )


def _facts(decision: Decision) -> list[dict[str, Any]]:
    return [
        {"rule": fact.rule, "line": fact.line, "matched": fact.matched, "because": fact.because, "error": fact.error}
        | ({"detail": fact.detail} if fact.detail else {})
        for fact in decision.facts
    ]


def _enrollment(item: _Item, recorded: RecordedDecision) -> Row:
    """Return what the enrollment that a decision asks for has beside it."""
    request = recorded.decision.enroll
    if request is None:
        return ()
    return (
        request.account,
        request.email,
        request.sequence,
        written(request.plan),
        {**request.properties, **_written_back(item, recorded, request)},
        request.require,
        request.intent.name or f"{request.plan.action}:{recorded.enrollment_id}",
        request.intent.period.total_seconds(),
        _microseconds(item.received_at),
        (item.expires_from or item.received_at) + request.expires_after if request.expires_after else None,
        request.priority,
        item.received_at + request.delay if request.delay else None,
    )


def _microseconds(at: datetime) -> int:
    return (at - EPOCH) // MICROSECOND


def _written_back(item: _Item, recorded: RecordedDecision, request: EnrollRequest) -> dict[str, str]:
    """Return the contact properties that say why it is enrolled."""
    facts = {"source": item.decided.event.source, "rule": recorded.decision.rule or "", "decision": recorded.id}
    return {name: facts[fact] for fact, name in request.plan.write_back}


def _json(table: list[Row]) -> str:
    """Return rows as JSON text."""
    return dumped(table).decode("utf-8", "surrogatepass")
