"""The processes of one service: killed, frozen, stopped and reloaded, they act and speak as one."""

from __future__ import annotations

import asyncio
import os
import signal
import tempfile
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import text

from app.database.embedded.pid_file import process_name
from tests.support.logs import TOKEN, logged, rules_file
from tests.support.world import RULES, World, private_world

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

ACCEPTED = ("segue_webhooks_received_total", "accepted", "crm")
UNKNOWN = ("segue_unknown_paths_total",)


@pytest.fixture
async def world(database_url: str) -> AsyncIterator[World]:
    async with World(database_url) as world:
        await world.control("settings", {"per_10s": 5000, "one_step_seconds": 1.0, "property_lag": 0.3})
        yield world


async def pid_of(world: World, name: str, *, start: int = 1) -> int:
    """Return the pid of a process of the service, after its first, second, ... start."""
    async with asyncio.timeout(300):
        while True:
            lines = [line for line in await logged(world, "process.started") if line["process"] == name]
            if len(lines) >= start:
                return int(lines[start - 1]["pid"])
            await asyncio.sleep(0.02)


async def asked(world: World, path: str) -> httpx.Response:
    async with httpx.AsyncClient(trust_env=False, timeout=60) as client:
        headers = {"authorization": f"Bearer {TOKEN}"}
        return await client.get(f"http://127.0.0.1:{world.port}{path}", headers=headers)


async def metrics(world: World) -> dict[tuple[str, ...], float]:
    families = text_string_to_metric_families((await asked(world, "/metrics")).text)
    samples = [((s.name, *s.labels.values()), s.value) for family in families for s in family.samples]
    found = dict(samples)
    assert len(found) == len(samples), "a sample is shown twice"
    return found


def enrolled(page: dict[tuple[str, ...], float]) -> float:
    return sum(value for key, value in page.items() if key[:2] == ("segue_enrollments_total", "enrolled"))


