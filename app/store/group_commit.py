"""The group commit: all that waits goes into one transaction; batches form by themselves while the previous runs."""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING

import structlog
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from app.errors import Busy, Unreadable
from app.store.accept import write
from app.store.database import COMMIT_UNANSWERED, first_line, sqlstate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.ext.asyncio import AsyncEngine

    from app.store.entries import Accepted, Entry

MAXIMUM_BATCH = 512
LANES = 2
MAXIMUM_REPEATS = 5
REPEATABLE = frozenset({"40001", "40P01"})  # serialization failure, deadlock: nothing was written, try again
# A refusal that is about the data of some row: class 22 (data exception), 23 (integrity), 54 (program limit exceeded).
ABOUT_A_ROW = ("22", "23", "54")

log = structlog.get_logger(__name__)


class GroupCommit:
    """Gathers entries and commits them together. One instance per web process.

    At most `limit` entries wait; one more is answered Busy, so that memory stays bounded and the sender tries again.
    """

    def __init__(self, engine: AsyncEngine, *, limit: int = 10_000) -> None:
        self._engine = engine
        self._limit = limit
        self._waiting: deque[tuple[Entry, asyncio.Future[Accepted]]] = deque()
        self._arrived = asyncio.Semaphore(0)
        self._lanes: list[asyncio.Task[None]] = []
        self._closing = False

    def start(self) -> None:
        """Start the lanes; two let one batch gather while the other commits."""
        self._lanes = [asyncio.create_task(self._lane(), name=f"group-commit-{n}") for n in range(LANES)]

    async def close(self) -> None:
        """Commit what is waiting and what is on its way, then stop."""
        self._closing = True
        for _ in self._lanes:
            self._arrived.release()
        await asyncio.gather(*self._lanes)

    async def accept(self, entry: Entry) -> Accepted:
        """Return once `entry` is committed.

        Raises Busy when the store cannot keep it now (nothing is promised then: the sender must try again) and
        Unreadable when PostgreSQL refuses this entry for good.
        """
        if len(self._waiting) >= self._limit:
            raise Busy("queue_full", "more deliveries are waiting than SEGUE_QUEUE_LIMIT allows")
        future: asyncio.Future[Accepted] = asyncio.get_running_loop().create_future()
        self._waiting.append((entry, future))
        self._arrived.release()
        return await future

    async def _lane(self) -> None:
        while not self._closing or self._waiting:
            await self._arrived.acquire()
            batch = self._take()
            if batch:
                await self._commit_all(batch)

    def _take(self) -> list[tuple[Entry, asyncio.Future[Accepted]]]:
        """Take what is waiting, up to MAXIMUM_BATCH events (one delivery may carry more: it goes alone)."""
        batch: list[tuple[Entry, asyncio.Future[Accepted]]] = []
        events = 0
        while self._waiting:
            size = len(self._waiting[0][0].heard)
            if batch and events + size > MAXIMUM_BATCH:
                self._arrived.release()
                break
            batch.append(self._waiting.popleft())
            events += size
        return batch

    async def _commit_all(self, batch: Sequence[tuple[Entry, asyncio.Future[Accepted]]]) -> None:
        try:
            results = await self._commit([entry for entry, _ in batch])
        except DBAPIError as error:
            await self._isolate(batch, error)
        except (SQLAlchemyError, OSError, TimeoutError) as error:
            self._turn_away(batch, error)
        else:
            for (_, future), result in zip(batch, results, strict=True):
                _resolve(future, result)

    async def _commit(self, entries: Sequence[Entry]) -> list[Accepted]:
        """Write `entries` in one transaction, again after a deadlock or a serialization failure."""
        for repeat in range(1, MAXIMUM_REPEATS + 1):
            try:
                async with self._engine.begin() as connection:
                    return await write(connection, entries)
            except DBAPIError as error:
                if sqlstate(error) not in REPEATABLE or repeat == MAXIMUM_REPEATS:
                    raise
                log.info("store.batch_repeated", sqlstate=sqlstate(error), entries=len(entries))
        raise AssertionError("unreachable: the last repeat returns or raises")

    async def _isolate(self, batch: Sequence[tuple[Entry, asyncio.Future[Accepted]]], error: DBAPIError) -> None:
        """Halve a refused batch until the row that PostgreSQL refuses stands alone: it alone is turned away.

        Without a word about a row (connection lost, disk full, a COMMIT without an answer) nothing is repeated from
        memory: whether it was written is unknown, and the sender's next try finds out by the event key.
        """
        state = sqlstate(error)
        about_a_row = state is not None and state.startswith(ABOUT_A_ROW)
        if state is None and not isinstance(error, COMMIT_UNANSWERED) and not error.connection_invalidated:
            about_a_row = True  # The driver itself could not encode a value of some row.
        if not about_a_row:
            self._turn_away(batch, error)
        elif len(batch) == 1:
            log.error("store.row_refused", delivery_id=batch[0][0].delivery.id, sqlstate=state)
            _reject(batch[0][1], Unreadable("unstorable", "PostgreSQL cannot store this delivery"))
        else:
            middle = len(batch) // 2
            await self._commit_all(batch[:middle])
            await self._commit_all(batch[middle:])

    def _turn_away(self, batch: Sequence[tuple[Entry, asyncio.Future[Accepted]]], error: BaseException) -> None:
        log.warning("store.unavailable", deliveries=len(batch), error=first_line(error))
        for _, future in batch:
            _reject(future, Busy("store_unavailable", "the delivery could not be kept; please send it again"))


def _resolve(future: asyncio.Future[Accepted], result: Accepted) -> None:
    # The client may have gone meanwhile; what it sent is kept all the same.
    with suppress(asyncio.InvalidStateError):
        future.set_result(result)


def _reject(future: asyncio.Future[Accepted], error: Exception) -> None:
    with suppress(asyncio.InvalidStateError):
        future.set_exception(error)
