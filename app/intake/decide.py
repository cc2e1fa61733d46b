"""MATCH, with ids and telling: what an event comes to, as it is stored, logged and counted."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import structlog

from app.intake.entries import Accepted, DecidedEvent, RecordedDecision, final
from app.model import Verdict
from app.rules.match import decide, heard

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from app.model import Decision, Event
    from app.observability.metrics import Metrics
    from app.rules.rulebook import Rulebook

LONGEST_LOGGED = 200  # characters of an id that the sender chose

log = structlog.get_logger(__name__)


class Decider:
    """Decides events, and tells what was decided once it is stored."""

    def __init__(self, *, new_id: Callable[[str], str], hash_email: Callable[[str], str], metrics: Metrics) -> None:
        self._new_id = new_id
        self._hash_email = hash_email
        self._metrics = metrics

    def heard(self, event: Event, book: Rulebook) -> DecidedEvent:
        """Return a new event with its decisions; a thin one is decided when its provider has been asked.

        Nobody is asked about what no rule listens to, and which is kept all the same.
        """
        if event.thin and heard(event, book):
            return DecidedEvent(self._new_id("evt"), event, ())
        known = replace(event, thin=False) if event.thin else event
        return DecidedEvent(self._new_id("evt"), known, self.decisions(known, book))

    def decisions(self, event: Event, book: Rulebook) -> tuple[RecordedDecision, ...]:
        """Return what the rulebook makes of the event."""
        return tuple(self.with_ids(decision) for decision in decide(event, book))

    def with_ids(self, decision: Decision) -> RecordedDecision:
        """Return the decision with the ids it will be stored under."""
        enrollment_id = self._new_id("enr") if decision.enroll is not None else None
        return RecordedDecision(self._new_id("dec"), enrollment_id, decision)

    def tell(self, delivery_id: str, fresh: Sequence[DecidedEvent], accepted: Accepted) -> None:
        """Log and count what was decided of the events that were new."""
        for item in fresh:
            for verdicted in item.decisions:
                self._tell_one(delivery_id, item, verdicted, accepted)

    def _tell_one(self, delivery_id: str, item: DecidedEvent, verdicted: RecordedDecision, accepted: Accepted) -> None:
        verdict, reason = final(verdicted, accepted)
        decision, event = verdicted.decision, item.event
        self._metrics.decided(decision.rule, verdict)
        if verdict == Verdict.DUPLICATE:
            self._metrics.duplicates(event.source, "intent", 1)
        for fact in decision.facts:
            if fact.error:
                self._metrics.rule_error(fact.rule)
        log.info(
            "decision.made",
            delivery_id=delivery_id,
            event_id=item.id,
            decision_id=verdicted.id,
            enrollment_id=verdicted.enrollment_id if verdict is decision.verdict else None,
            source=event.source,
            provider_event_id=event.id[:LONGEST_LOGGED] if event.id else None,
            person=self._hash_email(event.email) if event.email else None,
            rule=decision.rule,
            revision=decision.revision,
            verdict=verdict,
            reason=reason,
        )
