"""The parent: it starts the children, starts again those that end, passes signals on, and ends when all have ended.

It has no event loop and no thread, so that it can fork at any time.
"""

from __future__ import annotations

import gc
import os
import signal
import time
from typing import TYPE_CHECKING

import structlog

from app.database.embedded.keep_running import CHECK_SECONDS, keep_running
from app.errors import StartError
from app.processes.parent import EXPAND, RELEASE, RELOAD
from app.processes.signals import Signals

if TYPE_CHECKING:
    import socket
    from collections.abc import Sequence

    from app.database.embedded import EmbeddedPostgres
    from app.processes.child import Child

log = structlog.get_logger(__name__)


class Supervisor:
    """Runs children until SIGTERM or SIGINT, and the private database, `server`, as long as they do.

    The children serve `sockets`; the parent's copies are closed first, so that connections are refused once the
    children accept none.
    """

    def __init__(
        self, children: Sequence[Child], *, sockets: Sequence[socket.socket], server: EmbeddedPostgres | None
    ) -> None:
        self._children = children
        self._sockets = sockets
        self._server = server
        self._started = self._stopping = self._released = False
        self._signals = Signals(self._pass_stop_on)

    def run(self) -> None:
        """Run the children until all have ended. Raises StartError where one cannot start at all."""
        gc.collect()
        with self._signals:
            try:
                while not (self._signals.stop and all(child.pid is None for child in self._children)):
                    self._once()
            finally:
                self._end_all()

    def _once(self) -> None:
        self._start_due()
        self._signals.wait([child.channel for child in self._children if child.channel is not None], self._seconds())
        for child in self._children:
            self._attend(child)
        self._say()
        self._pass_reload_on()
        self._release_last()
        if self._server is not None:
            keep_running(self._server)

    def _start_due(self) -> None:
        for child in self._children:
            if self._signals.stop or child.due is None or child.due > time.monotonic():
                continue
            # A collection in the child would write to all pages that it shares with its parent.
            gc.freeze()
            self._start(child)

    def _start(self, child: Child) -> None:
        try:
            child.start(time.monotonic(), self._leave)
        except OSError as error:
            if not self._started:
                raise StartError(f"cannot start the {child.slot.name} process: {error.strerror}") from error
            child.close()
            log.error("process.not_started", process=child.slot.name, error=error.strerror)  # noqa: TRY400  # it says it all
        if self._signals.stop:  # it came while the child was forked
            child.send(signal.SIGTERM)

    def _leave(self) -> None:
        """Close, in a child, what its parent alone may hold."""
        self._signals.close()
        for child in self._children:
            child.close()
        if self._server is not None:
            self._server.leave_to_parent()

    def _seconds(self) -> float | None:
        """Return in how many seconds something is due, None for nothing."""
        now, stop = time.monotonic(), self._signals.stop
        due = [max(0.0, child.due - now) for child in self._children if child.due is not None and not stop]
        return min([*due, *([CHECK_SECONDS] if self._server is not None else [])], default=None)

    def _attend(self, child: Child) -> None:
        """Take what a child reports, and whether it has ended."""
        pid, code = child.pid, child.reap(time.monotonic())
        for report in child.reports():
            if "ready" in report:
                child.slot.ready = True
                if self._started:
                    log.info("process.started_again", process=child.slot.name, pid=child.pid)
            elif "error" in report:
                child.error = (report["error"], report["exit_code"])
            elif "stopping" in report:
                if not self._signals.stop:  # the child alone was asked to
                    child.ask(RELEASE)
            else:
                self._ask_others(child)
        if code is not None:
            child.close()
            self._ended(child, pid, code)

    def _ask_others(self, reloaded: Child) -> None:
        for child in self._children:
            if child is not reloaded and child.slot.ready:
                child.ask(EXPAND)

    def _ended(self, child: Child, pid: int | None, code: int) -> None:
        was_ready, child.slot.ready = child.slot.ready, False
        if self._signals.stop:
            return
        if not (self._started or was_ready):
            raise _cannot_start(child)
        error = child.error[0] if child.error else None
        log.error("process.ended", process=child.slot.name, pid=pid, code=code, error=error)

    def _say(self) -> None:
        """Log once that all are ready, and once that they are being stopped."""
        if self._signals.stop and not self._stopping:
            self._stopping = True
            log.info("service.stopping")
            for bound in self._sockets:
                bound.close()
        elif not (self._started or self._signals.stop) and all(child.slot.ready for child in self._children):
            self._started = True
            log.info("service.started", pid=os.getpid(), ports=[bound.getsockname()[1] for bound in self._sockets])

    def _pass_stop_on(self) -> None:
        for child in self._children:
            child.send(signal.SIGTERM)

    def _pass_reload_on(self) -> None:
        """Let one process reload the rules into the database, from where the others take them."""
        ready = next((child for child in self._children if child.slot.ready), None)
        if self._signals.reload and ready is not None:
            self._signals.reload = False
            ready.ask(RELOAD)

    def _release_last(self) -> None:
        """Once the service stops and the others have ended, let those end that have answered for it."""
        others = (child for child in self._children if not child.last)
        if self._signals.stop and not self._released and all(child.pid is None for child in others):
            self._released = True
            for child in self._children:
                if child.last:
                    child.ask(RELEASE)

    def _end_all(self) -> None:
        """End what still runs, after an error."""
        for child in self._children:
            child.close()
        for child in self._children:
            child.wait()


def _cannot_start(child: Child) -> StartError:
    if child.error is not None:
        return StartError(child.error[0], exit_code=child.error[1])
    return StartError(
        f"the {child.slot.name} process ends as it starts; the lines before this one say why", exit_code=1
    )
