"""The group commit: one transaction writes all records that wait; the next batch forms while one is written."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

import structlog

from app.database.direct import DirectConnection
from app.database.engine import DRIVER_TROUBLE, first_line, sqlstate
from app.database.halves import MAXIMUM_REPEATS, REPEATABLE, is_about_a_row
from app.errors import Busy, Unreadable
from app.intake.statements import NOTIFY
from app.intake.store import notify_values, write
from app.intake.waiting import Waiting, Waits, size_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sqlalchemy.engine import URL

    from app.errors import DeliveryRejected
    from app.intake.entries import Accepted, IntakeRecord
    from app.intake.store import Notification
    from app.model import Delivery

    Batch = list[Waits[asyncio.Future[Accepted]]]

LANES = 2
NOTIFY_SECONDS = 0.01
# A batch costs as much as six events do, whatever its size. While one is written, the next one begins when so many
# records wait, or when the other is committed; alone, a record waits for nothing.
WORTH_A_SECOND_LANE = 32

log = structlog.get_logger(__name__)


class GroupCommit:
    """Gathers records and commits them together into the database at `url`. One instance per web process.

    At most `limit` records wait, and 64 MiB of what they hold in memory; `waiting` says how they are shared by sources.
    One more raises Busy, and so does any once `stopping`: the sender tries again.
    """

    def __init__(self, url: URL, *, limit: int = 10_000, stopping: Callable[[], bool] = lambda: False) -> None:
        self._url = url
        self._stopping = stopping
        self._waiting: Waiting[asyncio.Future[Accepted]] = Waiting(limit=limit)
        self._ready = asyncio.Event()  # a lane may take a batch
        self._writing = 0  # lanes that write one
        self._lanes: list[asyncio.Task[None]] = []
        self._made = asyncio.Event()
        self._woken: set[Notification] = set()
        self._notifier: asyncio.Task[None] | None = None
        self._closing = self._ended = False

    def start(self) -> None:
        """Start the lanes: with two, one batch gathers while the other commits."""
        self._lanes = [asyncio.create_task(self._lane(), name=f"group-commit-{n}") for n in range(LANES)]
        self._notifier = asyncio.create_task(self._notify_workers(), name="group-commit-notifier")

    async def close(self) -> None:
        """Commit the records that wait, finish the batches under way, then stop."""
        self._closing = True
        self._ready.set()
        await asyncio.gather(*self._lanes)
        self._ended = True
        self._made.set()
        if self._notifier is not None:
            await self._notifier

    async def accept(self, record: IntakeRecord) -> Accepted:
        """Return once `record` is committed. Raises what `submit` says."""
        return await self.submit(record)

    def admit(self, source: str) -> None:
        """Raise Busy where a record of this source would not be taken now."""
        if self._closing or self._stopping():
            raise Busy("stopping", "this process is stopping; please send it again")
        self._waiting.admit(source)

    def submit(self, record: IntakeRecord, sent: Delivery | None = None) -> asyncio.Future[Accepted]:
        """Return a future that is done once `record` is committed. Its sender keeps `sent`, as it came, until then.

        Raises Busy, or the future does, when the store cannot write it now (the sender must then try again). The future
        raises Unreadable when PostgreSQL refuses this record for good.
        """
        self.admit(record.delivery.source)
        future: asyncio.Future[Accepted] = asyncio.get_running_loop().create_future()
        self._waiting.add(record, size_of(record, sent or record.delivery), future)
        self._wake()
        return future

    async def _lane(self) -> None:
        connection = DirectConnection(self._url)
        while not self._closing or self._waiting:
            await self._ready.wait()
            if batch := self._take():
                # Transactions that notify commit one at a time in PostgreSQL: only a lone one wakes the workers itself.
                alone = not self._writing and not self._waiting
                self._writing += 1
                await self._commit_all(connection, batch, notify=alone)
                self._writing -= 1
                self._wake()
        await connection.close()

    def _wake(self) -> None:
        if self._waiting and (not self._writing or len(self._waiting) >= WORTH_A_SECOND_LANE):
            self._ready.set()

    def _take(self) -> Batch:
        batch = self._waiting.take()
        if len(self._waiting) < WORTH_A_SECOND_LANE and not self._closing:
            self._ready.clear()
        return batch

    async def _commit_all(self, connection: DirectConnection, batch: Batch, *, notify: bool = False) -> None:
        try:
            results = await self._commit(connection, [one.record for one in batch], notify=notify)
        except DRIVER_TROUBLE as error:
            await self._isolate(connection, batch, error)
        except Exception:
            # A defect of ours: the lane must go on, and only the delivery that causes it is rejected.
            log.exception("store.defect", deliveries=len(batch))
            await self._halve(connection, batch, Busy("defect", "the delivery could not be kept"))
        else:
            for one, result in zip(batch, results, strict=True):
                _resolve(one.ticket, result)

    async def _commit(
        self, connection: DirectConnection, records: Sequence[IntakeRecord], *, notify: bool
    ) -> list[Accepted]:
        """Write `records` in one transaction, again after a deadlock or a serialization failure."""
        for repeat in range(1, MAXIMUM_REPEATS + 1):
            try:
                results, woken = await write(connection, records, notify=notify)
            except DRIVER_TROUBLE as error:
                if sqlstate(error) not in REPEATABLE or repeat == MAXIMUM_REPEATS:
                    raise
                log.info("store.batch_repeated", sqlstate=sqlstate(error), entries=len(records))
            else:
                if woken and not notify:
                    self._woken |= woken
                    self._made.set()
                return results
        raise AssertionError("unreachable: the last repeat returns or raises")

    async def _notify_workers(self) -> None:
        """Notify after the commits of batches that do not, at most once in 10 milliseconds.

        Workers also poll, so that they find rows whose notification was lost (by a crash or a lost connection).
        """
        connection = DirectConnection(self._url)
        while not self._ended or self._made.is_set():
            await self._made.wait()
            self._made.clear()
            woken, self._woken = self._woken, set()
            try:
                if woken:
                    await connection.fetch(NOTIFY, notify_values(woken))
            except DRIVER_TROUBLE as error:
                log.warning("store.workers_not_told", error=first_line(error))
            if not self._ended:
                await asyncio.sleep(NOTIFY_SECONDS)
        await connection.close()

    async def _isolate(self, connection: DirectConnection, batch: Batch, error: BaseException) -> None:
        """Halve a refused batch until the row that PostgreSQL refuses is alone: only its delivery is rejected.

        An error that is not about a row (connection lost, disk full, no answer) rejects the whole batch: whether it was
        written is unknown, and the event key answers that at the sender's next try.
        """
        if not is_about_a_row(error):
            self._reject_all(batch, error)
        else:
            await self._halve(connection, batch, Unreadable("unstorable", "PostgreSQL cannot store this delivery"))

    async def _halve(self, connection: DirectConnection, batch: Batch, refusal: DeliveryRejected) -> None:
        """Commit each half separately; reject a single delivery with `refusal`."""
        if len(batch) == 1:
            log.error("store.delivery_refused", delivery_id=batch[0].record.delivery.id, reason=refusal.reason)
            _reject(batch[0].ticket, refusal)
            return
        middle = len(batch) // 2
        await self._commit_all(connection, batch[:middle])
        await self._commit_all(connection, batch[middle:])

    def _reject_all(self, batch: Batch, error: BaseException) -> None:
        log.warning("store.unavailable", deliveries=len(batch), error=first_line(error))
        for one in batch:
            _reject(one.ticket, Busy("store_unavailable", "the delivery could not be kept; please send it again"))


def _resolve(future: asyncio.Future[Accepted], result: Accepted) -> None:
    # The client may have disconnected; its delivery is committed all the same.
    with suppress(asyncio.InvalidStateError):
        future.set_result(result)


def _reject(future: asyncio.Future[Accepted], error: Exception) -> None:
    with suppress(asyncio.InvalidStateError):
        future.set_exception(error)
