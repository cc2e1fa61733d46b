"""Build the console over a process."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from app.audit.form_store import FormStore
from app.audit.store import AuditStore
from app.clock import utc_now
from app.console import frames
from app.console.context import Console
from app.console.kept import Kept
from app.console.once import OnceOnly
from app.console.person_links import PersonLinks
from app.console.rendering import render_bare
from app.console.routes import open_routes, read_pages, table
from app.console.signin.routes import routes as signin_routes
from app.console.signin.wiring import open_desk
from app.console.site import Site
from app.database.engine import open_engine
from app.errors import Busy
from app.reports.rail_store import read_rail

if TYPE_CHECKING:
    from app.process import Process
    from app.web.access.gate import Gate
    from app.web.access.record import Recorder

READ_CONNECTIONS, READ_SECONDS = 4, 2.0
RAIL_SECONDS = 5.0  # for which what stands around the pages is kept
UTC = "UTC"


async def open_site(process: Process, gate: Gate, recorder: Recorder) -> Site:
    """Return the console of this process, which closes its connections when it ends."""
    links = PersonLinks(process.engine)
    with suppress(Busy):  # a page that needs it reads it then
        await links.tokens()
    reads = open_engine(process.engine.url, pool_size=READ_CONNECTIONS, command_timeout=READ_SECONDS)
    process.stack.push_async_callback(reads.dispose)
    desk = open_desk(process, gate, recorder)
    console = Console(process, reads, desk.sessions, links)
    modules = read_pages(console)
    signing_in = signin_routes(desk, render_bare)
    return Site(
        routes=(*open_routes(signing_in), *table(modules)),
        places=frames.placed(modules),
        rail=Kept(partial(read_frame, console), RAIL_SECONDS).value,
        desk=desk,
        record=recorder.acted,
        look=AuditStore(process.engine).noted,
        forms=OnceOnly(FormStore(process.engine)),
        now=utc_now,
    )


async def read_frame(console: Console) -> frames.Rail:
    """Return what stands around each page."""
    row = await read_rail(console.reads)
    return frames.Rail(row.parked, row.in_force_since, row.zone or UTC)
