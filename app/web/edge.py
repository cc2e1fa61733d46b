"""What the connections of one listener hold together: their number, and the bytes of bodies that have not come whole.

Who waits for its client gives way first, so that slow clients, however many, keep no sender out that has something to
say: connections that have waited longest to a new one, the body that takes the most to the others.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Protocol

import structlog

from app.web.limits import too_many_bodies, too_many_connections
from app.web.problems import document

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from starlette.types import ASGIApp, Receive, Scope, Send

    from app.web.limits import Limits, Refusal

ROOM = "/webhooks"
GIVING_WAY = 10  # one of so many gives way at a time: to look for them takes longer than to close them
LOG_SECONDS = 10.0  # from one line to the next, however many connections there are

log = structlog.get_logger(__name__)


class Connection(Protocol):
    """What is asked of a connection. `since` is when it began to wait, `held` what its body takes so far, in bytes."""

    since: float
    held: int

    @property
    def awaits_client(self) -> bool:
        """Whether nothing is being done for it."""

    def give_way(self, refusal: Refusal) -> None:
        """Answer what it has begun, and close it."""


class Edge:
    """The connections of one listener in one process. `rejected` is called with the reason of each refusal.

    Once `draining`, each answer is the last one of its connection.
    """

    def __init__(self, limits: Limits, *, rejected: Callable[[str], None]) -> None:
        self._limits = limits
        self._rejected = rejected
        self._open: set[Connection] = set()
        self._held = 0
        self._large: deque[tuple[int, Callable[[], None]]] = deque()
        self._logged_at = float("-inf")
        self.draining = False

    def admit(self, connection: Connection) -> tuple[Refusal | None, bool]:
        """Take a new connection; return why not, and whether it is beyond the limit and may not deliver."""
        limit = self._limits.connections
        if len(self._open) >= limit:
            self._make_room(connection.since)
        beyond = len(self._open) >= limit
        if len(self._open) >= limit + self._limits.reserve:
            self._rejected("too_many_connections")
            return too_many_connections(), True
        self._open.add(connection)
        return None, beyond

    def leave(self, connection: Connection) -> None:
        """Forget a connection."""
        self.release(connection)
        self._open.discard(connection)

    def _make_room(self, now: float) -> None:
        """Close the connections that have waited longest for their clients."""
        waiting = sorted((one for one in self._open if one.awaits_client), key=lambda one: one.since)
        self._dismiss(waiting[: max(1, self._limits.connections // GIVING_WAY)], too_many_connections())
        if now - self._logged_at >= LOG_SECONDS:
            self._logged_at = now
            log.warning("connections.too_many", limit=self._limits.connections, waiting=len(waiting))

    def hold(self, connection: Connection, received: int) -> None:
        """Count the bytes of a body that has not come whole."""
        connection.held += received
        self._held += received
        if self._held > self._limits.body_bytes:
            largest = max(self._open, key=lambda one: one.held, default=connection)
            if not largest.held:
                return  # all is of bodies that have come whole
            log.warning("request.refused", status=503, reason="too_many_bodies", held=largest.held)
            self._dismiss([largest], too_many_bodies())

    def release(self, connection: Connection) -> None:
        """Count a body no longer: it has come whole, or will not."""
        self._held -= connection.held
        connection.held = 0

    def later(self, size: int, work: Callable[[], None]) -> None:
        """Do the work on a large body, of `size` bytes, when that on those before it is done.

        In between the loop reads what else has come: dozens of large bodies in one read of all connections would let
        everything wait for seconds, and deadlines pass of what has come in time.
        """
        self._held += size
        self._large.append((size, work))
        if len(self._large) == 1:
            asyncio.get_running_loop().call_soon(self._next)

    def _next(self) -> None:
        size, work = self._large[0]
        try:
            work()
        finally:
            self._held -= size
            self._large.popleft()
            if self._large:
                asyncio.get_running_loop().call_soon(self._next)

    def _dismiss(self, connections: Iterable[Connection], refusal: Refusal) -> None:
        for connection in connections:
            self._rejected(refusal.reason)
            self.leave(connection)
            connection.give_way(refusal)


def only_others(app: ASGIApp) -> ASGIApp:
    """Return an application that takes no deliveries: it answers health checks and operators."""

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"].lstrip("/").startswith(ROOM.lstrip("/")):
            refusal = too_many_connections()
            response = document(refusal.status, "service-unavailable", refusal.detail)
            response.headers["retry-after"] = str(refusal.retry_after)
            await response(scope, receive, send)
        else:
            await app(scope, receive, send)

    return answer
