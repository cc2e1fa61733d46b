"""What is final and old goes; what "once", a cap or a person's sender still rests on stays."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import text

from app.clock import utc_now
from app.database.history import id_before, prune_history
from app.ids import Ids
from app.intake.group_commit import GroupCommit

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy.ext.asyncio import AsyncEngine

TABLES = ("events", "decisions", "enrollments", "journal", "sticky_senders")
OLD = utc_now() - timedelta(days=500)


@pytest.fixture
def new_id() -> Callable[[str], str]:
    """Ids of 500 days ago."""
    return Ids(clock=lambda: int(OLD.timestamp() * 1000))


async def ask(engine: AsyncEngine, statement: str) -> list[Any]:
    async with engine.begin() as connection:
        result = await connection.execute(text(statement))
        return [tuple(row) for row in result] if result.returns_rows else []


async def accepted(engine: AsyncEngine, make_entry: Any, state: str) -> None:
    writer = GroupCommit(engine.url)
    writer.start()
    await writer.accept(make_entry("e1"))
    await writer.close()
    old = "now() - interval '500 days'"
    await ask(engine, f"UPDATE events SET received_at = {old}")  # noqa: S608  # ours
    await ask(engine, f"UPDATE enrollments SET state = '{state}', updated_at = {old}")  # noqa: S608  # ours
    await ask(engine, f"INSERT INTO sticky_senders VALUES ('main', 'p', 'ada@corp.example', 'anna', {old})")  # noqa: S608
    await ask(engine, "INSERT INTO sticky_senders VALUES ('main', 'p', 'corp.example', 'anna', now())")


async def kept(engine: AsyncEngine, days: float = 400) -> dict[str, int]:
    await prune_history(engine, age=timedelta(days=days), now=utc_now())
    return {name: (await ask(engine, f"SELECT count(*) FROM {name}"))[0][0] for name in TABLES}  # noqa: S608  # ours


NOTHING = dict.fromkeys(TABLES, 0) | {"sticky_senders": 1}
ALL = dict.fromkeys(TABLES, 1) | {"sticky_senders": 2}


async def test_what_is_final_and_old_goes_when_its_intent_is_over(engine: AsyncEngine, make_entry: Any) -> None:
    await accepted(engine, make_entry, "enrolled")
    assert await kept(engine) == ALL
    await ask(engine, "UPDATE intents SET until = now() - interval '1 day'")
    assert await kept(engine, days=600) == ALL
    assert await kept(engine, days=0) == ALL
    assert await kept(engine) == NOTHING


@pytest.mark.parametrize("state", ["held", "ready", "working", "uncertain", "parked"])
async def test_what_is_not_final_stays(engine: AsyncEngine, make_entry: Any, state: str) -> None:
    await accepted(engine, make_entry, state)
    await ask(engine, "DELETE FROM intents")
    assert await kept(engine) == ALL


@pytest.mark.parametrize("column", ["follow_at", "confirm_at"])
async def test_what_is_followed_stays(engine: AsyncEngine, make_entry: Any, column: str) -> None:
    await accepted(engine, make_entry, "enrolled")
    await ask(engine, f"UPDATE enrollments SET {column} = now()")  # noqa: S608  # ours
    await ask(engine, "DELETE FROM intents")
    assert await kept(engine) == ALL


def test_an_id_is_of_a_time() -> None:
    assert id_before("evt", OLD - timedelta(hours=2)) < Ids(clock=lambda: int(OLD.timestamp() * 1000))("evt")
    assert id_before("evt", OLD) > Ids(clock=lambda: int(OLD.timestamp() * 1000))("evt")
