"""The parent's signals: each wakes its wait, and is remembered until the parent acts on it."""

from __future__ import annotations

import select
import signal
import socket
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import FrameType
    from typing import Self


class Signals:
    """Handles the parent's signals while the block runs. `stop` and `reload` say that one has come.

    `on_stop` runs within the handler: Python calls it between two instructions, also while the main thread waits for
    something else. It must not log.
    """

    def __init__(self, on_stop: Callable[[], None]) -> None:
        self.stop = self.reload = False
        self._on_stop = on_stop
        self._wake, self._woken = socket.socketpair()
        for end in (self._wake, self._woken):
            end.setblocking(False)  # noqa: FBT003  # the standard library's own signature

    def __enter__(self) -> Self:
        handlers = {
            signal.SIGCHLD: _nothing,
            signal.SIGHUP: self._reload,
            signal.SIGTERM: self._stop,
            signal.SIGINT: self._stop,
        }
        self._before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
        signal.set_wakeup_fd(self._wake.fileno(), warn_on_full_buffer=False)
        return self

    def __exit__(self, *_: object) -> None:
        signal.set_wakeup_fd(-1)
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self.close()

    def wait(self, channels: Sequence[socket.socket], seconds: float | None) -> None:
        """Wait for a signal, for what one of `channels` brings, or for `seconds`; None for as long as it takes."""
        readable, _, _ = select.select([self._woken, *channels], [], [], seconds)
        if self._woken in readable:
            self._woken.recv(4096)

    def close(self) -> None:
        """Close what wakes the wait: in a child, these are copies of the parent's."""
        self._wake.close()
        self._woken.close()

    def _stop(self, _: int, __: FrameType | None) -> None:
        if not self.stop:
            self.stop = True
            self._on_stop()

    def _reload(self, _: int, __: FrameType | None) -> None:
        self.reload = True


def _nothing(_: int, __: FrameType | None) -> None:
    """Take SIGCHLD, which wakes the wait."""
