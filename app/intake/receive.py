"""INTAKE: verify -> normalise -> match -> queue, on one page. A delivery is committed before it is answered."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import orjson
import structlog

from app.database.engine import busy_when_gone
from app.errors import Busy, DeliveryRejected, NotAllowed, UnknownSource
from app.intake.entries import Accepted, IntakeRecord
from app.intake.waiting import packed
from app.model import Response
from app.rules.match import heard, hears_type
from app.sources.base import retiring
from app.sources.encodings import events_of, proved, readable, unpacked
from app.sources.missing_proof import unproved
from app.sources.normalised import normalised

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping, Sequence

    from app.intake.decide import Decider
    from app.model import Delivery, SourceConfig
    from app.observability.metrics import Metrics
    from app.rules.rulebook import Rulebook
    from app.sources.base import Hint, Provider

LARGE = 64 * 1024  # bytes of a body that takes milliseconds to read

log = structlog.get_logger(__name__)


class Pending(NamedTuple):
    """A delivery (`sent`) whose commit is under way; `own` is the provider's own form of its answer, if it has one."""

    accepted: asyncio.Future[Accepted]
    record: IntakeRecord
    own: Response | None
    sent: Delivery
    source: SourceConfig
    provider: Provider


class ContactNews(NamedTuple):
    """What receives the contacts of HubSpot's own events, with the accounts that they may be of.

    `hint` gets those whose sequence seems to have ended: no answer waits for it. `forget` gets those that HubSpot has
    deleted for privacy: the answer waits for it, so that none is lost.
    """

    hint: Callable[[Sequence[str], Iterable[Hint]], None]
    forget: Callable[[Sequence[str], Iterable[Hint]], Awaitable[None]]


class Queue(Protocol):
    """Where records wait for their commit."""

    def admit(self, source: str) -> None:
        """Raise Busy where nothing more of a source may wait: a large body is not even read then."""

    def submit(self, record: IntakeRecord, sent: Delivery) -> asyncio.Future[Accepted]:
        """Return a future that is done after the commit; raise Busy."""


