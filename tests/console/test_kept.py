"""What many pages show is read once in a while."""

from __future__ import annotations

import pytest

from app.console.kept import Kept
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
