"""A parent with one child, or two, that do what the arguments say, in a process of its own: a test must not fork.

    supervised.py [--crowded] WHAT...

`refused` raises StartError, `broken` any other error, `ends` ends with 7 once it is ready, `waits` waits until it is
stopped; `returns` logs a line, writes its parent's pid to standard error, and returns. `--crowded` leaves it no room
for another process. Its log and the message of a StartError go to standard output, and its code is that of the
StartError.
"""

import os
import resource
import sys
from collections.abc import Callable, Coroutine

import structlog

from app.errors import StartError
from app.observability import logs
from app.observability.shared import Slot
from app.processes import Child, Parent, Supervisor

log = structlog.get_logger(__name__)


async def refused(_: Parent) -> None:
    """Fail as what cannot start does."""
    raise StartError("there is no room", exit_code=3)


async def broken(_: Parent) -> None:
    """Fail by a defect."""
    raise ZeroDivisionError


async def ends(parent: Parent) -> None:
    """Become ready, and end."""
    parent.ready()
    os._exit(7)


async def waits(parent: Parent) -> None:
    """Become ready, and wait for the end."""
    parent.ready()
    await parent.stopping.wait()


async def returns(parent: Parent) -> None:
    """Become ready, and come to the end."""
    parent.ready()
    log.info("returns")
    os.write(2, f"{os.getppid()}\n".encode())


MAINS: dict[str, Callable[[Parent], Coroutine[None, None, None]]] = {
    "refused": refused,
    "broken": broken,
    "ends": ends,
    "waits": waits,
    "returns": returns,
}


def main(*names: str) -> None:
    """Supervise."""
    logs.configure(form="json", level="info")
    whats = [name for name in names if name in MAINS]
    children = [Child(Slot(f"{name}-{number}", name), MAINS[name]) for number, name in enumerate(whats)]
    supervisor = Supervisor(children, sockets=[], server=None)
    if "--crowded" in names:
        taken = os.dup(0)  # the lowest number that is free
        resource.setrlimit(resource.RLIMIT_NOFILE, (taken + 1, taken + 1))
    try:
        supervisor.run()
    except StartError as error:
        os.write(1, f"{error}\n".encode())
        sys.exit(error.exit_code)


main(*sys.argv[1:])
