"""The baseline: a bare FastAPI route that echoes its body, under Segue's uvicorn settings, without its limits."""

from __future__ import annotations

import asyncio
import sys

import uvloop
from fastapi import FastAPI, Request, Response
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from app.web.server import Listener

app = FastAPI()


@app.post("/webhooks/{source}")
async def echo(source: str, request: Request) -> Response:  # noqa: ARG001  # the same path as the real one
    return Response(await request.body(), media_type="application/json")


async def main() -> None:
    listener = Listener("127.0.0.1", 0, setting="bench", protocol=HttpToolsProtocol)
    sys.stdout.write(f"{listener.port}\n")
    sys.stdout.flush()
    await listener.serve(app)


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())
