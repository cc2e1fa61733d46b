"""Memory that the processes of one service share, so that each of them can speak for all.

The parent reserves it before it forks. A slot belongs to one process at a time, which alone writes there; the process
that takes its place goes on with the slot's numbers, so that no counter goes backwards. All processes read all slots.
"""

from __future__ import annotations

import secrets
import zlib
from dataclasses import dataclass
from mmap import mmap
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# Only pages that are written take memory.
NUMBERS_BYTES = 16 * 2**20
TEXT_BYTES = 64 * 2**10
ATTEMPTS_BYTES = 192 * 2**10
WORD = 8
TEXT_HEAD = 8
READS = 100
PARENT = "parent"


class Numbers:
    """Numbers by key, each with the time at which it was set. `values[place]` is a number, and its time is behind it.

    In memory: how many bytes are used, then for each key its length, the key, the number and its time.
    """

    def __init__(self, size: int = NUMBERS_BYTES) -> None:
        self._size = size
        self._memory = mmap(-1, size)
        view = memoryview(self._memory)
        self._words, self.values = view.cast("q"), view.cast("d")
        self._words[0] = self._read = WORD
        self._places: dict[bytes, int] = {}

    def places(self) -> Mapping[bytes, int]:
        """Return the place of each key, also of keys that the writing process has added since the last call."""
        used = self._words[0]
        while self._read < used:
            start, length = self._read + WORD, self._words[self._read // WORD]
            place = _word_after(start + length)
            self._places[self._memory[start : start + length]] = place
            self._read = (place + 2) * WORD
        return self._places

    def place(self, key: bytes) -> int | None:
        """Return the place of a key's number, which is made where it is missing; None where no room is left."""
        found = self.places().get(key)
        if found is not None:
            return found
        start = self._words[0] + WORD
        place = _word_after(start + len(key))
        if (place + 2) * WORD > self._size:
            return None
        self._words[start // WORD - 1] = len(key)
        self._memory[start : start + len(key)] = key
        self.values[place] = self.values[place + 1] = 0.0  # a process that was killed may have begun a longer key here
        self._words[0] = (place + 2) * WORD  # last: from now on the others see the key
        return self.places()[key]


def _word_after(end: int) -> int:
    """Return the first word at or behind a byte."""
    return -(-end // WORD)


class SharedText:
    """One text, which one process replaces and all read. A text that has no room is not kept."""

    def __init__(self, size: int = TEXT_BYTES) -> None:
        self._memory = mmap(-1, size)
        self._room = size - TEXT_HEAD
        self._latest = b""

    def write(self, text: bytes) -> None:
        """Replace the text."""
        if len(text) <= self._room:
            head = len(text).to_bytes(4, "big") + zlib.crc32(text).to_bytes(4, "big")
            self._memory[: TEXT_HEAD + len(text)] = head + text

    def read(self) -> bytes:
        """Return the text; where it is being replaced all the while, the one that was read before."""
        for _ in range(READS):
            head = self._memory[:TEXT_HEAD]
            text = self._memory[TEXT_HEAD : TEXT_HEAD + int.from_bytes(head[:4], "big")]
            if zlib.crc32(text).to_bytes(4, "big") == head[4:]:
                self._latest = text
                break
        return self._latest


class Slot:
    """What one process shows to the others, by its name and its role (`parent`, `web` or `worker`)."""

    def __init__(self, name: str, role: str) -> None:
        self.name = name
        self.role = role
        self.numbers = Numbers()
        self.unknown_paths = SharedText()
        self.attempts = mmap(-1, ATTEMPTS_BYTES)  # what all processes note of wrong tokens stands with the parent
        self.secret = secrets.token_bytes(16)
        self._ready = mmap(-1, 1)

    @property
    def ready(self) -> bool:
        """Whether the process works. The parent sets it."""
        return self._ready[0] == 1

    @ready.setter
    def ready(self, ready: bool) -> None:
        self._ready[0] = int(ready)


@dataclass(frozen=True, slots=True)
class Shared:
    """The slot of this process, and those of all."""

    own: Slot
    slots: Sequence[Slot]

    @property
    def parent(self) -> Slot:
        """The slot of the process that forked the others."""
        return next(slot for slot in self.slots if slot.role == PARENT)

    def roles(self) -> Mapping[str, tuple[int, int]]:
        """Return, for each role of the children, how many of its processes are ready, and how many there are."""
        found: dict[str, tuple[int, int]] = {}
        for slot in self.slots:
            if slot.role == PARENT:
                continue
            ready, all_ = found.get(slot.role, (0, 0))
            found[slot.role] = (ready + slot.ready, all_ + 1)
        return found
