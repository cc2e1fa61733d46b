"""The baselines: a bare FastAPI route that echoes its body, and with `--asgi` an ASGI application without a framework.

Both run under Segue's uvicorn settings, without its limits.
"""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING, Any, cast

import uvloop
from fastapi import FastAPI, Request, Response
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from app.web.server import Listener, bind

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

app = FastAPI()


@app.post("/webhooks/{source}")
async def echo(source: str, request: Request) -> Response:  # noqa: ARG001  # the same path as the real one
    return Response(await request.body(), media_type="application/json")


async def bare(_: Any, receive: Callable[[], Awaitable[Any]], send: Callable[[Any], Awaitable[None]]) -> None:
    """Echo without a framework."""
    body, more = b"", True
    while more:
        message = await receive()
        body, more = body + message["body"], message["more_body"]
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def main() -> None:
    listener = Listener(bind("127.0.0.1", 0, "bench"), protocol=HttpToolsProtocol)
    sys.stdout.write(f"{listener.port}\n")
    sys.stdout.flush()
    # uvicorn takes any ASGI application; Segue's own annotation names the one that it serves.
    await listener.serve(cast("FastAPI", bare) if "--asgi" in sys.argv else app)


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())
