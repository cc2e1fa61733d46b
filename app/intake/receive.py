"""INTAKE: verify -> normalise -> match -> queue, on one page. What it answers has been committed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import orjson
import structlog

from app.errors import Busy, DeliveryRejected, NotAllowed, UnknownSource
from app.intake.entries import Accepted, IntakeRecord
from app.rules.match import heard
from app.sources.base import retiring
from app.sources.field_map import mapped

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence

    from app.intake.decide import Decider
    from app.model import Delivery, Response, SourceConfig
    from app.observability.metrics import Metrics
    from app.rules.rulebook import Rulebook
    from app.sources.base import Hint, Provider

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Reply:
    """What the sender of a delivery is answered."""

    status: int
    body: bytes
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)


class Intake:
    """The way in for deliveries. `keep` returns after the commit; `refuse` keeps a refused one for the operator.

    `hint` is told of contacts whose sequence seems to have ended, and whose they may be; nobody waits for it.
    """

    def __init__(
        self,
        *,
        book: Callable[[], Rulebook | None],
        providers: Mapping[str, Provider],
        keep: Callable[[IntakeRecord], Awaitable[Accepted]],
        refuse: Callable[[Delivery, DeliveryRejected], None],
        deciding: Decider,
        metrics: Metrics,
        hint: Callable[[Sequence[str], Iterable[Hint]], None] = lambda _accounts, _hints: None,
    ) -> None:
        self._hint = hint
        self._book = book
        self._providers = providers
        self._keep = keep
        self._refuse = refuse
        self._deciding = deciding
        self._metrics = metrics

    async def receive(self, delivery: Delivery) -> Reply:
        """Take one delivery down the road and return the sender's answer. Raises DeliveryRejected."""
        book = self._book_in_force()
        source = self._source(book, delivery.source)
        provider = self._providers[source.provider]
        try:
            return await self._take(delivery, source, provider, book)
        except DeliveryRejected as answer:
            if not isinstance(answer, Busy):
                self._refuse(provider.stored(delivery, source), answer)
            if own := provider.answer(delivery, answer):
                answer.body = own.body
            if isinstance(answer, Busy):
                answer.retry_after *= provider.retry_after_unit
            raise

    async def _take(self, sent: Delivery, source: SourceConfig, provider: Provider, book: Rulebook) -> Reply:
        if probed := provider.probe(sent, source):
            return self._shake_hands(sent, probed)
        delivery = self._verified(sent, source, provider)
        if challenged := provider.handshake(delivery, source):
            return self._shake_hands(delivery, challenged)
        events = provider.events(delivery, source)
        if hinted := provider.hints(events):
            self._hint(book.accounts_of(source), hinted)
        if source.fields:
            events = [mapped(event, source, delivery.headers) for event in events]
        listening = [self._deciding.heard(event, book) for event in events if book.store_unheard or heard(event, book)]
        self._metrics.unheard(delivery.source, len(events) - len(listening))
        own = provider.answer(delivery, None)
        if not listening:
            return _in_its_form(own, self._filtered(delivery, len(events)))
        entry = IntakeRecord(delivery, source.provider, tuple(listening))
        return _in_its_form(own, self._accepted(entry, await self._keep(entry)))

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

    def _verified(self, sent: Delivery, source: SourceConfig, provider: Provider) -> Delivery:
        """Return a delivery that proves where it comes from, without the secret that may have proved it."""
        if sent.method not in provider.methods:
            raise NotAllowed(", ".join(sorted(provider.methods)))
        secret = provider.verify(sent, source, sent.received_at)
        if secret is not None and len(source.secrets) > 1 and retiring(secret, source.secrets):
            self._metrics.old_secret(source.name)
        return provider.stored(sent, source)

    def _shake_hands(self, delivery: Delivery, handshake: Response) -> Reply:
        self._metrics.received(delivery.source, "handshake")
        log.info("delivery.handshake", delivery_id=delivery.id, source=delivery.source)
        return Reply(handshake.status, handshake.body, handshake.content_type, handshake.headers)

    def _filtered(self, delivery: Delivery, events: int) -> Reply:
        self._metrics.received(delivery.source, "filtered")
        log.info("delivery.filtered", delivery_id=delivery.id, source=delivery.source, events=events)
        return _received(delivery.id, filtered=True)

    def _accepted(self, entry: IntakeRecord, accepted: Accepted) -> Reply:
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
        fresh = [item for item in entry.heard if item.id in new]
        self._metrics.members_dropped(delivery.source, sum(item.event.dropped is not None for item in fresh))
        self._deciding.tell(delivery.id, fresh, accepted)
        return _received(delivery.id)


def _in_its_form(own: Response | None, usual: Reply) -> Reply:
    """Return the provider's own answer where it has one: what was taken is taken, in whatever words."""
    return Reply(own.status, own.body, own.content_type, own.headers) if own else usual


def _received(delivery_id: str, **flags: bool) -> Reply:
    return Reply(200, orjson.dumps({"received": True, "id": delivery_id, **flags}))
