"""Close connections that nothing has used for a while.

PostgreSQL runs a process for each connection. It keeps what it has read of the catalogue and every plan that it has
made: some 8 MB after a while. A burst opens all connections of a pool, and afterwards one or two do the work.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Any

from sqlalchemy import event
from sqlalchemy.exc import DisconnectionError

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy.ext.asyncio import AsyncEngine

# Longer than a loop waits that has nothing to do, so that one connection stays: what it has planned need not be again.
UNUSED_SECONDS = 45.0


def close_unused(engine: AsyncEngine, *, seconds: float = UNUSED_SECONDS) -> None:
    """Close each connection that stays in the pool of `engine` for so long; the next statement opens another one.

    The pool must hand out the connection first that it got back last, or all connections stay in use.
    """

    def returned(connection: Any, record: Any) -> None:
        if connection is not None:  # The pool drops a broken one.
            loop = asyncio.get_running_loop()
            record.info["closing"] = loop.call_later(seconds, record.driver_connection.terminate)

    def taken(_connection: Any, record: Any, _proxy: Any) -> None:
        if closing := record.info.pop("closing", None):
            closing.cancel()
        if record.driver_connection.is_closed():
            raise DisconnectionError  # The pool opens another one in its place.

    event.listen(engine.sync_engine, "checkin", returned)
    event.listen(engine.sync_engine, "checkout", taken)


def close_once_unused(connection: Any, unused: Callable[[], float], *, seconds: float = UNUSED_SECONDS) -> None:
    """Close one asyncpg connection once it is `unused()` for so many seconds, more than any statement takes.

    It is looked at when that may be so: a timer for each statement would cost more.
    """
    if connection.is_closed():
        return
    left = seconds - unused()
    if left > 0:
        again = partial(close_once_unused, connection, unused, seconds=seconds)
        asyncio.get_running_loop().call_later(left, again)
    else:
        connection.terminate()
