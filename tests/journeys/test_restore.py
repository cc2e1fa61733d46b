"""The operator restores a backup: everything since is forgotten, and still no person is enrolled twice."""

from __future__ import annotations

import asyncio
import os
import signal
from collections import Counter
from typing import TYPE_CHECKING

import httpx

from app.cli.database_backup import back_up, put_back
from app.settings import load_settings
from app.tls import tls_context
from tests.support.logs import TOKEN, found

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.world import World

IN_STATE = "SELECT count(*) FROM enrollments WHERE state = :state"
# A sequence that was seen to have ended has a row, too.
CAUSES = """
    SELECT cause, count(*) FROM journal WHERE after = 'enrolled' AND before IS DISTINCT FROM 'enrolled'
    GROUP BY cause ORDER BY 1
"""
HELD, READY, LOST = range(6), range(10, 14), range(20, 22)


async def operate(world: World, path: str) -> None:
    headers = {"Authorization": f"Bearer {TOKEN}"}
    async with httpx.AsyncClient(trust_env=False, verify=tls_context(), headers=headers) as client:
        reply = await client.post(f"http://127.0.0.1:{world.port}/api/v1/{path}")
        assert reply.status_code == 200, reply.text


async def until_there_are(world: World, number: int, state: str) -> None:
    async def there() -> bool:
        return bool((await world.rows(IN_STATE, state=state))[0][0] == number)

    await world.until(there, what=f"{number} that are {state}")


def kind_of(number: int) -> str:
    return "long" if number % 2 else "short"


async def send(world: World, numbers: range) -> None:
    await asyncio.gather(*(world.send_event(number, kind_of(number)) for number in numbers))


def stop(world: World) -> None:
    while world.processes:
        world.processes.pop().end(signal.SIGTERM)


async def test_a_restored_backup_enrolls_no_person_twice(world: World, tmp_path: Path) -> None:
    settings = load_settings({"SEGUE_DATABASE_URL": world.database_url.replace("+asyncpg", "")})
    await world.control("settings", {"one_step_seconds": 0.001})
    # Two whose answers are lost, six that are held, four that are ready.
    world.environment["SEGUE_SETTLE_SECONDS"] = "900"
    await world.start("serve")
    await world.control("faults", [{"kind": "drop_after"}])
    await send(world, LOST)
    await until_there_are(world, len(LOST), "uncertain")
    await world.control("faults", [])
    await operate(world, "senders/anna/pause")
    await send(world, HELD)
    await until_there_are(world, len(HELD), "held")
    stop(world)
    await world.start("serve --no-worker")
    await send(world, READY)
    await asyncio.to_thread(back_up, settings, os.environ, tmp_path / "segue.dump")

    world.environment["SEGUE_SETTLE_SECONDS"] = "3"
    await operate(world, "senders/anna/resume")
    await world.start("worker")
    await send(world, range(30, 34))
    await until_there_are(world, len(HELD) + len(READY) + 4, "enrolled")
    ledger = await world.control("ledger")
    assert Counter(entry["email"] for entry in ledger if entry["processed"]).total() == 16
    stop(world)
    await world.engine.dispose()

    await asyncio.to_thread(put_back, settings, os.environ, tmp_path / "segue.dump", replace=True)
    # A worker dies in the middle of reading.
    await world.control("faults", [{"kind": "hang", "route": "read"}])
    await world.start("serve --no-worker", "worker")
    await operate(world, "senders/anna/resume")
    await until_there_are(world, len(HELD) + len(READY), "working")
    world.kill_all("reading")
    await world.control("faults", [])
    async with world.engine.begin() as connection:
        await connection.exec_driver_sql("UPDATE enrollments SET due_at = now() WHERE state = 'uncertain'")
        await connection.exec_driver_sql("UPDATE enrollments SET leased_until = now() WHERE leased_until > now()")
    await world.start("serve", "worker")
    await send(world, range(30, 34))  # the event comes once more, and is no duplicate by the record
    await world.until_settled()

    assert await world.control("ledger") == ledger
    states = await world.rows("SELECT state, count(*) FROM enrollments GROUP BY state")
    assert [tuple(row) for row in states] == [("enrolled", 16)]
    causes = await world.rows(CAUSES)
    assert [tuple(row) for row in causes] == [("found_after_restore", 14), ("settled_enrolled", 2)]
    assert len(await world.rows("SELECT * FROM restores")) == 1
    assert not found(world, "database.restored", 0)  # the first service after the restore has noticed it
