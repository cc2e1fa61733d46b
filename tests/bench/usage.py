"""What processes cost, by Linux's /proc: processor time and memory of a process and all its descendants."""

from __future__ import annotations

import os
import time
from collections import defaultdict
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

PROC = Path("/proc")
TICKS = os.sysconf("SC_CLK_TCK")
# Where a line of /proc/PID/stat has its figures, counted from the field after the name of the program.
PARENT, ENDED_CHILDREN = 1, slice(13, 15)
# The lowest bits of a clock's number, which Linux makes of a process id: the time that its threads have run.
CPU_CLOCK = 2
GONE = (FileNotFoundError, ProcessLookupError)


def family(root: int) -> set[int]:
    """Return the process and all its descendants."""
    children = defaultdict(list)
    for folder in PROC.iterdir():
        if folder.name.isdecimal():
            with suppress(*GONE):
                children[int(_fields(int(folder.name))[PARENT])].append(int(folder.name))
    found, unseen = set[int](), [root]
    while unseen:
        found.add(pid := unseen.pop())
        unseen += children[pid]
    return found


def parent_of(pid: int) -> int:
    """Return the parent of a process."""
    return int(_fields(pid)[PARENT])


def cpu_seconds(roots: Iterable[int]) -> float:
    """Return the user and system time of these processes and their descendants.

    A descendant that has ended counts as well: its time is added to that of the process that has waited for it.
    """
    seconds = 0.0
    for pid in _families(roots):
        with suppress(*GONE):
            seconds += sum(int(field) for field in _fields(pid)[ENDED_CHILDREN]) / TICKS + _own_seconds(pid)
    return seconds


def pss_megabytes(roots: Iterable[int]) -> float:
    """Return the memory of these processes and their descendants; what several share counts once in all."""
    kilobytes = 0
    for pid in _families(roots):
        with suppress(*GONE):
            lines = (PROC / str(pid) / "smaps_rollup").read_text().splitlines()
            kilobytes += sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return kilobytes / 1024


def _own_seconds(pid: int) -> float:
    """Return the user and system time of all threads of one process.

    /proc gives the same figure rounded to hundredths of a second, which is too coarse for processes that rest.
    """
    try:
        return time.clock_gettime(~pid << 3 | CPU_CLOCK)
    except OSError as error:
        raise ProcessLookupError(pid) from error


def _families(roots: Iterable[int]) -> set[int]:
    return set[int]().union(*(family(root) for root in roots))


def _fields(pid: int) -> list[str]:
    """Return what follows the name of the program, which may hold blanks."""
    return (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
