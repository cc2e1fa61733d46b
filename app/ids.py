"""Ids that sort by time: a prefix and a ULID, such as `evt_01kb1x2m3n4p5q6r7s8t9v0w1x`."""

from __future__ import annotations

import secrets
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_RANDOM_BITS = 80
_PAIRS = tuple(high + low for high in _ALPHABET for low in _ALPHABET)


def _milliseconds() -> int:
    return time.time_ns() // 1_000_000


class Ids:
    """Makes ids. `clock` gives milliseconds since 1970, `randomness` a number of the bits it is asked for.

    Within one process ids only grow, also when the clock stands still or goes back: what was made later sorts later.
    """

    def __init__(
        self, clock: Callable[[], int] = _milliseconds, randomness: Callable[[int], int] = secrets.randbits
    ) -> None:
        self._clock = clock
        self._randomness = randomness
        self._last = 0

    def __call__(self, prefix: str) -> str:
        """Return a new id with this prefix (dlv, evt, dec, enr)."""
        fresh = (self._clock() << _RANDOM_BITS) | self._randomness(_RANDOM_BITS)
        self._last = max(fresh, self._last + 1)
        return f"{prefix}_{_encoded(self._last)}"


def _encoded(value: int) -> str:
    """Return 130 bits as 26 characters of Crockford's base32, two at a time."""
    return "".join(_PAIRS[(value >> shift) & 1023] for shift in range(120, -1, -10))
