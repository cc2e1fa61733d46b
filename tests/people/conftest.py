from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import text

from app.intake.group_commit import GroupCommit
from app.people.forget import Forgetter
from app.people.forget_store import ForgetStore

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine


@pytest.fixture
def forgetter(engine: AsyncEngine) -> Forgetter:
    numbers = itertools.count(1)
    return Forgetter(ForgetStore(engine), new_id=lambda prefix: f"{prefix}_{next(numbers)}", hash_email=lambda _: "h")


async def ask(engine: AsyncEngine, statement: str, **values: Any) -> list[Any]:
    async with engine.begin() as connection:
        result = await connection.execute(text(statement), values)
        return [tuple(row) for row in result] if result.returns_rows else []


async def accept(engine: AsyncEngine, *entries: Any) -> None:
    writer = GroupCommit(engine.url)
    writer.start()
    for entry in entries:
        await writer.accept(entry)
    await writer.close()
