"""INTAKE: verify -> normalise -> match -> queue, on one page. What it answers has been committed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import orjson
import structlog

from app.errors import Answer, Busy, UnknownSource
from app.model import Verdict
from app.rules.match import decide, heard
from app.store.entries import Accepted, Entry, Heard, Verdicted, final

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from app.metrics import Metrics
    from app.model import Decision, Delivery, Event, Handshake, SourceConfig
    from app.rules.book import Rulebook
    from app.sources.base import Provider

LONGEST_LOGGED = 200  # characters of an id that the sender chose

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Reply:
    """What the sender of a delivery is answered."""

    status: int
    body: bytes
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)


class Intake:
    """The way in for deliveries. `keep` returns after the commit; `refuse` keeps a refused one for the operator."""

    def __init__(
        self,
        *,
        book: Callable[[], Rulebook | None],
        providers: Mapping[str, Provider],
        keep: Callable[[Entry], Awaitable[Accepted]],
        refuse: Callable[[Delivery, Answer], None],
        new_id: Callable[[str], str],
        hash_email: Callable[[str], str],
        metrics: Metrics,
    ) -> None:
        self._book = book
        self._providers = providers
        self._keep = keep
        self._refuse = refuse
        self._new_id = new_id
        self._hash_email = hash_email
        self._metrics = metrics

    async def receive(self, delivery: Delivery) -> Reply:
        """Take one delivery down the road and return the sender's answer; raises Answer when it is turned away."""
        book = self._book_in_force()
        source = self._source(book, delivery.source)
        try:
            events = self._events(delivery, source)
            if not isinstance(events, list):
                return self._shake_hands(delivery, events)
            listening = [self._decide(event, book) for event in events if book.store_unheard or heard(event, book)]
            self._metrics.unheard(delivery.source, len(events) - len(listening))
            if not listening:
                return self._filtered(delivery, len(events))
            entry = Entry(delivery, source.provider, tuple(listening))
            return self._accepted(entry, await self._keep(entry))
        except Answer as answer:
            if not isinstance(answer, Busy):
                self._refuse(delivery, answer)
            raise

    def _book_in_force(self) -> Rulebook:
        book = self._book()
        if book is None:
            raise Busy("no_rulebook", "no rulebook is loaded yet")
        return book

    def _source(self, book: Rulebook, name: str) -> SourceConfig:
        source = book.sources.get(name)
        if source is None:
            raise UnknownSource("unknown_source")
        return source

    def _events(self, delivery: Delivery, source: SourceConfig) -> list[Event] | Handshake:
        provider = self._providers[source.provider]
        provider.verify(delivery, source, delivery.received_at)
        return provider.handshake(delivery, source) or provider.events(delivery, source)

    def _decide(self, event: Event, book: Rulebook) -> Heard:
        return Heard(self._new_id("evt"), event, tuple(self._with_ids(decision) for decision in decide(event, book)))

    def _with_ids(self, decision: Decision) -> Verdicted:
        enrollment_id = self._new_id("enr") if decision.enroll is not None else None
        return Verdicted(self._new_id("dec"), enrollment_id, decision)

    def _shake_hands(self, delivery: Delivery, handshake: Handshake) -> Reply:
        self._metrics.received(delivery.source, "handshake")
        log.info("delivery.handshake", delivery_id=delivery.id, source=delivery.source)
        return Reply(handshake.status, handshake.body, handshake.content_type, handshake.headers)

    def _filtered(self, delivery: Delivery, events: int) -> Reply:
        self._metrics.received(delivery.source, "filtered")
        log.info("delivery.filtered", delivery_id=delivery.id, source=delivery.source, events=events)
        return _received(delivery.id, filtered=True)

    def _accepted(self, entry: Entry, accepted: Accepted) -> Reply:
        delivery = entry.delivery
        self._metrics.duplicates(delivery.source, "event", len(accepted.seen))
        if accepted.first_delivery_id is not None:
            self._metrics.received(delivery.source, "duplicate")
            log.info(
                "delivery.duplicate", delivery_id=delivery.id, source=delivery.source, of=accepted.first_delivery_id
            )
            return _received(accepted.first_delivery_id, duplicate=True)
        self._metrics.received(delivery.source, "accepted")
        log.info("delivery.accepted", delivery_id=delivery.id, source=delivery.source, events=len(accepted.new))
        new = set(accepted.new)
        self._tell_decisions(delivery, [item for item in entry.heard if item.id in new], accepted)
        return _received(delivery.id)

    def _tell_decisions(self, delivery: Delivery, fresh: Sequence[Heard], accepted: Accepted) -> None:
        for item in fresh:
            for verdicted in item.decisions:
                verdict, reason = final(verdicted, accepted)
                decision = verdicted.decision
                self._metrics.decided(decision.rule, verdict)
                if verdict is Verdict.DUPLICATE:
                    self._metrics.duplicates(delivery.source, "intent", 1)
                for fact in decision.facts:
                    if fact.error:
                        self._metrics.rule_error(fact.rule)
                log.info(
                    "decision.made",
                    delivery_id=delivery.id,
                    event_id=item.id,
                    decision_id=verdicted.id,
                    enrollment_id=verdicted.enrollment_id if verdict is Verdict.ENROLL else None,
                    source=delivery.source,
                    provider_event_id=item.event.id[:LONGEST_LOGGED] if item.event.id else None,
                    person=self._hash_email(item.event.email) if item.event.email else None,
                    rule=decision.rule,
                    revision=decision.revision,
                    verdict=verdict,
                    reason=reason,
                )


def _received(delivery_id: str, **flags: bool) -> Reply:
    return Reply(200, orjson.dumps({"received": True, "id": delivery_id, **flags}))
