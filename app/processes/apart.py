"""Run one thing in a process of its own before the children start: what it imports and allocates ends with it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from app.errors import StartError

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterable

    from app.database.embedded import EmbeddedPostgres
    from app.processes.child import Child


def run_apart(child: Child, *, leave: Callable[[], None]) -> None:
    """Run what `child` runs, once, and wait for its end. Raises StartError where it fails.

    `leave` closes, in that process, what is the parent's alone.
    """
    name = child.slot.name
    try:
        child.start(time.monotonic(), leave)
        code = child.wait()
        reports = child.reports()
    except OSError as error:
        raise StartError(f"cannot start the {name} process: {error.strerror}") from error
    finally:
        child.close()
    for refusal in (report for report in reports if "error" in report):
        raise StartError(refusal["error"], exit_code=refusal["exit_code"])
    if code:
        raise StartError(f"the {name} process ends with {code}; the lines before this one say why", exit_code=1)


def leave_to_parent(sockets: Iterable[socket.socket], server: EmbeddedPostgres | None) -> None:
    """Close, in a process apart, what only the parent and its children may hold."""
    for bound in sockets:
        bound.close()
    if server is not None:
        server.leave_to_parent()
