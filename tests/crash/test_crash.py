"""kill -9, frozen workers, lost answers: 0 lost, 0 doubled, counted by what HubSpot received."""

from __future__ import annotations

import asyncio
import json
import signal
import tempfile
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

from app.clock import utc_now
from app.model import Secret, SourceConfig
from app.sources import PROVIDERS
from tests.crash.deaths import run, run_with_deaths
from tests.support.world import PARTS, World, private_world

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator


@pytest.fixture
async def world(database_url: str) -> AsyncIterator[World]:
    async with World(database_url) as world:
        yield world


async def test_five_kills_lose_no_person_and_double_none(world: World) -> None:
    books = await run(world, events=120, kills=5)
    assert len(books.acknowledged) == 120
    assert books.lost == []
    assert books.doubled == []
    assert books.pretended == []
    assert sum(world.kills.values()) == 5


@pytest.fixture
def data_dir() -> Iterator[Path]:
    """A short path, as a socket's must be, that the server's user may pass."""
    with tempfile.TemporaryDirectory(prefix="segue-", dir="/tmp", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)
        yield Path(folder) / "data"


async def test_a_private_database_that_dies_with_its_service_loses_no_event_and_starts_again(
    data_dir: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """`make crash` goes through all combinations; these are the ones in which a process outlives its server."""
    together = ({"service", "postmaster"}, {"postmaster"}, {"service", "backends"}, set(PARTS))
    async with private_world(data_dir) as world:
        books = await run_with_deaths(world, events=80, deaths=[frozenset(parts) for parts in together])
    assert len(books.acknowledged) == 80
    assert (books.lost, books.doubled, books.pretended) == ([], [], [])
    # `make crash` prints what the pool logs: the sessions from here end before their database.
    assert [record.getMessage() for record in caplog.records if record.name.startswith("sqlalchemy.pool")] == []


async def test_lost_answers_end_as_enrolled_or_parked_and_never_twice(database_url: str) -> None:
    # The lease outlasts the slowest machine: an answer is lost by a dropped connection here, never by a lease.
    async with World(database_url, lease=120.0) as world:
        await _lose_answers(world)


async def _lose_answers(world: World) -> None:
    await world.control("settings", {"per_10s": 5000, "one_step_seconds": 0.5, "property_lag": 0.3})
    await world.control(
        "faults",
        [
            {"kind": "drop_after", "probability": 0.15, "seed": 3},
            {"kind": "drop_before", "probability": 0.15, "seed": 3},
        ],
    )
    await world.start("serve", "worker")
    await asyncio.gather(*(world.send_event(number, "short" if number % 2 else "long") for number in range(200)))
    await world.until_settled()
    books = await world.books()
    dropped = [entry for entry in await world.control("ledger") if entry["outcome"] in {"drop_after", "drop_before"}]
    assert len(dropped) > 40
    assert books.lost == []
    assert books.doubled == []
    assert books.pretended == []
    assert set(books.parked) <= {entry["email"] for entry in dropped}
    assert len(books.parked) < len({entry["email"] for entry in dropped})


async def test_a_frozen_worker_that_wakes_writes_and_sends_nothing(world: World) -> None:
    await world.control("settings", {"per_10s": 5000, "delay_ms": {"read": 300}})
    await world.start("serve --no-worker", "worker")
    zombie = world.processes[1]
    await asyncio.gather(*(world.send_event(number, "long") for number in range(20)))

    async def in_hand() -> bool:
        held = await world.rows(
            "SELECT count(*) FROM enrollments WHERE state = 'working' AND step IN ('claimed', 'assigned')"
        )
        return bool(held[0][0] >= 10)

    await world.until(in_hand, what="the worker to have claimed")
    zombie.send(signal.SIGSTOP)
    await world.start("worker")
    await world.control("settings", {"delay_ms": {}})
    await world.until_settled()
    before = await world.rows("SELECT * FROM enrollments ORDER BY id")
    journal = await world.rows("SELECT count(*) FROM journal")
    zombie.send(signal.SIGCONT)

    async def dropped() -> bool:
        claimed, given_up = _in_hand(zombie.log())
        return bool(given_up) and claimed == given_up

    await world.until(dropped, what="the zombie to find its work gone")
    books = await world.books()
    assert books.doubled == []
    assert books.lost == []
    assert await world.rows("SELECT * FROM enrollments ORDER BY id") == before
    assert await world.rows("SELECT count(*) FROM journal") == journal


async def test_the_other_worker_takes_over_within_two_leases(database_url: str) -> None:
    async with World(database_url, lease=4.0) as world:
        await world.control("settings", {"per_10s": 5000, "delay_ms": {"upsert": 10_000}})
        await world.start("serve --no-worker", "worker", "worker")
        _, dying, other = world.processes
        other.send(signal.SIGSTOP)  # It is up before the first one claims: a start may take longer than a slow answer.
        await asyncio.gather(*(world.send_event(number, "long") for number in range(60)))

        async def holds_everything() -> bool:
            return len(await held_by(world, dying.pid)) == 60

        await world.until(holds_everything, what="the worker that will die to hold all work")
        other.send(signal.SIGCONT)
        await world.control("settings", {"delay_ms": {}})
        held = await held_by(world, dying.pid)
        dying.kill()
        world.processes.remove(dying)
        killed_at = (await world.rows("SELECT clock_timestamp()"))[0][0]
        await world.until_settled()
        taken = await world.rows("SELECT enrollment_id, at FROM journal WHERE cause = 'lease_expired'")
        books = await world.books()
    assert len(held) == 60
    assert held == {row[0] for row in taken}
    assert max(row[1] for row in taken) - killed_at < timedelta(seconds=2 * world.lease)
    assert books.lost == []
    assert books.doubled == []


def _in_hand(log: str) -> tuple[set[str], set[str]]:
    """Return what a worker's log says it began and did not bring to an end, and what it gave up as no longer its own.

    It learns that either by the fence, or because the database ended a session that had been frozen.
    """
    claimed: set[str] = set()
    given_up: set[str] = set()
    for line in log.splitlines():
        entry = json.loads(line) if line.endswith("}") else {}
        if entry.get("event") == "enrollment.step":
            change = claimed.add if entry["after"] == "working" else claimed.discard
            change(entry["enrollment_id"])
        elif entry.get("event") in {"enrollment.fence_lost", "enrollment.not_recorded"}:
            given_up.add(entry["enrollment_id"])
    return claimed, given_up


async def held_by(world: World, pid: int) -> set[str]:
    statement = "SELECT id FROM enrollments WHERE state = 'working' AND leased_by LIKE :worker"
    return {row[0] for row in await world.rows(statement, worker=f"%:{pid}:%")}


PORTAL = """
version: 1
accounts: {main: {token: "${SEGUE_HUBSPOT_TOKEN}"}}
sources: {portal: {provider: hubspot, secrets: ["portal-made-up"]}}
senders: {anna: {user_id: "7001", email: anna@acme.example}}
rules:
  - {id: made, source: portal, type: contact.creation, enroll: {sequence: "310001", sender: anna}}
"""


async def _ends_reported(world: World, contacts: list[str]) -> None:
    """HubSpot tells of new contacts, by their ids alone."""
    changes = [
        {"subscriptionType": "contact.creation", "objectId": int(contact), "eventId": number, "occurredAt": 0}
        for number, contact in enumerate(contacts)
    ]
    url = f"http://127.0.0.1:{world.port}/webhooks/portal"
    body, source = json.dumps(changes).encode(), SourceConfig("portal", "hubspot", (Secret("portal-made-up"),))
    headers = PROVIDERS["hubspot"].sign(body, source, utc_now(), method="POST", url=url)
    async with httpx.AsyncClient(trust_env=False) as client:
        assert (await client.post(url, content=body, headers=headers)).status_code == 200


async def _made(world: World, emails: list[str]) -> list[str]:
    """Create contacts in the sandbox; return their ids."""
    headers = {"authorization": "Bearer pat-sandbox"}
    async with httpx.AsyncClient(base_url=world.sandbox_url, headers=headers, trust_env=False) as client:
        inputs = [{"id": email, "idProperty": "email", "properties": {"email": email}} for email in emails]
        reply = await client.post("/crm/objects/2026-03/contacts/batch/upsert", json={"inputs": inputs})
    return [contact["id"] for contact in reply.json()["results"]]


async def test_thin_events_survive_the_death_of_who_asks_about_them(database_url: str) -> None:
    async with World(database_url) as world:
        await asyncio.to_thread(Path(world.environment["SEGUE_CONFIG"]).write_text, PORTAL)
        emails = [f"thin{number}@crash.example" for number in range(20)]
        await world.start("serve --no-worker")
        await _ends_reported(world, await _made(world, emails))

        async def asking() -> bool:
            return bool((await world.rows("SELECT count(*) FROM enrichments WHERE state = 'working'"))[0][0])

        async def decided() -> bool:
            return bool((await world.rows("SELECT count(*) FROM decisions"))[0][0] == len(emails))

        for _ in range(2):
            await world.control("settings", {"delay_ms": {"read": 400}})
            await world.start("worker")
            await world.until(asking, what="thin events to be asked about")
            world.processes.pop().kill()
        await world.control("settings", {"delay_ms": {}})
        await world.start("worker", "worker")
        await world.until(decided, what="every thin event to be decided")
        await world.until_settled()
        books = await world.books()
        assert sorted(books.reached) == sorted(emails)
        assert (books.doubled, books.pretended, books.parked) == ([], [], [])
        verdicts = await world.rows("SELECT verdict, count(*) FROM decisions GROUP BY 1")
        assert [tuple(row) for row in verdicts] == [("enroll", len(emails))]
