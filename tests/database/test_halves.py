"""Writing together: one item that PostgreSQL refuses costs no other item its place."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import asyncpg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.database.halves import write_in_halves

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


@given(st.lists(st.integers(0, 200), unique=True, min_size=1), st.sets(st.integers(0, 200)))
def test_all_items_are_written_once_but_those_that_are_refused(items: list[int], refused: set[int]) -> None:
    written: list[int] = []

    async def write(some: Sequence[int]) -> Mapping[int, str]:
        if refused.intersection(some):
            raise asyncpg.DataError("a value that PostgreSQL does not take")
        written.extend(some)
        return dict.fromkeys(some, "written")

    results = asyncio.run(write_in_halves(write, items))
    assert sorted(written) == sorted(set(items) - refused)
    assert {item for item, result in results.items() if result == "written"} == set(written)
    assert {item for item, result in results.items() if isinstance(result, asyncpg.DataError)} == refused & set(items)


@pytest.mark.parametrize(
    ("error", "times"),
    [(asyncpg.InsufficientPrivilegeError("no"), 1), (ConnectionError("gone"), 1), (asyncpg.DeadlockDetectedError(), 5)],
)
async def test_what_is_about_no_row_is_raised_and_only_a_deadlock_is_repeated(error: Exception, times: int) -> None:
    tries: list[int] = []

    async def write(some: Sequence[int]) -> Mapping[int, str]:
        tries.append(len(some))
        raise error

    with pytest.raises(type(error)):
        await write_in_halves(write, [1, 2, 3])
    assert tries == [3] * times
