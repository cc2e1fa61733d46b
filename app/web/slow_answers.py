"""An answer that may take minutes: begun after some seconds, and kept open, so that no proxy takes it for dead.

JSON may begin with spaces: one is sent again and again until the document is there. What fails after the answer has
begun is a line of the log, and ends the connection before its end, which HTTP clients and browsers call a failed
transfer.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import structlog
from starlette.responses import Response, StreamingResponse

from app.errors import SegueError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Coroutine, Mapping
    from typing import Any

JSON_TYPE = "application/json"
PATIENCE_SECONDS = 5.0  # for which the status is not decided yet: what fails by then is answered as any error is
SECONDS_BETWEEN = 5.0  # two spaces; proxies wait for 30 s and longer

log = structlog.get_logger(__name__)


async def json_answer(work: Coroutine[Any, Any, bytes], headers: Mapping[str, str] | None = None) -> Response:
    """Return a document of JSON that `work` makes. Raises what it raises within PATIENCE_SECONDS."""
    task = asyncio.create_task(work, name="slow-answer")
    try:
        done, _ = await asyncio.wait({task}, timeout=PATIENCE_SECONDS)
    except asyncio.CancelledError:
        task.cancel()
        raise
    if done:
        return Response(task.result(), media_type=JSON_TYPE, headers=headers)
    return StreamingResponse(_kept_open(task), media_type=JSON_TYPE, headers=headers)


async def _kept_open(task: asyncio.Task[bytes]) -> AsyncIterator[bytes]:
    try:
        while not task.done():
            yield b" "
            await asyncio.wait({task}, timeout=SECONDS_BETWEEN)
        yield task.result()
    except SegueError as error:
        log.warning("answer.broken_off", error=str(error), follows="nothing is repeated: the client asks again")
        raise
    finally:
        task.cancel()  # where the client has gone
