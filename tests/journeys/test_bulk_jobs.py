"""A job on many enrollments: a service is killed in the middle of a chunk, and the next one goes on at its cursor."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
from sqlalchemy import text

from app.tls import tls_context
from tests.support.enrollments import until_a_statement_waits
from tests.support.logs import TOKEN, logged

if TYPE_CHECKING:
    from tests.support.world import World

ROWS = 2300
HELD = text("""
    INSERT INTO enrollments (id, decision_id, event_id, delivery_id, source, rule, account, email, sequence, properties,
                             require, intent, received_at, created_at, updated_at, state, reason, due_at)
    SELECT 'enr_' || lpad(CAST(n AS text), 12, '0'), '', '', '', 'crm', 'long', 'main', 'p' || n || '@corp.example',
           '310001', '{}', '{}', 'demo', now(), now(), now(), 'held', 'window', now() + interval '1 day'
    FROM generate_series(1, :rows) AS n
""")


async def api(world: World, path: str, **body: Any) -> Any:
    headers = {"authorization": f"Bearer {TOKEN}"}
    async with httpx.AsyncClient(trust_env=False, verify=tls_context(), headers=headers) as client:
        url = f"http://127.0.0.1:{world.port}/api/v1/{path}"
        answer = await (client.post(url, json=body) if body else client.get(url))
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_a_job_is_done_once_however_its_worker_ends(world: World) -> None:
    await world.start("serve")
    async with world.engine.begin() as connection:
        await connection.execute(HELD, {"rows": ROWS})
    wanted: dict[str, Any] = {"kind": "cancel", "filter": {"rule": "long", "reason": "window"}}
    shown = await api(world, "jobs/preview", **wanted)
    assert shown["count"] == ROWS
    async with world.engine.connect() as connection:
        await connection.execute(text("SELECT FROM enrollments WHERE id = 'enr_000000001200' FOR UPDATE"))
        job = (await api(world, "jobs", **wanted, expected_count=ROWS, reason="the wrong rule"))["id"]
        await until_a_statement_waits(world.engine)  # the worker was woken, and is in its third chunk
        world.kill_all("in the third chunk")
        await connection.rollback()
    ((state, done),) = await world.rows("SELECT state, done FROM bulk_jobs")
    assert (state, done) == ("running", 1000)
    async with world.engine.begin() as connection:
        await connection.execute(text("UPDATE bulk_jobs SET leased_until = now()"))  # as a minute later
    await world.start("serve")
    await logged(world, "bulk.job_done")
    ended = await api(world, f"jobs/{job}")
    assert (ended["state"], ended["outcomes"]) == ("done", {"cancelled": ROWS})
    counted = "SELECT count(*), count(DISTINCT enrollment_id) FROM journal WHERE after = 'cancelled'"
    assert await world.rows(counted) == [(ROWS, ROWS)]
    noted = await world.rows("SELECT who, what FROM audit WHERE target = :job ORDER BY id", job=job)
    assert noted == [("tests", "POST /api/v1/jobs"), ("tests", "job cancel")]
