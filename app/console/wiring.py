"""Build the console over a process."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import TYPE_CHECKING

from app.clock import utc_now
from app.console import frames
from app.console.context import Console
from app.console.entrance import Entrance
from app.console.routes import read_pages, table
from app.console.signin.origins import Origins
from app.console.signin.sessions import Sessions, Terms
from app.console.signin.store import SignInStore
from app.console.site import Site
from app.database.engine import open_engine
from app.reports.rail_store import read_rail

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from app.process import Process
    from app.settings import Settings
    from app.web.access.gate import Gate
    from app.web.access.record import Recorder

READ_CONNECTIONS, READ_SECONDS = 4, 2.0
RAIL_SECONDS = 5.0  # for which what stands around the pages is kept
UTC = "UTC"


def open_site(process: Process, gate: Gate, recorder: Recorder) -> Site:
    """Return the console of this process, which closes its connections when it ends."""
    reads = open_engine(process.engine.url, pool_size=READ_CONNECTIONS, command_timeout=READ_SECONDS)
    process.stack.push_async_callback(reads.dispose)
    entrance = open_entrance(process, gate)
    console = Console(process, reads, entrance.sessions)
    modules = read_pages(console)
    return Site(
        routes=table(modules),
        places=frames.placed(modules),
        rail=kept_rail(console, time.monotonic),
        visitor_of=entrance.visitor_of,
        other_site=entrance.other_site,
        origin=gate.address,
        record=recorder.acted,
        revision=gate.revision,
        now=utc_now,
    )


def open_entrance(process: Process, gate: Gate) -> Entrance:
    """Return what judges requests: sessions of the tokens in force, from the addresses that browsers call."""
    settings = process.settings
    sessions = Sessions(SignInStore(process.engine), gate.tokens.current, terms(settings))
    return Entrance(sessions, origins(settings), utc_now)


def terms(settings: Settings) -> Terms:
    """Return how long sessions last."""
    life, idle = timedelta(hours=settings.console_session_hours), timedelta(hours=settings.console_idle_hours)
    return Terms(life, idle, oidc=False)


def origins(settings: Settings) -> Origins:
    """Return the addresses by which browsers call the console."""
    console_url, public_url = (str(url) if url else None for url in (settings.console_url, settings.public_url))
    return Origins.of(console_url, public_url, settings.trusted_proxies, apart=settings.admin_port is not None)


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
