"""The records that wait for their commit: bounded by the memory that they hold, and shared by their sources.

A parsed payload takes up to thirty times the bytes that it came in. Therefore payloads wait as JSON text, which the
commit needs anyway, and what a record holds is the sum of its texts and of what its objects take.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

from app.errors import Busy
from app.intake.json_text import json_text

if TYPE_CHECKING:
    from app.intake.entries import IntakeRecord
    from app.model import Delivery

MAXIMUM_BATCH = 512
MAXIMUM_BATCH_BYTES = 4 * 1024 * 1024
MAXIMUM_WAITING_BYTES = 64 * 1024 * 1024
# What objects take beside the bytes of texts, measured: tests compare their sum with what the interpreter reports.
RECORD_BYTES, EVENT_BYTES, DECISION_BYTES, FACT_BYTES, HEADER_BYTES = 5_000, 1_500, 1_500, 200, 150

Ticket = TypeVar("Ticket")


class Waits(NamedTuple, Generic[Ticket]):
    """A record, the bytes of memory that it holds, and what its sender waits for."""

    record: IntakeRecord
    size: int
    ticket: Ticket


class Waiting(Generic[Ticket]):
    """Records by source. At most `limit` wait, and `maximum_bytes` of memory.

    A source may have as much as it leaves free, which is half of what the others leave it: a flood of one source leaves
    room for the others, however long it lasts, and they are taken in turn.
    """

    def __init__(self, *, limit: int, maximum_bytes: int = MAXIMUM_WAITING_BYTES) -> None:
        self._limit = limit
        self._maximum_bytes = maximum_bytes
        self._queues: OrderedDict[str, deque[Waits[Ticket]]] = OrderedDict()  # none is empty; the first one is next
        self._bytes: dict[str, int] = {}
        self._count = self.bytes = 0

    def __len__(self) -> int:
        return self._count

    def admit(self, source: str) -> None:
        """Raise Busy where a record of this source would be one too many."""
        free, free_bytes = self._limit - self._count, self._maximum_bytes - self.bytes
        if free <= 0 or free_bytes < 0:
            raise Busy("queue_full", "more deliveries are waiting than SEGUE_QUEUE_LIMIT, or memory, allows")
        own = self._queues.get(source)
        if own is not None and (len(own) >= free or self._bytes[source] > free_bytes):
            raise Busy("source_queue_full", "this source has its share of the deliveries that may wait")

    def add(self, record: IntakeRecord, size: int, ticket: Ticket) -> None:
        """Let a record wait."""
        source = record.delivery.source
        own = self._queues.get(source)
        if own is None:
            own = self._queues[source] = deque()
            self._bytes[source] = 0
        own.append(Waits(record, size, ticket))
        self._bytes[source] += size
        self._count += 1
        self.bytes += size

    def take(self) -> list[Waits[Ticket]]:
        """Take records, of each source in turn, up to MAXIMUM_BATCH events and 4 MiB (a larger one is taken alone)."""
        batch: list[Waits[Ticket]] = []
        events = size = 0
        while self._queues:
            source, own = next(iter(self._queues.items()))
            events, size = events + len(own[0].record.events), size + own[0].size
            if batch and (events > MAXIMUM_BATCH or size > MAXIMUM_BATCH_BYTES):
                break
            batch.append(taken := own.popleft())
            self._count -= 1
            self.bytes -= taken.size
            self._bytes[source] -= taken.size
            if own:
                self._queues.move_to_end(source)
            else:
                del self._queues[source], self._bytes[source]
        return batch


def packed(record: IntakeRecord) -> IntakeRecord:
    """Return the record, whose payloads are JSON text from now on: only what writes rows reads them."""
    for one in record.events:
        event = one.event
        # The record alone has the event now. A copy of it would take as long as writing the text.
        event.data = json_text(event.data)  # type: ignore[misc, assignment]
        if event.answers:
            event.answers = json_text(event.answers)  # type: ignore[misc, assignment]
    return record


def size_of(record: IntakeRecord, sent: Delivery) -> int:
    """Return the bytes that a packed record and the delivery that it came in hold until its sender is answered."""
    delivery = record.delivery
    size = RECORD_BYTES + len(delivery.body) + HEADER_BYTES * len(sent.headers) + len("".join(sent.headers.values()))
    if sent.body is not delivery.body:
        size += len(sent.body)
    for one in record.events:
        event = one.event
        size += EVENT_BYTES + len(event.data) + len(event.answers)
        for recorded in one.decisions:
            size += DECISION_BYTES + FACT_BYTES * len(recorded.decision.facts)
    return size
