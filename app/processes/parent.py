"""The child's side of a forked process: run to the end, and answer to the parent over one socket.

The parent asks for a reload by a byte, and its end shows as the end of the stream: the child then ends at once, as if
it was killed, so that another service can take the port and the data directory.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from typing import TYPE_CHECKING, NoReturn

import orjson
import structlog
import uvloop

from app.errors import SegueError, StartError

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Coroutine
    from typing import Any

RELOAD = b"r"
EXPAND = b"x"
RELEASE = b"e"
ORPHANED = 70  # exit code: the parent has gone

log = structlog.get_logger(__name__)


class Parent:
    """The parent of this process. `asked` has what is run for each byte that it sends."""

    def __init__(self, channel: socket.socket) -> None:
        self._channel = channel
        self.stopping = asyncio.Event()
        self.released = asyncio.Event()  # the others have ended, too
        self.asked: dict[bytes, Callable[[], None]] = {}

    def attend(self) -> None:
        """Stop at SIGTERM, do what the parent asks for, and end with it."""
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, self._stop)
        loop.add_reader(self._channel, self._read)

    def _stop(self) -> None:
        self.stopping.set()
        self._send({"stopping": True})

    def ready(self) -> None:
        """Report that this process works."""
        self._send({"ready": True})

    def reloaded(self) -> None:
        """Report that the rules were loaded anew with the same text, so that the other processes do the same."""
        self._send({"reloaded": True})

    def failed(self, error: SegueError) -> None:
        """Report why this process cannot start."""
        code = error.exit_code if isinstance(error, StartError) else 2
        self._send({"error": str(error), "exit_code": code})

    def _send(self, message: dict[str, Any]) -> None:
        try:
            self._channel.sendall(orjson.dumps(message) + b"\n")
        except OSError:
            os._exit(ORPHANED)

    def _read(self) -> None:
        asked = self._channel.recv(64)
        if not asked:
            os._exit(ORPHANED)
        for byte in asked:
            if bytes([byte]) == RELEASE:
                self.released.set()
            action = self.asked.get(bytes([byte]))
            if action is not None:
                action()


def run_child(
    main: Callable[[Parent], Coroutine[Any, Any, object]], channel: socket.socket, leave: Callable[[], None]
) -> NoReturn:
    """Run `main` in this forked process, and end the process: nothing of the parent's stack may run here.

    `leave` closes what is the parent's.
    """
    code = 1
    try:
        leave()
        _take_signals()
        code = uvloop.run(_attended(main, channel))
    except BaseException:
        log.exception("process.defect")
    finally:
        try:
            sys.stdout.flush()
        finally:  # also where the log cannot be written: an error that leaves here would go on as a second parent
            os._exit(code)


def _take_signals() -> None:
    """Undo the parent's signals. Ctrl-C and a closed terminal reach all processes: the parent passes on what is due."""
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())


async def _attended(main: Callable[[Parent], Coroutine[Any, Any, object]], channel: socket.socket) -> int:
    parent = Parent(channel)
    parent.attend()
    try:
        await main(parent)
    except SegueError as error:
        parent.failed(error)
        return 2
    return 0