@asynccontextmanager
async def frozen(pid: int) -> AsyncIterator[None]:
    """Freeze one process, so that another one answers."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


async def test_two_processes_share_a_port_and_each_speaks_for_both(world: World) -> None:
    await world.start("serve --processes 2")
    first, second = await pid_of(world, "web-1"), await pid_of(world, "web-2")
    for number, other in enumerate((first, second)):
        async with frozen(other):
            await world.send_event(number, "long")
            assert (await asked(world, "/webhooks/wrong")).status_code == 200
    for other in (first, second):
        async with frozen(other):
            page = await metrics(world)
            assert (page[ACCEPTED], page[UNKNOWN]) == (2, 2)
            assert page["segue_webhook_ack_duration_seconds_count",] == 4
            assert page["segue_webhook_ack_duration_seconds_bucket", "+Inf"] == 4
            assert {page["segue_process_up", name] for name in ("web-1", "web-2", "worker")} == {1}
            (path,) = (await asked(world, "/api/v1/sources/unknown-paths")).json()["items"]
            assert (path["path"], path["count"]) == ("/webhooks/wrong", 2)
    await world.until_settled()
    for other in (first, second):
        async with frozen(other):
            page = await metrics(world)
            assert enrolled(page) == 2
            assert page["segue_config_last_reload_successful",] == 1


@pytest.mark.parametrize("name", ["web-1", "worker"])
async def test_a_process_that_is_killed_under_load_loses_nothing_and_is_started_again(world: World, name: str) -> None:
    await world.start("serve --processes 2")
    counted = 0.0
    for round_ in range(1, 4):
        sending = [asyncio.create_task(world.send_event(round_ * 100 + number, "long")) for number in range(40)]
        await world.until(partial(more_than, world, 40 * round_ - 20), what="half of them to be accepted")
        os.kill(await pid_of(world, name, start=round_), signal.SIGKILL)
        await asyncio.gather(*sending)
        await pid_of(world, name, start=round_ + 1)
        before, counted = counted, (await metrics(world))[ACCEPTED]
        assert counted > before
    await world.until_settled()
    books = await world.books()
    assert len(books.acknowledged) == 120
    assert (books.lost, books.doubled, books.pretended) == ([], [], [])
    ended = await logged(world, "process.ended", times=3)
    assert [(line["process"], line["code"]) for line in ended] == [(name, -signal.SIGKILL)] * 3
    assert len(await logged(world, "process.started_again", times=3)) == 3


async def more_than(world: World, least: int) -> bool:
    return sum(world.acknowledged.values()) > least


async def test_while_a_process_is_being_started_again_the_service_is_degraded_and_receives(world: World) -> None:
    await world.start("serve")
    worker = await pid_of(world, "worker")
    async with world.engine.begin() as connection:
        # The one that takes its place cannot read the rules yet.
        await connection.execute(text("LOCK TABLE rulebooks IN ACCESS EXCLUSIVE MODE"))
        os.kill(worker, signal.SIGKILL)
        await logged(world, "process.ended")
        ready = await asked(world, "/readyz")
        assert (ready.status_code, ready.json()["status"]) == (200, "degraded")
        assert ready.json()["checks"]["worker"].startswith("0 of 1 processes run")
        assert (await metrics(world))["segue_process_up", "worker"] == 0
        await world.send_event(1, "long")
    await logged(world, "process.started_again")
    assert (await asked(world, "/readyz")).json() == {
        "status": "ready",
        "checks": dict.fromkeys(("database", "rulebook", "service", "web", "worker"), "ok"),
    }
    await world.until_settled()
    assert enrolled(await metrics(world)) == 1


async def begun(world: World, number: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter, bytes]:
    """Begin a delivery, and wait until the application asks for its body."""
    body = b'{"type": "long", "data": {"email": "begun%d@crash.example"}}' % number
    reader, writer = await asyncio.open_connection("127.0.0.1", world.port)
    lines = [f"{name}: {value}" for name, value in world.signed(body).items()]
    head = ["POST /webhooks/crm HTTP/1.1", "Host: x", f"Content-Length: {len(body)}", "Expect: 100-continue", *lines]
    writer.write("\r\n".join([*head, "", ""]).encode())
    assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 100")
    return reader, writer, body


async def test_a_stop_answers_what_is_under_way_and_all_that_was_answered_is_stored(world: World) -> None:
    await world.start("serve --processes 2")
    sending = asyncio.gather(*(world.send_event(number, "short") for number in range(40)))
    under_way = [await begun(world, number) for number in range(20)]
    await sending
    service = world.processes.pop()
    service.send(signal.SIGTERM)
    await service.wait_for("service.stopping")
    for _, writer, body in under_way:
        writer.write(body)
    answers = [await reader.read() for reader, _, _ in under_way]
    # A body that ends after its process has learnt of the stop is sent again; the other process may learn of it later.
    accepted = {number for number, answer in enumerate(answers) if answer.startswith(b"HTTP/1.1 200 OK")}
    others = [answer for number, answer in enumerate(answers) if number not in accepted]
    assert {answer.partition(b"\r\n")[0] for answer in others} == {b"HTTP/1.1 503 Service Unavailable"}
    assert all(b"\r\nretry-after: " in answer for answer in others)
    assert service.ended() == 0
    stored = {row[0] for row in await world.rows("SELECT email FROM enrollments")}
    assert stored == set(world.acknowledged) | {f"begun{number}@crash.example" for number in accepted}
    for _, writer, _ in under_way:
        writer.close()


async def test_sighup_reloads_once_and_every_process_takes_the_new_values_of_the_same_text(world: World) -> None:
    await world.start("serve --processes 2")
    service = world.processes[0]
    service.send(signal.SIGHUP)
    await logged(world, "rulebook.loaded", times=4)  # as it started, then each of its processes
    assert (await world.rows("SELECT count(*) FROM rulebooks"))[0][0] == 1
    rules_file(world).write_text(RULES + "# new\n")
    service.send(signal.SIGHUP)
    loaded = await logged(world, "rulebook.loaded", times=7)
    assert len({line["revision"] for line in loaded[-3:]}) == 1
    assert (await world.rows("SELECT count(*) FROM rulebooks"))[0][0] == 2


async def gone(pids: list[int]) -> bool:
    return [process_name(pid) for pid in pids] == [None] * len(pids)


@pytest.fixture
def data_dir() -> Iterator[Path]:
    """A short path, as a socket's must be, that the server's user may pass."""
    with tempfile.TemporaryDirectory(prefix="segue-", dir="/tmp", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)
        yield Path(folder) / "data"


async def test_the_processes_of_a_killed_parent_end_and_a_new_service_takes_their_place(data_dir: Path) -> None:
    async with private_world(data_dir) as world:
        await world.start("serve --processes 2")
        await world.send_event(1, "long")
        pids = [await pid_of(world, name) for name in ("web-1", "web-2", "worker")]
        parent = world.processes.pop()
        async with frozen(pids[-1]):  # it holds nothing, even where it cannot notice
            os.kill(parent.pid, signal.SIGKILL)
            await world.start("serve --processes 2")
            await world.send_event(2, "long")
            await world.until_settled()
        await world.until(partial(gone, pids), what="the processes of the killed service to end")
        assert (await asked(world, "/readyz")).json()["status"] == "ready"
        assert (await world.books()).doubled == []
        parent.end()
