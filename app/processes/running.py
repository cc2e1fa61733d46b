"""One process from ready to stopped: it serves, reloads the rules when asked, and answers what is under way."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from typing import TYPE_CHECKING

import structlog

from app.database.engine import STORE_TROUBLE, first_line
from app.errors import NotAudited, RulebookError
from app.processes.parent import EXPAND, RELOAD
from app.web.server import serve_until

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Mapping

    from app.process import Process
    from app.processes.parent import Parent
    from app.web.server import Apps

log = structlog.get_logger(__name__)


async def run_alone(process: Process, apps: Apps) -> None:
    """Serve until SIGTERM or SIGINT; SIGHUP reloads the rules."""
    reloads = _Background()

    def stop() -> None:
        log.info("service.stopping")
        process.stopping.set()

    def started() -> None:
        log.info("service.started", pid=os.getpid(), ports=[listener.port for listener in apps])

    reload = reloads.each(process.rulebook.reload)
    with _signals({signal.SIGTERM: stop, signal.SIGINT: stop, signal.SIGHUP: reload}):
        await serve_until(apps, process.stopping, started=started)
        await reloads.finish()


async def run_as_child(process: Process, apps: Apps, parent: Parent, *, name: str) -> None:
    """Serve until the parent's SIGTERM, and tell senders to come later until it releases this process.

    Reload the rules when it asks for that.
    """
    reloads = _Background()

    def started() -> None:
        log.info("process.started", process=name, pid=os.getpid())
        parent.ready()

    async def expand() -> None:
        await process.rulebook.follow(anew=True)

    parent.asked = {RELOAD: reloads.each(process.rulebook.reload), EXPAND: reloads.each(expand)}
    process.rulebook.on_same_text = parent.reloaded
    await serve_until(apps, process.stopping, started=started, released=parent.released if apps else None)
    await reloads.finish()


class _Background:
    """Reloads, each in a task of its own."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()

    def each(self, reload: Callable[[], Awaitable[object]]) -> Callable[[], None]:
        """Return what starts one."""

        def soon() -> None:
            task = asyncio.create_task(_reloaded(reload))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

        return soon

    async def finish(self) -> None:
        """Wait for those that run."""
        await asyncio.gather(*self._tasks)


async def _reloaded(reload: Callable[[], Awaitable[object]]) -> None:
    """Reload. The reload logs mistakes in the rules, and the rules in force stay in force."""
    try:
        await reload()
    except RulebookError:
        return
    except (NotAudited, *STORE_TROUBLE) as error:
        log.error("rulebook.not_stored", error=first_line(error))  # noqa: TRY400  # the first line says it


@contextlib.contextmanager
def _signals(handlers: Mapping[signal.Signals, Callable[[], None]]) -> Iterator[None]:
    """Call a handler on its signal while the block runs."""
    loop = asyncio.get_running_loop()
    for number, handler in handlers.items():
        loop.add_signal_handler(number, handler)
    try:
        yield
    finally:
        for number in handlers:
            loop.remove_signal_handler(number)
