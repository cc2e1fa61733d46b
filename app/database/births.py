"""When a file was made, which a copy of it does not share, whatever else was copied with it."""

from __future__ import annotations

import ctypes
import os
import struct
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

# Of Linux, `statx(2)`: Python does not offer it before 3.15.
AT_FDCWD = -100
STATX_BTIME = 0x800
SIZE = 256
MASK = struct.Struct("=I")  # at the beginning: what the file system has answered
BIRTH = struct.Struct("=qI")  # seconds and nanoseconds
BIRTH_AT = 80


def born(file: Path) -> str:
    """Return what tells this file from each other one that ever has its name. Raises OSError.

    It is the time of its birth. Where the file system keeps none, it is the file's number, which may be given to a copy
    once the file is gone.
    """
    found = file.stat()
    birth = getattr(found, "st_birthtime_ns", None) or getattr(found, "st_birthtime", None) or _asked(file)
    return f"born {birth}" if birth else f"number {found.st_ino}"


def _asked(file: Path) -> str | None:
    """Return the time of birth that Linux knows, None where there is none."""
    statx, answer = _statx(), ctypes.create_string_buffer(SIZE)
    if statx is None or statx(AT_FDCWD, os.fsencode(file), 0, STATX_BTIME, answer) != 0:
        return None
    (mask,) = MASK.unpack_from(answer)
    seconds, nanoseconds = BIRTH.unpack_from(answer, BIRTH_AT)
    return f"{seconds}.{nanoseconds:09}" if mask & STATX_BTIME and seconds else None


@cache
def _statx() -> Any:
    """Return the function of the C library, None where it has none."""
    return getattr(ctypes.CDLL(None), "statx", None)
