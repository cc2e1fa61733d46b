"""The operator stops a service that has work in hand."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from functools import partial
from typing import TYPE_CHECKING

import httpx
import pytest

if TYPE_CHECKING:
    from tests.support.world import World


def end_service(world: World) -> None:
    world.processes.pop().end(signal.SIGTERM)


async def test_a_shutdown_finishes_what_is_in_hand(world: World) -> None:
    await world.control("settings", {"delay_ms": {"enroll": 700}})
    await world.start("serve")
    await asyncio.gather(*(world.send_event(number, "long") for number in range(10)))

    async def sending() -> bool:
        rows = await world.rows("SELECT count(*) FROM enrollments WHERE step = 'sending'")
        return bool(rows[0][0] > 0)

    await world.until(sending, what="requests on their way to HubSpot")
    end_service(world)
    states = await world.rows("SELECT state, count(*) FROM enrollments GROUP BY state")
    assert {row[0] for row in states} <= {"enrolled", "ready"}
    sent = [entry["email"] for entry in await world.control("ledger")]
    enrolled = await world.rows("SELECT email FROM enrollments WHERE state = 'enrolled'")
    assert sorted(sent) == sorted(row[0] for row in enrolled)


async def test_while_a_shutdown_finishes_its_work_senders_are_told_to_come_again(world: World) -> None:
    await world.start("serve")
    await world.send_event(0, "long")
    await world.until_settled()
    # The worker waits for HubSpot until this test lets it.
    await world.control("settings", {"delay_ms": {"enroll": 20_000}})
    await world.send_event(1, "long")

    async def sending() -> bool:
        return bool((await world.rows("SELECT count(*) FROM enrollments WHERE step = 'sending'"))[0][0])

    await world.until(sending, what="a request on its way to HubSpot")
    world.processes[-1].send(signal.SIGTERM)
    body = b'{"type": "long", "data": {"email": "late@crash.example"}}'
    async with httpx.AsyncClient(trust_env=False, base_url=f"http://127.0.0.1:{world.port}") as client:
        await world.until(partial(answers, client, "/readyz", 503), what="the service to say that it stops")
        assert (await client.get("/healthz")).status_code == 200
        refused = await client.post("/webhooks/crm", content=body, headers=world.signed(body))
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "5")
        assert refused.headers["connection"] == "close"
    end_service(world)
    (late,) = await world.rows("SELECT count(*) FROM events WHERE email = 'late@crash.example'")
    assert late[0] == 0
    async with httpx.AsyncClient(trust_env=False) as client:
        with pytest.raises(httpx.ConnectError):
            await client.get(f"http://127.0.0.1:{world.port}/healthz")


async def answers(client: httpx.AsyncClient, path: str, status: int) -> bool:
    return (await client.get(path)).status_code == status


async def test_a_web_process_that_is_asked_to_stop_alone_ends_and_is_started_again(world: World) -> None:
    await world.start("serve")
    first = await web_process(world, 1)
    os.kill(first, signal.SIGTERM)
    assert await web_process(world, 2) != first
    await world.send_event(1, "long")


async def web_process(world: World, start: int) -> int:
    async def started() -> bool:
        return len(found(world)) >= start

    await world.until(started, what="a web process")
    return found(world)[start - 1]


def found(world: World) -> list[int]:
    lines = [json.loads(line) for line in world.processes[-1].log().splitlines() if line.startswith("{")]
    return [line["pid"] for line in lines if line["event"] == "process.started" and line["process"] == "web-1"]
