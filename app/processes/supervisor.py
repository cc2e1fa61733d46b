"""The parent: it starts the children, starts again those that end, passes signals on, and ends when all have ended.

It has no event loop and no thread, so that it can fork at any time.
"""

from __future__ import annotations

import contextlib
import gc
import select
import signal
import socket
import time
from typing import TYPE_CHECKING

import structlog

from app.errors import StartError
from app.processes.parent import EXPAND, RELOAD

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from types import FrameType

    from app.processes.child import Child

STOP = (signal.SIGTERM, signal.SIGINT)

log = structlog.get_logger(__name__)


class Supervisor:
    """Runs children until SIGTERM or SIGINT.

    `started` is called when all are ready for the first time, `stopping` after the signal that ends it. `leave` runs in
    each child, and closes what is the parent's. `check` runs every `every` seconds.
    """

    def __init__(
        self,
        children: Sequence[Child],
        *,
        started: Callable[[], None],
        stopping: Callable[[], None],
        leave: Callable[[], None],
        check: Callable[[], None] | None = None,
        every: float = 1.0,
    ) -> None:
        self._children = children
        self._started = started
        self._stopping = stopping
        self._leave = leave
        self._check = check
        self._every = every
        self._announced = False
        self._stop = self._ending = False
        self._reload = False
        self._wake, self._woken = socket.socketpair()
        for end in (self._wake, self._woken):
            end.setblocking(False)  # noqa: FBT003  # the standard library's own signature

    def run(self) -> None:
        """Run the children until all have ended. Raises StartError where one cannot start at all."""
        gc.collect()
        with self._signals():
            try:
                while not (self._stop and all(child.pid is None for child in self._children)):
                    self._start_due()
                    self._wait()
                    for child in self._children:
                        self._attend(child)
                    self._announce()
                    self._pass_reload_on()
                    if self._check is not None:
                        self._check()
            finally:
                self._end_all()

    def _start_due(self) -> None:
        for child in self._children:
            if self._stop or child.due is None or child.due > time.monotonic():
                continue
            # A collection in the child would write to all pages that it shares with its parent.
            gc.freeze()
            child.start(time.monotonic(), self._leave_all)
            self._repeat_stop(child)

    def _repeat_stop(self, child: Child) -> None:
        """Stop a child also where the signal came while it was forked."""
        if self._stop:
            child.send(signal.SIGTERM)

    def _leave_all(self) -> None:
        """Close, in a child, what its parent alone may hold."""
        for end in (self._wake, self._woken, *(child.channel for child in self._children)):
            if end is not None:
                end.close()
        self._leave()

    def _wait(self) -> None:
        """Wait for a signal, a report, or the time at which something is due."""
        channels = [child.channel for child in self._children if child.channel is not None]
        due = [child.due - time.monotonic() for child in self._children if child.due is not None and not self._stop]
        seconds = min([*due, *([self._every] if self._check else [])], default=None)
        timeout = None if seconds is None else max(0.0, seconds)
        readable, _, _ = select.select([self._woken, *channels], [], [], timeout)
        if self._woken in readable:
            self._woken.recv(4096)

    def _attend(self, child: Child) -> None:
        pid, code = child.pid, child.reap(time.monotonic())
        for report in child.reports():
            if "ready" in report:
                child.slot.ready = True
                if self._announced:
                    log.info("process.started_again", process=child.slot.name, pid=child.pid)
            elif "error" in report:
                child.error = (report["error"], report["exit_code"])
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
        child.slot.ready = False
        if self._stop:
            return
        if not self._announced:
            raise _cannot_start(child)
        error = child.error[0] if child.error else None
        log.error("process.ended", process=child.slot.name, pid=pid, code=code, error=error)

    def _announce(self) -> None:
        """Call `started` and `stopping`, each once."""
        if self._stop and not self._ending:
            self._ending = True
            self._stopping()
        elif not (self._announced or self._stop) and all(child.slot.ready for child in self._children):
            self._announced = True
            self._started()

    def _pass_reload_on(self) -> None:
        """Let one process reload the rules into the database, from where the others take them."""
        ready = next((child for child in self._children if child.slot.ready), None)
        if self._reload and ready is not None:
            self._reload = False
            ready.ask(RELOAD)

    def _end_all(self) -> None:
        """End what still runs, after an error."""
        for child in self._children:
            child.close()
        for child in self._children:
            child.wait()
        self._wake.close()
        self._woken.close()

    @contextlib.contextmanager
    def _signals(self) -> Iterator[None]:
        """Handle signals while the block runs; each of them wakes `_wait`."""
        handlers = {signal.SIGCHLD: _nothing, signal.SIGHUP: self._on_reload, **dict.fromkeys(STOP, self._on_stop)}
        before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
        wakeup = signal.set_wakeup_fd(self._wake.fileno(), warn_on_full_buffer=False)
        try:
            yield
        finally:
            signal.set_wakeup_fd(wakeup)
            for number, handler in before.items():
                signal.signal(number, handler)

    def _on_stop(self, _: int, __: FrameType | None) -> None:
        """Pass the signal on, also while `check` blocks: Python runs this between two instructions. It must not log."""
        if not self._stop:
            self._stop = True
            for child in self._children:
                child.send(signal.SIGTERM)

    def _on_reload(self, _: int, __: FrameType | None) -> None:
        self._reload = True


def _nothing(_: int, __: FrameType | None) -> None:
    """Take SIGCHLD, which wakes the parent."""


def _cannot_start(child: Child) -> StartError:
    if child.error is not None:
        return StartError(child.error[0], exit_code=child.error[1])
    return StartError(
        f"the {child.slot.name} process ends as it starts; the lines before this one say why", exit_code=1
    )