class Intake:
    """Receives deliveries. `maximum_body` is in bytes, also for an unpacked one.

    `keep_rejected` keeps a rejected delivery for the operator.
    `decide_again` decides a stored event again, where nothing came of it; the answer waits for it, so that a sender who
    got none sends the event again.
    """

    def __init__(
        self,
        *,
        rulebook: Callable[[], Rulebook | None],
        providers: Mapping[str, Provider],
        maximum_body: int,
        queue: Queue,
        keep_rejected: Callable[[Delivery, DeliveryRejected], None],
        decider: Decider,
        metrics: Metrics,
        contacts: ContactNews,
        decide_again: Callable[[str], Awaitable[object]],
    ) -> None:
        self._decide_again = decide_again
        self._contacts = contacts
        self._rulebook = rulebook
        self._providers = providers
        self._maximum_body = maximum_body
        self._queue = queue
        self._keep_rejected = keep_rejected
        self._decider = decider
        self._metrics = metrics

    def begin(self, delivery: Delivery) -> Response | Pending:
        """Return the answer to the sender of a delivery, or the commit that the answer waits for.

        Raises DeliveryRejected. Most deliveries are of events that no rule listens to: they wait for nothing.
        """
        book = self._book_in_force()
        source = self._source(book, delivery.source)
        provider = self._providers[source.provider]
        try:
            if len(delivery.body) > LARGE:
                self._queue.admit(source.name)
            return self._process(delivery, source, provider, book)
        except DeliveryRejected as refusal:
            self._refuse(delivery, source, provider, refusal)
            raise

    async def receive(self, delivery: Delivery) -> Response:
        """Return the answer to a delivery that comes from this process itself. Raises DeliveryRejected."""
        answer = self.begin(delivery)
        if isinstance(answer, Response):
            return answer
        await asyncio.wait([answer.accepted])
        finished = self.finish(answer)
        return finished if isinstance(finished, Response) else await finished

    def begin_to_read(self, delivery: Delivery) -> None:
        """Raise DeliveryRejected where a delivery is refused whatever the rest of its body holds.

        `delivery` has as much of its body as has come, which is kept for the operator.
        """
        book = self._book_in_force()
        source = self._source(book, delivery.source)
        provider = self._providers[source.provider]
        if refusal := unproved(delivery, source, provider):
            self._refuse(delivery, source, provider, refusal)
            raise refusal

    def finish(self, pending: Pending) -> Response | Coroutine[Any, Any, Response]:
        """Return the answer after the commit; where an event is decided again, what returns the answer after that.

        Raises DeliveryRejected.
        """
        try:
            accepted = pending.accepted.result()
        except DeliveryRejected as refusal:
            self._refuse(pending.sent, pending.source, pending.provider, refusal)
            raise
        reply = self._accepted(pending.record, accepted)
        return self._decided_again(pending, accepted, reply) if accepted.again else pending.own or reply

    async def _decided_again(self, pending: Pending, accepted: Accepted, reply: Response) -> Response:
        try:
            for event_id in dict.fromkeys(accepted.again):
                await self._decide_again(event_id)
        except DeliveryRejected as refusal:
            self._refuse(pending.sent, pending.source, pending.provider, refusal)
            raise
        return pending.own or reply

    def _refuse(self, delivery: Delivery, source: SourceConfig, provider: Provider, refusal: DeliveryRejected) -> None:
        """Keep a refused delivery for the operator, and give the refusal its provider's form."""
        plain = self._unpacked(delivery)
        if not isinstance(refusal, Busy):
            self._keep_rejected(provider.stored(plain, source), refusal)
        if own := provider.answer(plain, refusal):
            refusal.body = own.body
        if isinstance(refusal, Busy):
            refusal.retry_after *= provider.retry_after_unit

    def knows(self, source: str) -> bool:
        """Return whether the rules in force have a source of this name."""
        rulebook = self._rulebook()
        return rulebook is not None and source in rulebook.sources

    def _process(self, sent: Delivery, source: SourceConfig, provider: Provider, book: Rulebook) -> Response | Pending:
        if probed := provider.probe(sent, source):
            return self._shake_hands(sent, probed)
        delivery = self._verified(sent, source, provider)
        read = readable(delivery, maximum=self._maximum_body)
        if challenged := provider.handshake(read, source):
            return self._shake_hands(delivery, challenged)
        hears = None if book.store_unheard else partial(hears_type, source.name, book)
        events = events_of(provider, read, source, hears=hears)
        if hinted := provider.hints(events):
            self._contacts.hint(book.accounts_of(source), hinted)
        listened = events if book.store_unheard else [event for event in events if heard(event, book)]
        complete = [normalised(event, source, delivery.headers, delivery.received_at) for event in listened]
        wanted = [self._decider.decided(event, book) for event in complete]
        self._metrics.unheard(delivery.source, len(events) - len(wanted))
        own = provider.answer(read, None)
        erased = provider.privacy_deletions(events)
        if not wanted and not erased:
            return own or self._filtered(delivery, len(events))
        record = packed(IntakeRecord(delivery, source.provider, tuple(wanted)))
        kept = self._queue.submit(record, sent)
        if erased:
            kept = asyncio.ensure_future(_after(kept, self._contacts.forget(book.accounts_of(source), erased)))
        return Pending(kept, record, own, sent, source, provider)

    def _book_in_force(self) -> Rulebook:
        rulebook = self._rulebook()
        if rulebook is None:
            raise Busy("no_rulebook", "no rulebook is loaded yet")
        return rulebook

    def _source(self, book: Rulebook, name: str) -> SourceConfig:
        source = book.sources.get(name)
        if source is None:
            raise UnknownSource("unknown_source")
        return source

    def _verified(self, sent: Delivery, source: SourceConfig, provider: Provider) -> Delivery:
        """Return the delivery once it is verified, without a secret that it may contain. Raises DeliveryRejected."""
        if sent.method not in provider.methods:
            raise NotAllowed(", ".join(sorted(provider.methods)))
        delivery, secret = proved(sent, source, provider, maximum=self._maximum_body)
        if secret is not None and len(source.secrets) > 1 and retiring(secret, source.secrets):
            self._metrics.old_secret(source.name)
        return provider.stored(delivery, source)

    def _unpacked(self, refused: Delivery) -> Delivery:
        """Return a refused delivery without its content codings, which would hide a secret in its body."""
        try:
            return unpacked(refused, self._maximum_body)
        except DeliveryRejected:
            return refused

    def _shake_hands(self, delivery: Delivery, handshake: Response) -> Response:
        self._metrics.received(delivery.source, "handshake")
        log.info("delivery.handshake", delivery_id=delivery.id, source=delivery.source)
        return handshake

    def _filtered(self, delivery: Delivery, events: int) -> Response:
        self._metrics.received(delivery.source, "filtered")
        log.debug("delivery.filtered", delivery_id=delivery.id, source=delivery.source, events=events)
        return _received(delivery.id, filtered=True)

    def _accepted(self, record: IntakeRecord, accepted: Accepted) -> Response:
        delivery = record.delivery
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
        fresh = [item for item in record.events if item.id in new]
        self._metrics.members_dropped(delivery.source, sum(item.event.dropped is not None for item in fresh))
        self._metrics.fields_cut(delivery.source, sum(len(item.event.cut) for item in fresh))
        self._decider.observe(delivery.id, fresh, accepted)
        return _received(delivery.id)


async def _after(kept: asyncio.Future[Accepted], forgotten: Awaitable[None]) -> Accepted:
    """Return the outcome of the commit, once it is also stored who is to be forgotten. Raises Busy."""
    with busy_when_gone():
        await forgotten
    return await kept


def _received(delivery_id: str, **flags: bool) -> Response:
    return Response(200, orjson.dumps({"received": True, "id": delivery_id, **flags}))
