"""Rejected deliveries: a few of each source are kept for a day, so that an operator can find out why."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import orjson
import structlog
from sqlalchemy import text

from app.clock import utc_now
from app.database.engine import STORE_TROUBLE, busy_when_gone, first_line
from app.model import Delivery

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncEngine

    from app.errors import DeliveryRejected

KEPT_PER_SOURCE = 20
KEPT_BODY_BYTES = 64 * 1024
WAITING = 100
SLACK_SECONDS = 1.0  # between the first byte of a request and the time that it is said to have come in

log = structlog.get_logger(__name__)

# Where someone was forgotten since the request came in (`waited` seconds ago), it may hold that person: it is not kept.
# Forgetting locks the table before it looks for the person in it (`app.people.forget_statements`), so that this
# statement either has committed before, or sees the request to forget.
INSERT = text("""
    INSERT INTO refused_deliveries (id, source, received_at, status, reason, method, url, headers, body)
    SELECT :id, :source, :received_at, :status, CAST(:reason AS text), :method, CAST(:url AS text),
           CAST(:headers AS jsonb), :body
    WHERE NOT EXISTS (
        SELECT FROM forgettings
        WHERE requested_at > statement_timestamp() - make_interval(secs => CAST(:waited AS double precision)))
    ON CONFLICT DO NOTHING
""")

# Ids sort by time, so the newest ones are the greatest.
KEEP_NEWEST = text("""
    DELETE FROM refused_deliveries WHERE source = :source AND id NOT IN (
        SELECT id FROM refused_deliveries WHERE source = :source ORDER BY id DESC LIMIT :kept
    )
""")

FIND_REJECTED = text("""
    SELECT id, source, received_at, method, url, headers, body, status, reason FROM refused_deliveries
    WHERE id = :id OR (:id = '' AND source = :source) ORDER BY id DESC LIMIT 1
""")

LIST_REJECTED = text("""
    SELECT id, received_at, status, reason, method, octet_length(body) AS bytes FROM refused_deliveries
    WHERE source = :source ORDER BY id DESC LIMIT :kept
""")

FIND_ACCEPTED = text("""
    SELECT id, source, received_at, method, url, headers, body, 200 AS status, NULL AS reason FROM deliveries
    WHERE id = :id
""")


class RejectedDeliveries:
    """Keeps rejected deliveries in the background: no answer waits for it, and under a flood it drops them."""

    def __init__(self, engine: AsyncEngine, *, now: Callable[[], datetime] = utc_now) -> None:
        self._engine = engine
        self._now = now
        self._queue: asyncio.Queue[tuple[Delivery, DeliveryRejected]] = asyncio.Queue(WAITING)
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Start to write."""
        self._task = asyncio.create_task(self._write_all(), name="refused-deliveries")

    async def close(self) -> None:
        """Stop; deliveries that still wait are dropped."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def keep(self, delivery: Delivery, answer: DeliveryRejected) -> None:
        """Queue a rejected delivery of a configured source; drop it when too many wait."""
        if not self._queue.full():
            self._queue.put_nowait((replace(delivery, body=delivery.body[:KEPT_BODY_BYTES]), answer))

    async def _write_all(self) -> None:
        while True:
            delivery, answer = await self._queue.get()
            try:
                await self._write(delivery, answer)
            except STORE_TROUBLE as error:
                log.warning("refused.not_kept", delivery_id=delivery.id, error=first_line(error))
            except Exception:
                # One delivery that cannot be written must not stop the others.
                log.exception("refused.defect", delivery_id=delivery.id)

    async def _write(self, delivery: Delivery, answer: DeliveryRejected) -> None:
        values = {
            "id": delivery.id,
            "source": delivery.source,
            "received_at": delivery.received_at,
            "status": answer.status,
            "reason": answer.reason,
            "method": delivery.method,
            "url": _storable(delivery.url),
            "headers": _storable(orjson.dumps(dict(delivery.headers)).decode()),
            "body": delivery.body,
            "waited": max(0.0, (self._now() - delivery.received_at).total_seconds()) + SLACK_SECONDS,
        }
        async with self._engine.begin() as connection:
            await connection.execute(INSERT, values)
            await connection.execute(KEEP_NEWEST, {"source": delivery.source, "kept": KEPT_PER_SOURCE})


def _storable(untrusted: str) -> str:
    """Return text that PostgreSQL can store: it has no NUL character."""
    return untrusted.replace("\\u0000", "\ufffd").replace("\x00", "\ufffd")


@dataclass(frozen=True, slots=True)
class StoredDelivery:
    """A stored delivery. `reason` is None where it was accepted; `cut` says that its body is incomplete."""

    delivery: Delivery
    status: int
    reason: str | None
    cut: bool


async def find_delivery(engine: AsyncEngine, id_: str, source: str) -> StoredDelivery | None:
    """Return the delivery with this id, or the last refused one of a source; None when there is none."""
    async with engine.connect() as connection:
        for statement in (FIND_REJECTED, FIND_ACCEPTED):
            row = (await connection.execute(statement, {"id": id_, "source": source})).one_or_none()
            if row is not None:
                return _stored(row)
    return None


async def list_rejected(engine: AsyncEngine, source: str) -> list[dict[str, Any]]:
    """Return the kept rejected deliveries of a source, newest first, without what was sent. Raises Busy."""
    with busy_when_gone():
        async with engine.connect() as connection:
            rows = await connection.execute(LIST_REJECTED, {"source": source, "kept": KEPT_PER_SOURCE})
            return [dict(row) for row in rows.mappings()]


def _stored(row: Any) -> StoredDelivery:
    delivery = Delivery(row.id, row.source, row.received_at, row.method, row.url, row.headers, row.body)
    cut = row.reason is not None and len(row.body) >= KEPT_BODY_BYTES
    return StoredDelivery(delivery, row.status, row.reason, cut)
