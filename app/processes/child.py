"""What the parent knows of one child: whether it runs and is ready, what it reports, and when it is started again."""

from __future__ import annotations

import os
import signal
import socket
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import orjson

from app.processes.parent import run_child

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence

    from app.observability.shared import Slot
    from app.processes.parent import Parent

BRIEF_SECONDS = 10.0
FIRST_PAUSE = 0.25
LONGEST_PAUSE = 30.0
BLOCKED = {signal.SIGTERM, signal.SIGINT, signal.SIGHUP}


class Child:
    """One child process, and the one that takes its place. `main` runs in it; `slot` is its part of shared memory.

    One that is `last` ends after those that are not: it answers for the service while they finish their work.

    `due` is when it is started (again), None while it runs; `error` the message and the exit code of what it could not
    start for; `channel` the parent's end of the socket between them.
    """

    def __init__(
        self, slot: Slot, main: Callable[[Parent], Coroutine[Any, Any, object]], *, last: bool = False
    ) -> None:
        self.slot = slot
        self.last = last
        self.pid: int | None = None
        self.due: float | None = 0.0
        self.error: tuple[str, int] | None = None
        self.channel: socket.socket | None = None
        self._main = main
        self._received = b""
        self._brief = 0
        self._started_at = 0.0

    def start(self, now: float, leave: Callable[[], None]) -> None:
        """Fork. `leave` runs in the child first: it closes what is the parent's alone.

        Raises OSError where the system has no room for another process, which is due again after a pause.
        """
        self.due, self.error, self._received, self._started_at = now + LONGEST_PAUSE, None, b"", now
        self.channel, theirs = socket.socketpair()
        self.channel.setblocking(False)  # noqa: FBT003  # the standard library's own signature
        # A signal that comes in between would run the parent's handler in the child, and be lost.
        blocked = signal.pthread_sigmask(signal.SIG_BLOCK, BLOCKED)
        try:
            self.pid = os.fork()
            if self.pid == 0:
                run_child(self._main, theirs, leave)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
            theirs.close()
        self.due = None

    def send(self, number: signal.Signals) -> None:
        """Send a signal, where the process runs."""
        if self.pid is not None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def ask(self, byte: bytes) -> None:
        """Ask the process for something; one that has just ended is not asked."""
        if self.channel is not None:
            with suppress(OSError):
                self.channel.send(byte)

    def reports(self) -> Sequence[dict[str, Any]]:
        """Return what the process has reported since the last call."""
        with suppress(BlockingIOError, ConnectionResetError):
            while self.channel is not None and (received := self.channel.recv(65536)):
                self._received += received
        *lines, self._received = self._received.split(b"\n")
        return [orjson.loads(line) for line in lines]

    def reap(self, now: float) -> int | None:
        """Return how the process ended (its exit code, or the signal as a negative number), None while it runs.

        What it reported can still be read. It is due again at once; where it ends soon after its start again and again,
        after a pause that grows.
        """
        if self.pid is None:
            return None
        pid, status = os.waitpid(self.pid, os.WNOHANG)
        if pid == 0:
            return None
        self.pid = None
        self._brief = self._brief + 1 if now - self._started_at < BRIEF_SECONDS else 0
        self.due = now + pause(self._brief)
        return os.waitstatus_to_exitcode(status)

    def close(self) -> None:
        """Close the channel: a process that still runs ends at once."""
        if self.channel is not None:
            self.channel.close()
            self.channel = None

    def wait(self) -> int:
        """Wait until the process has ended; return how, as `reap` does."""
        if self.pid is None:
            return 0
        _, status = os.waitpid(self.pid, 0)
        self.pid = None
        return os.waitstatus_to_exitcode(status)


def pause(brief: int) -> float:
    """Return the seconds until a child starts again that has ended soon after its start `brief` times in a row."""
    return min(LONGEST_PAUSE, FIRST_PAUSE * 2.0 ** (brief - 1)) if brief else 0.0
