"""Logs and metrics of enrollments: one log line and one count for each step, with one id throughout and no address."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from app.clock import utc_now
from app.enrollments.sending import SENDING_AGAIN
from app.model import State

if TYPE_CHECKING:
    from collections.abc import Callable

    from app.enrollments.outcome import Transition
    from app.model import DroppedProperty, Enrollment
    from app.observability.metrics import Metrics

log = structlog.get_logger(__name__)


class StepObserver:
    """Turns steps into log lines and metrics."""

    def __init__(self, metrics: Metrics, hash_email: Callable[[str], str]) -> None:
        self._metrics = metrics
        self._hash_email = hash_email

    def step(self, transition: Transition) -> None:
        """Log one step of an enrollment, and count it where the state changes."""
        enrollment, change = transition.enrollment, transition.change
        if transition.after is not enrollment.state:
            self._count(enrollment, transition.after, change.reason or change.cause)
        elif change.cause == SENDING_AGAIN:
            self._metrics.sending_repeated(enrollment.account)
        log.info(
            "enrollment.step",
            enrollment_id=enrollment.id,
            delivery_id=enrollment.delivery_id,
            person=self._hash_email(enrollment.email),
            account=enrollment.account,
            rule=enrollment.rule,
            sequence=enrollment.sequence,
            sender=enrollment.sender.name if enrollment.sender else None,
            contact_id=enrollment.contact_id,
            before=enrollment.state,
            after=transition.after,
            cause=change.cause,
            reason=change.reason,
            attempt=enrollment.attempt,
            due_at=change.due_at.isoformat() if change.due_at else None,
        )

    def _count(self, enrollment: Enrollment, after: State, reason: str) -> None:
        self._metrics.enrollment(enrollment.sequence or enrollment.plan.action, after, reason)
        if after is State.ENROLLED:
            self._metrics.enrollment_lag((utc_now() - enrollment.received_at).total_seconds())
        if after is State.PARKED:
            self._metrics.parked(reason)
        if enrollment.state is State.UNCERTAIN:
            self._metrics.settled(after)

    def write_back_dropped(self, enrollment: Enrollment, dropped: DroppedProperty) -> None:
        """Log and count a write-back property that HubSpot refuses."""
        self._metrics.write_back_dropped(enrollment.account, dropped.name)
        log.warning(
            "enrollment.write_back_dropped",
            enrollment_id=enrollment.id,
            delivery_id=enrollment.delivery_id,
            account=enrollment.account,
            property=dropped.name,
            problem=dropped.problem,
        )

    def expired(self, sequence: str) -> None:
        """Count an enrollment that was not sent in time."""
        self._metrics.enrollment(sequence, State.EXPIRED, "expired")

    def confirmation(self, result: str) -> None:
        """Count one confirmation: seen, not_seen or other_sequence. All but the first are logged."""
        self._metrics.confirmed(result)
        if result != "seen":
            log.warning("enrollment.not_confirmed", result=result)
