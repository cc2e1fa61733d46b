"""MATCH, with ids, logs and counts: the decisions about an event, as they are stored."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

import structlog

from app.intake.entries import Accepted, DecidedEvent, RecordedDecision, email_of, final
from app.model import Verdict
from app.rules.match import decide, heard

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from app.model import Decision, Event
    from app.observability.metrics import Metrics
    from app.rules.rulebook import Rulebook

LONGEST_LOGGED = 200  # characters of an id that the sender chose
MOST_LINES = 10  # of the decisions that follow from one delivery
FIRST_NAMED = 3

log = structlog.get_logger(__name__)


class Decider:
    """Decides events, and logs and counts the decisions once they are stored."""

    def __init__(self, *, new_id: Callable[[str], str], hash_email: Callable[[str], str], metrics: Metrics) -> None:
        self._new_id = new_id
        self._hash_email = hash_email
        self._metrics = metrics

    def decided(self, event: Event, book: Rulebook) -> DecidedEvent:
        """Return a new event with its decisions. A thin event is decided later, when its provider has answered.

        A thin event that no rule listens to, and that is stored all the same, is not looked up.
        """
        if event.thin and heard(event, book):
            return DecidedEvent(self._new_id("evt"), event, ())
        complete = replace(event, thin=False) if event.thin else event
        return DecidedEvent(self._new_id("evt"), complete, self.decisions(complete, book))

    def decisions(self, event: Event, book: Rulebook) -> tuple[RecordedDecision, ...]:
        """Return the decisions of the rulebook about the event."""
        return tuple(self.with_ids(decision) for decision in decide(event, book))

    def with_ids(self, decision: Decision) -> RecordedDecision:
        """Return the decision with the ids it will be stored under."""
        enrollment_id = self._new_id("enr") if decision.enroll is not None else None
        return RecordedDecision(self._new_id("dec"), enrollment_id, decision)

    def observe(self, delivery_id: str, fresh: Sequence[DecidedEvent], accepted: Accepted) -> None:
        """Log and count the decisions about the events that were new, in one line where there are many."""
        made = [(item, recorded) for item in fresh for recorded in item.decisions]
        if len(made) > MOST_LINES:
            self._observe_together(delivery_id, fresh, accepted)
        else:
            for item, recorded in made:
                self._observe_one(delivery_id, item, recorded, accepted)
        for _, recorded in made:
            for fact in recorded.decision.facts:
                if fact.error:
                    self._metrics.rule_error(fact.rule)

    def _observe_one(
        self, delivery_id: str, item: DecidedEvent, recorded: RecordedDecision, accepted: Accepted
    ) -> None:
        verdict, reason = final(recorded, accepted)
        decision, event = recorded.decision, item.event
        address = email_of(item) if verdict != Verdict.FORGOTTEN else None
        self._count(event.source, decision.rule, verdict, 1)
        log.info(
            "decision.made",
            delivery_id=delivery_id,
            event_id=item.id,
            decision_id=recorded.id,
            enrollment_id=recorded.enrollment_id if verdict is decision.verdict else None,
            source=event.source,
            provider_event_id=event.id[:LONGEST_LOGGED] if event.id else None,
            person=self._hash_email(address) if address else None,
            rule=decision.rule,
            revision=decision.revision,
            verdict=verdict,
            reason=reason,
        )

    def _observe_together(self, delivery_id: str, fresh: Sequence[DecidedEvent], accepted: Accepted) -> None:
        """Log and count the decisions of one delivery: a line for each would take as long as deciding."""
        made = [recorded for item in fresh for recorded in item.decisions]
        counts = Counter([(recorded.decision.rule, final(recorded, accepted)[0]) for recorded in made])
        source = fresh[0].event.source
        for (rule, verdict), count in counts.items():
            self._count(source, rule, verdict, count)
        log.info(
            "decisions.made",
            delivery_id=delivery_id,
            source=source,
            events=len(fresh),
            first_event_ids=[item.id for item in fresh[:FIRST_NAMED]],
            revision=made[0].decision.revision,
            counts=[{"rule": rule, "verdict": verdict, "count": count} for (rule, verdict), count in counts.items()],
        )

    def _count(self, source: str, rule: str | None, verdict: str, count: int) -> None:
        self._metrics.decided(rule, verdict, count)
        if verdict == Verdict.DUPLICATE:
            self._metrics.duplicates(source, "intent", count)
