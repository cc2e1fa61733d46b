"""SEND: post -> judge -> record, on one page: one claimed event to one of the operator's own systems.

At least once: where a worker dies between the endpoint's answer and its record, another worker sends the same bytes
again under the same `webhook-id`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog

from app.clock import elapsed_seconds
from app.outbound.retry_schedule import Outcome, Verdict, judge, next_attempt, pause_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from app.model import Endpoint
    from app.observability.metrics import Metrics
    from app.outbound.breaker import Breaker
    from app.outbound.client import EndpointClient, EndpointReply
    from app.outbound.store import Outbox, Outgoing

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class OutboundSender:
    """Sends claimed events and records their outcomes. `random` is uniform in [0, 1)."""

    outbox: Outbox
    client: EndpointClient
    now: Callable[[], datetime]
    random: Callable[[], float]
    metrics: Metrics

    async def send(self, outgoing: Outgoing, endpoint: Endpoint) -> None:
        """Send one claimed event and record the outcome. Raises FenceLost."""
        began = elapsed_seconds()
        reply = await self.client.post(endpoint, outgoing.id, outgoing.body, self.now())
        outcome = self._outcome(outgoing, reply, round((elapsed_seconds() - began) * 1000))
        breaker = await self.outbox.record(outgoing, endpoint, outcome, now=self.now())
        self._report(outgoing, outcome, breaker)

    def _outcome(self, outgoing: Outgoing, reply: EndpointReply, milliseconds: int) -> Outcome:
        now, status = self.now(), reply.status
        verdict = judge(status)
        if verdict is Verdict.DELIVERED:
            return Outcome(verdict, status, None, None, milliseconds)
        due_at: datetime | None = now
        if verdict is Verdict.FAILED:
            pause = None if status is None else pause_of(status, reply.retry_after, now)
            due_at = next_attempt(outgoing.tries + 1, now=now, pause=pause, random=self.random())
        error = reply.error or f"status {status}"
        return Outcome(verdict, status, error, due_at, milliseconds, reply.text)

    def _report(self, outgoing: Outgoing, outcome: Outcome, breaker: Breaker) -> None:
        verdict = outcome.verdict
        retried = verdict is Verdict.FAILED and outcome.due_at is not None
        self.metrics.outbound(outgoing.endpoint, outcome="retry" if retried else str(verdict))
        (log.info if verdict is Verdict.DELIVERED else log.warning)(
            "outbound.sent",
            outbound_id=outgoing.id,
            endpoint=outgoing.endpoint,
            kind=outgoing.kind,
            enrollment_id=outgoing.enrollment_id,
            outcome=str(verdict),
            status=outcome.status,
            error=outcome.error,
            tries=outgoing.tries,
            due_at=outcome.due_at.isoformat() if retried and outcome.due_at else None,
            breaker=str(breaker.position(self.now())),
            duration_ms=outcome.milliseconds,
        )
