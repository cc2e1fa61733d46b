"""DELIVER: send -> judge -> record, on one page: one claimed event to one of the operator's own systems.

At least once: whoever dies between the endpoint's yes and its record leaves the delivery to somebody else, who sends
the same bytes under the same `webhook-id` again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import structlog

from app.clock import elapsed_seconds
from app.outbound.retry_schedule import Verdict, judged, next_delivery, pause_of
from app.outbound.store import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from app.model import Endpoint
    from app.observability.metrics import Metrics
    from app.outbound.breaker import Breaker
    from app.outbound.client import Answered
    from app.outbound.store import Outgoing

log = structlog.get_logger(__name__)


class Post(Protocol):
    """Sends one message."""

    async def __call__(self, endpoint: Endpoint, identity: str, body: bytes, now: datetime) -> Answered:
        """Post it; never raises for what the endpoint or the network does."""


class Record(Protocol):
    """Where outcomes are recorded; fenced."""

    async def record(self, outgoing: Outgoing, endpoint: Endpoint, outcome: Outcome, *, now: datetime) -> Breaker:
        """Write how a delivery ended. Raises FenceLost once it is somebody else's."""


class OutboundSender:
    """Takes claimed deliveries to their outcome."""

    def __init__(
        self,
        record: Record,
        post: Post,
        *,
        now: Callable[[], datetime],
        random: Callable[[], float],
        metrics: Metrics,
    ) -> None:
        self._record = record
        self._post = post
        self._now = now
        self._random = random
        self._metrics = metrics

    async def deliver(self, outgoing: Outgoing, endpoint: Endpoint) -> None:
        """Send one claimed delivery, and record how that ended. Raises FenceLost."""
        began = elapsed_seconds()
        answered = await self._post(endpoint, outgoing.id, outgoing.body, self._now())
        outcome = self._outcome(outgoing, answered, round((elapsed_seconds() - began) * 1000))
        breaker = await self._record.record(outgoing, endpoint, outcome, now=self._now())
        self._tell(outgoing, outcome, breaker)

    def _outcome(self, outgoing: Outgoing, answered: Answered, milliseconds: int) -> Outcome:
        now, status = self._now(), answered.status
        verdict = judged(status)
        if verdict is Verdict.DELIVERED:
            return Outcome(verdict, status, None, None, milliseconds)
        due_at: datetime | None = now
        if verdict is Verdict.FAILED:
            pause = None if status is None else pause_of(status, answered.retry_after, now)
            due_at = next_delivery(outgoing.tries + 1, now=now, pause=pause, random=self._random())
        error = answered.error or f"status {status}"
        return Outcome(verdict, status, error, due_at, milliseconds, answered.text)

    def _tell(self, outgoing: Outgoing, outcome: Outcome, breaker: Breaker) -> None:
        told = outcome.verdict
        retried = told is Verdict.FAILED and outcome.due_at is not None
        self._metrics.outbound(outgoing.endpoint, outcome="retry" if retried else str(told))
        (log.info if told is Verdict.DELIVERED else log.warning)(
            "outbound.sent",
            outbound_id=outgoing.id,
            endpoint=outgoing.endpoint,
            kind=outgoing.kind,
            enrollment_id=outgoing.enrollment_id,
            outcome=str(told),
            status=outcome.status,
            error=outcome.error,
            tries=outgoing.tries,
            due_at=outcome.due_at.isoformat() if retried and outcome.due_at else None,
            breaker=str(breaker.position(self._now())),
            duration_ms=outcome.milliseconds,
        )
