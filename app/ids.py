"""Ids that sort by time: a prefix and 32 hexadecimal digits, such as `evt_019ab2c3d4e5f60718293a4b5c6d7e8f`."""

from __future__ import annotations

import random
import secrets
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_RANDOM_BITS = 80


def _milliseconds() -> int:
    return time.time_ns() // 1_000_000


class Ids:
    """Makes ids: 48 bits of time, 80 random bits. `clock` returns milliseconds since 1970, `randomness` random bits.

    Within one process ids only grow, even when the clock stands still or goes back: a later id sorts later.
    """

    def __init__(
        self, clock: Callable[[], int] = _milliseconds, randomness: Callable[[int], int] | None = None
    ) -> None:
        self._clock = clock
        # An id is no secret. The kernel provides only the seed: a system call for every id would cost more than the
        # rest of making one.
        self._randomness = randomness or random.Random(secrets.randbits(256)).getrandbits  # noqa: S311  # as said
        self._last = 0

    def __call__(self, prefix: str) -> str:
        """Return a new id with this prefix (dlv, evt, dec, enr)."""
        fresh = (self._clock() << _RANDOM_BITS) | self._randomness(_RANDOM_BITS)
        self._last = fresh if fresh > self._last else self._last + 1
        return f"{prefix}_{self._last.to_bytes(16, 'big').hex()}"
