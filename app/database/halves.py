"""Writes of many rows together: a row that is refused fails alone, and what has met a deadlock is repeated."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import asyncpg
import orjson
import structlog

from app.database.engine import sqlstate

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

T = TypeVar("T")
R = TypeVar("R")
log = structlog.get_logger(__name__)

# A refusal that is about the data of some row: class 22 (data exception), 23 (integrity), 54 (program limit exceeded).
ABOUT_A_ROW = ("22", "23", "54")
# Serialization failure, deadlock: nothing was written, and the same write may succeed when it is repeated.
REPEATABLE = frozenset({"40001", "40P01"})
MAXIMUM_REPEATS = 5


def is_about_a_row(error: BaseException) -> bool:
    """Tell whether the server has refused the data of some row, or orjson a text with half of a surrogate pair."""
    return isinstance(error, orjson.JSONEncodeError) or (sqlstate(error) or "").startswith(ABOUT_A_ROW)


async def write_in_halves(
    write: Callable[[Sequence[T]], Awaitable[Mapping[T, R]]], items: Sequence[T]
) -> dict[T, R | Exception]:
    """Return the result of `write` for each item, which writes all of them or none.

    Items of which PostgreSQL or orjson refuses one are written in halves, until that one is alone: its result is the
    refusal.
    After a deadlock the same items are written again. Raises what `write` raises for any other reason.
    """
    try:
        return dict(await _write_again(write, items))
    except (asyncpg.PostgresError, orjson.JSONEncodeError) as error:
        if not is_about_a_row(error):
            raise
        if len(items) == 1:
            return {items[0]: error}
    middle = len(items) // 2
    return await write_in_halves(write, items[:middle]) | await write_in_halves(write, items[middle:])


async def _write_again(write: Callable[[Sequence[T]], Awaitable[Mapping[T, R]]], items: Sequence[T]) -> Mapping[T, R]:
    """Write; repeat that after a deadlock or a serialization failure, up to four times."""
    for _ in range(MAXIMUM_REPEATS - 1):
        try:
            return await write(items)
        except asyncpg.PostgresError as error:
            if sqlstate(error) not in REPEATABLE:
                raise
            log.info("store.batch_repeated", sqlstate=sqlstate(error), entries=len(items))
    return await write(items)
