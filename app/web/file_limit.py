"""How many files a process may have open: the connections that fit in, and a line where it has no more."""

from __future__ import annotations

import os
import resource
from contextlib import suppress
from typing import TYPE_CHECKING

import structlog

if TYPE_CHECKING:
    from collections.abc import Callable

# What is no connection of a sender: operators' connections, the database's, logs, and what a client of ours opens.
KEPT_FREE = 100

log = structlog.get_logger(__name__)


def room_for(connections: int) -> int:
    """Return how many of so many connections may be open; where the system lets it, the process may have more files."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = connections + KEPT_FREE
    if resource.RLIM_INFINITY != soft < wanted:
        most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
        soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return connections
    room = max(soft - KEPT_FREE, soft // 2)
    log.warning("connections.limited_by_files", wanted=connections, limit=room, files=soft)
    return room


class FileWatch:
    """Looks whether another file can be opened. `reached` is called when that fails, once until it succeeds again."""

    def __init__(self, reached: Callable[[], None]) -> None:
        self._reached = reached
        self._full = False

    def look(self) -> None:
        """Try to open one more file. The system resets new connections without a word while that fails."""
        try:
            os.close(os.open(os.devnull, os.O_RDONLY))
        except OSError as error:
            if not self._full:
                self._reached()
                log.error("files.limit_reached", error=error.strerror)  # noqa: TRY400  # it says it all
            self._full = True
        else:
            self._full = False
