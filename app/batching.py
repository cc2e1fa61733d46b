"""Gather single requests into few calls: what waits when a call's turn comes goes into it, without a delay."""

from __future__ import annotations

import asyncio
import contextvars
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from app.errors import NotSent, OutcomeUnknown, Refusal, SegueError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence

# A bad item (400), one that conflicts with what is there (409), too much at once (413): fewer may fare better.
REFUSED_WHOLE = frozenset({400, 409, 413})

K = TypeVar("K", bound="Hashable")
V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class _Asker(Generic[K, V]):
    item: K
    answer: asyncio.Future[V]


class Batcher(Generic[K, V]):
    """Gathers concurrent requests into one call of up to `limit` items, one call in flight at a time.

    `acquire` is awaited first and the items are taken after it, as late as possible. `call` answers each item with a
    value or a SegueError. Items missing from the result are retried in halves, and so is a batch that HubSpot refuses
    whole (400, 409 or 413), so that one bad item fails alone. `identity` says which items must not share a call:
    equal items of one identity are folded, different ones go one after the other, in the order of their requests.
    """

    def __init__(
        self,
        call: Callable[[Sequence[K]], Awaitable[Mapping[K, V | SegueError]]],
        *,
        acquire: Callable[[], Awaitable[None]],
        identity: Callable[[K], Hashable],
        limit: int = 100,
    ) -> None:
        self._call = call
        self._acquire = acquire
        self._identity = identity
        self._limit = limit
        self._waiting: deque[_Asker[K, V]] = deque()
        self._taken: dict[K, list[asyncio.Future[V]]] = {}
        self._runner: asyncio.Task[None] | None = None
        self._closed = False

    async def ask(self, item: K) -> V:
        """Return the answer to one item. Raises its SegueError, or what `acquire` or `call` raised."""
        if self._closed:
            raise NotSent("closing down")
        answer: asyncio.Future[V] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Asker(item, answer))
        if self._runner is None or self._runner.done():
            # An empty context: a call for many must not carry one asker's log fields.
            self._runner = asyncio.create_task(self._run(), name="batcher", context=contextvars.Context())
        return await answer

    async def close(self) -> None:
        """Take no more; who waits gets NotSent, who travels in the call in flight gets OutcomeUnknown."""
        self._closed = True
        if self._runner is not None:
            self._runner.cancel()
            await asyncio.gather(self._runner, return_exceptions=True)
        self._fail_taken(OutcomeUnknown("closing down"))
        self._fail_waiting(NotSent("closing down"))

    async def _run(self) -> None:
        while self._anyone_waiting():
            try:
                await self._acquire()
            except Exception as error:  # noqa: BLE001  # handed to everyone who waits for it, whatever it is
                self._fail_waiting(error)
                return
            self._take()
            try:
                await self._serve(list(self._taken))
            except Exception as error:  # noqa: BLE001  # handed to everyone in the call, whatever it is
                self._fail_taken(error)

    def _anyone_waiting(self) -> bool:
        while self._waiting and self._waiting[0].answer.done():
            self._waiting.popleft()
        return bool(self._waiting)

    def _take(self) -> None:
        """Take the next items in order; who conflicts with one before, or finds no room, waits for the next call."""
        left: deque[_Asker[K, V]] = deque()
        riding: dict[Hashable, K] = {}
        behind: set[Hashable] = set()
        for asker in self._waiting:
            identity = self._identity(asker.item)
            if asker.answer.done():
                continue  # the asker was cancelled
            if identity not in behind and self._rides(asker.item, identity, riding):
                self._taken.setdefault(asker.item, []).append(asker.answer)
            else:
                behind.add(identity)
                left.append(asker)
        self._waiting = left

    def _rides(self, item: K, identity: Hashable, riding: dict[Hashable, K]) -> bool:
        if identity not in riding and len(riding) < self._limit:
            riding[identity] = item
        return riding.get(identity) == item

    async def _serve(self, items: list[K]) -> None:
        pending = [items] if items else []
        while pending:
            batch = pending.pop()
            answers = await self._answers(batch)
            for item, answer in answers.items():
                self._deliver(item, answer)
            pending += _halves([item for item in batch if item not in answers])

    async def _answers(self, batch: list[K]) -> Mapping[K, V | SegueError]:
        """Call once. Items missing from the result are retried in a smaller batch."""
        try:
            answers = await self._call(batch)
        except Refusal as refusal:
            divisible = refusal.status in REFUSED_WHOLE and len(batch) > 1
            return {} if divisible else dict.fromkeys(batch, refusal)
        except SegueError as error:
            return dict.fromkeys(batch, error)
        if len(batch) == 1 and batch[0] not in answers:
            return {batch[0]: OutcomeUnknown("the answer says nothing of this item")}
        return answers

    def _deliver(self, item: K, answer: V | SegueError) -> None:
        futures = self._taken.pop(item, [])
        if isinstance(answer, SegueError):
            _fail(futures, answer)
            return
        for future in futures:
            if not future.done():
                future.set_result(answer)

    def _fail_taken(self, error: Exception) -> None:
        for futures in self._taken.values():
            _fail(futures, error)
        self._taken.clear()

    def _fail_waiting(self, error: Exception) -> None:
        _fail([asker.answer for asker in self._waiting], error)
        self._waiting.clear()


def _fail(futures: Sequence[asyncio.Future[V]], error: Exception) -> None:
    for future in futures:
        if not future.done():
            future.set_exception(error)
            future.exception()  # an asker cancelled at this very moment will not look, and need not be warned about


def _halves(items: list[K]) -> list[list[K]]:
    """Return both halves, the first one last: it is taken from the end."""
    middle = len(items) // 2
    return [half for half in (items[middle:], items[:middle]) if half]
