"""Build the console over a process."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from app.clock import utc_now
from app.console import frames
from app.console.context import Console
from app.console.rendering import render_bare
from app.console.routes import open_routes, read_pages, table
from app.console.signin.routes import routes as signin_routes
from app.console.signin.wiring import open_desk
from app.console.site import Site
from app.database.engine import open_engine
from app.reports.rail_store import read_rail

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from app.process import Process
    from app.web.access.gate import Gate
    from app.web.access.record import Recorder

READ_CONNECTIONS, READ_SECONDS = 4, 2.0
RAIL_SECONDS = 5.0  # for which what stands around the pages is kept
UTC = "UTC"


def open_site(process: Process, gate: Gate, recorder: Recorder) -> Site:
    """Return the console of this process, which closes its connections when it ends."""
    reads = open_engine(process.engine.url, pool_size=READ_CONNECTIONS, command_timeout=READ_SECONDS)
    process.stack.push_async_callback(reads.dispose)
    desk = open_desk(process, gate, recorder)
    console = Console(process, reads, desk.sessions)
    modules = read_pages(console)
    signing_in = signin_routes(desk, render_bare)
    return Site(
        routes=(*open_routes(signing_in), *table(modules)),
        places=frames.placed(modules),
        rail=kept_rail(console, time.monotonic),
        desk=desk,
        record=recorder.acted,
        now=utc_now,
    )


def kept_rail(console: Console, clock: Callable[[], float]) -> Callable[[], Awaitable[frames.Rail]]:
    """Return what reads the rail, at most once in some seconds: every page has it."""
    kept: tuple[float, frames.Rail] | None = None

    async def rail() -> frames.Rail:
        nonlocal kept
        if kept is None or clock() - kept[0] > RAIL_SECONDS:
            row = await read_rail(console.reads)
            kept = clock(), frames.Rail(row.parked, row.in_force_since, row.zone or UTC)
        return kept[1]

    return rail
