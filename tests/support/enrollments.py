"""Enrollments in a real PostgreSQL: accepted, claimed by workers, and looked at by plain statements."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import text

from app.enrollments.store import EnrollmentStore
from app.intake.group_commit import GroupCommit
from tests.support.direct import direct

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from sqlalchemy.ext.asyncio import AsyncEngine


@pytest.fixture
def accept(engine: AsyncEngine, make_entry: Any) -> Callable[..., Awaitable[None]]:
    async def accept(*people: str, **changes: Any) -> None:
        writer = GroupCommit(engine.url)
        writer.start()
        for person in people:
            await writer.accept(make_entry(f"{person} {changes}", person, **changes))
        await writer.close()

    return accept


def worker(engine: AsyncEngine, name: str = "one", lease: float = 15.0) -> EnrollmentStore:
    return EnrollmentStore(direct(engine), account="main", worker=name, lease=lease)


async def rows(engine: AsyncEngine, statement: str) -> list[Any]:
    async with engine.begin() as connection:
        result = await connection.execute(text(statement))
        return list(result.all()) if result.returns_rows else []


async def until_a_statement_waits(engine: AsyncEngine, *, number: int = 1) -> None:
    """Return when a statement, or `number` of them, waits for a row that another transaction has locked."""
    waiting = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    async with asyncio.timeout(300):
        while len(await rows(engine, waiting)) < number:
            pass
