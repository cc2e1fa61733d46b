"""Combine single requests into few calls: each call takes all requests that wait at its start, without a delay."""

from __future__ import annotations

import asyncio
import contextvars
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from app.errors import NotSent, OutcomeUnknown, Refusal, SegueError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence

# A bad item (400), an item that conflicts with existing data (409), too many at once (413): fewer items may succeed.
REFUSED_WHOLE = frozenset({400, 409, 413})

K = TypeVar("K", bound="Hashable")
V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class _Request(Generic[K, V]):
    item: K
    result: asyncio.Future[V]


class Batcher(Generic[K, V]):
    """Combines concurrent requests into one call of up to `limit` items, with one call in flight at a time.

    The batcher awaits `acquire`, and takes the items only then, as late as possible. `call` returns a value or an
    error for each item. Items missing from the result are retried in halves, and so is a batch that HubSpot
    refuses whole (400, 409 or 413), so that one bad item fails alone. Items of the same `identity` never share a call
    unless they are equal: equal ones become one item, different ones go one after the other, in the order of their
    requests.
    """

    def __init__(
        self,
        call: Callable[[Sequence[K]], Awaitable[Mapping[K, V | Exception]]],
        *,
        acquire: Callable[[], Awaitable[None]],
        identity: Callable[[K], Hashable],
        limit: int = 100,
    ) -> None:
        self._call = call
        self._acquire = acquire
        self._identity = identity
        self._limit = limit
        self._waiting: deque[_Request[K, V]] = deque()
        self._taken: dict[K, list[asyncio.Future[V]]] = {}
        self._runner: asyncio.Task[None] | None = None
        self._closed = False

    async def ask(self, item: K) -> V:
        """Return the result of one item. Raises its error, or what `acquire` or `call` raised."""
        if self._closed:
            raise NotSent("closing down")
        result: asyncio.Future[V] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Request(item, result))
        if self._runner is None or self._runner.done():
            # An empty context: a call for many requests must not carry the log fields of one.
            self._runner = asyncio.create_task(self._run(), name="batcher", context=contextvars.Context())
        return await result

    async def close(self) -> None:
        """Accept no more requests; waiting ones get NotSent, those in the call in flight get OutcomeUnknown."""
        self._closed = True
        if self._runner is not None:
            self._runner.cancel()
            await asyncio.gather(self._runner, return_exceptions=True)
        self._fail_taken(OutcomeUnknown("closing down"))
        self._fail_waiting(NotSent("closing down"))

    async def _run(self) -> None:
        while self._any_waiting():
            try:
                await self._acquire()
            except Exception as error:  # noqa: BLE001  # every waiting request gets it, whatever it is
                self._fail_waiting(error)
                return
            self._take()
            try:
                await self._call_for(list(self._taken))
            except Exception as error:  # noqa: BLE001  # every request in the call gets it, whatever it is
                self._fail_taken(error)

    def _any_waiting(self) -> bool:
        while self._waiting and self._waiting[0].result.done():
            self._waiting.popleft()
        return bool(self._waiting)

    def _take(self) -> None:
        """Take the next items in order; a request that conflicts with an earlier one, or is over the limit, waits."""
        left: deque[_Request[K, V]] = deque()
        taken: dict[Hashable, K] = {}
        delayed: set[Hashable] = set()
        for request in self._waiting:
            identity = self._identity(request.item)
            if request.result.done():
                continue  # the caller was cancelled
            if identity not in delayed and self._fits(request.item, identity, taken):
                self._taken.setdefault(request.item, []).append(request.result)
            else:
                delayed.add(identity)
                left.append(request)
        self._waiting = left

    def _fits(self, item: K, identity: Hashable, taken: dict[Hashable, K]) -> bool:
        if identity not in taken and len(taken) < self._limit:
            taken[identity] = item
        return taken.get(identity) == item

    async def _call_for(self, items: list[K]) -> None:
        pending = [items] if items else []
        while pending:
            batch = pending.pop()
            results = await self._results(batch)
            for item, result in results.items():
                self._resolve(item, result)
            pending += _halves([item for item in batch if item not in results])

    async def _results(self, batch: list[K]) -> Mapping[K, V | Exception]:
        """Call once. Items missing from the result are retried in a smaller batch."""
        try:
            results = await self._call(batch)
        except Refusal as refusal:
            divisible = refusal.status in REFUSED_WHOLE and len(batch) > 1
            return {} if divisible else dict.fromkeys(batch, refusal)
        except SegueError as error:
            return dict.fromkeys(batch, error)
        if len(batch) == 1 and batch[0] not in results:
            return {batch[0]: OutcomeUnknown("the answer says nothing of this item")}
        return results

    def _resolve(self, item: K, result: V | Exception) -> None:
        futures = self._taken.pop(item, [])
        if isinstance(result, Exception):
            _fail(futures, result)
            return
        for future in futures:
            if not future.done():
                future.set_result(result)

    def _fail_taken(self, error: Exception) -> None:
        for futures in self._taken.values():
            _fail(futures, error)
        self._taken.clear()

    def _fail_waiting(self, error: Exception) -> None:
        _fail([request.result for request in self._waiting], error)
        self._waiting.clear()


def _fail(futures: Sequence[asyncio.Future[V]], error: Exception) -> None:
    for future in futures:
        if not future.done():
            future.set_exception(error)
            future.exception()  # read here: asyncio warns of an error that a cancelled caller never reads


def _halves(items: list[K]) -> list[list[K]]:
    """Return both halves, the first one last, because the caller takes from the end."""
    middle = len(items) // 2
    return [half for half in (items[middle:], items[:middle]) if half]
