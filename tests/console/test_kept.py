"""What many pages show is read once in a while."""

from __future__ import annotations

import pytest

from app.console.kept import MOST_KEYS, Kept, KeptBy
from app.errors import Busy


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


async def test_a_value_is_read_again_once_it_is_old() -> None:
    clock, reads = Clock(), list[float]()

    async def read() -> int:
        reads.append(clock.now)
        return len(reads)

    kept = Kept(read, 5, clock)
    assert [await kept.value(), await kept.value()] == [1, 1]
    clock.now = 5.0
    assert await kept.value() == 1
    clock.now = 5.1
    assert await kept.value() == 2


async def test_an_error_is_not_kept() -> None:
    answers = [Busy("store_unavailable"), None]

    async def read() -> str:
        if error := answers.pop(0):
            raise error
        return "here"

    kept = Kept(read, 5, Clock())
    with pytest.raises(Busy):
        await kept.value()
    assert await kept.value() == "here"


async def test_each_key_has_a_value_of_its_own_and_their_number_is_bounded() -> None:
    clock, reads = Clock(), list[int]()

    async def read(key: int) -> int:
        reads.append(key)
        return key * key

    kept = KeptBy(read, 5, clock)
    assert [await kept.value(key) for key in (2, 3, 2)] == [4, 9, 4]
    assert reads == [2, 3]
    clock.now = 5.1
    assert await kept.value(2) == 4
    assert reads == [2, 3, 2]
    for key in range(3 * MOST_KEYS):
        await kept.value(key)
    assert len(kept._kept) <= MOST_KEYS
