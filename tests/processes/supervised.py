"""A parent with one child, or two, that do what the arguments say, in a process of its own: a test must not fork.

    supervised.py [--crowded] [--apart] WHAT...

`refused` raises StartError, `broken` any other error, `done` returns at once, `ends` ends with 7 once it is ready,
`waits` waits until it is stopped; `returns` logs a line, writes its parent's pid to standard error, and returns.
`--crowded` leaves it no room for another process. `--apart` runs each once before the start. Its log and the message of
a StartError go to standard output, and its code is that of the StartError.
"""

import os
import resource
import sys
from collections.abc import Callable, Coroutine

import structlog

from app.errors import StartError
from app.observability import logs
from app.observability.shared import Slot
from app.processes import Child, Parent, Supervisor, run_apart

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


def left() -> None:
    """Say that this process has left what is the parent's."""
    os.write(1, b"left\n")


async def done(_: Parent) -> None:
    """End at once."""


MAINS: dict[str, Callable[[Parent], Coroutine[None, None, None]]] = {
    "refused": refused,
    "broken": broken,
    "ends": ends,
    "waits": waits,
    "returns": returns,
    "done": done,
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
        for child in children if "--apart" in names else ():
            run_apart(child, leave=left)
            os.write(1, b"it has ended\n")
        supervisor.run()
    except StartError as error:
        os.write(1, f"{error}\n".encode())
        sys.exit(error.exit_code)


main(*sys.argv[1:])
