"""Many at once, by the worker's own loops: how many calls each enrollment costs, and that no window is exceeded."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx
from sqlalchemy import text

from app.enrollments.worker import Worker, WorkerLimits
from app.intake.group_commit import GroupCommit
from app.rules.file.documents import Document
from app.rules.load import load
from app.sandbox.app import create_app
from app.sandbox.state.settings import Settings
from tests.support.road import open_road

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

    from app.enrollments.outcome import Transition
    from app.sandbox.state.account import Account
    from tests.support.road import Road

BULK = 300
TOGETHER = 100  # what one claim takes, and what one call carries
# The window is as full as HubSpot's smallest and much shorter: the bulk fills it several times over within seconds.
WINDOW, WINDOW_MS = 100, 1000
RULES = """version: 1
accounts: {main: {token: pat-sandbox}}
senders: {anna: {user_id: "7001", email: anna@acme.example}}
"""
BOOK = load((Document("rules.yaml", RULES),), environment={}, providers={})
NOT_CONFIRMED = "SELECT count(*) FROM enrollments WHERE confirm_at IS NOT NULL"


class Progress:
    """How often each step was taken, and whether all are enrolled."""

    def __init__(self) -> None:
        self.causes: Counter[str] = Counter()
        self.all_enrolled = asyncio.Event()

    def observe(self, step: Transition) -> None:
        self.causes[step.change.cause] += 1
        if self.causes["enrolled"] == BULK:
            self.all_enrolled.set()


@dataclass
class SlowEnough(httpx.AsyncBaseTransport):
    """The sandbox; it answers a call about contacts after as many turns of the event loop as a claim needs to come.

    HubSpot's answers take about as long. An answer after so many milliseconds would find as much company waiting as
    this machine has made ready by then, and that says nothing of the code.
    """

    sandbox: httpx.AsyncBaseTransport

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if "/contacts/batch/" in request.url.path:
            for _ in range(3 * TOGETHER):
                await asyncio.sleep(0)
        return await self.sandbox.handle_async_request(request)


async def test_a_bulk_costs_one_call_each_and_a_few_for_a_hundred_and_meets_no_limit(
    engine: AsyncEngine, make_entry: Any
) -> None:
    app = create_app(Settings(per_10s=WINDOW, window_ms=WINDOW_MS))
    state: Account = app.state.sandbox
    emails = [f"person{number}@bulk.example" for number in range(BULK)]
    await accept(engine, [make_entry(email, email) for email in emails])
    progress = Progress()
    async with open_road(
        engine,
        "http://sandbox.test",
        book=BOOK,
        transport=SlowEnough(httpx.ASGITransport(app)),
        window_ms=WINDOW_MS,
        confirm_seconds=3600.0,
        observe=progress.observe,
    ) as road:
        await enroll_all(road, progress)
        await confirm_all(road)

    assert state.window.refused == 0
    assert Counter(entry.email for entry in state.ledger.entries) == dict.fromkeys(emails, 1)
    calls = Counter(record.route.rpartition("/")[2] for record in road.calls)
    assert calls.keys() == {"enrollments", "upsert", "read", "contacts"}
    assert (calls["enrollments"], calls["contacts"]) == (BULK, 1)  # the latter are the definitions of properties
    # Of each hundred, the first may set out with few, and the others travel in the next call: at most two calls write
    # the contacts, and two read their baselines. Once more the hundred is read, together, to confirm it.
    # An enrollment that was not sent while its permit was fresh comes once more, maybe alone.
    assert calls.total() <= BULK * 1.05 + 2 * progress.causes["retry"]


async def accept(engine: AsyncEngine, entries: list[Any]) -> None:
    writer = GroupCommit(engine.url)
    writer.start()
    await asyncio.gather(*(writer.accept(entry) for entry in entries))
    await writer.close()


async def enroll_all(road: Road, progress: Progress) -> None:
    worker = Worker(
        road.enrollments,
        road.enroller,
        road.settler,
        road.confirmer,
        limits=WorkerLimits(capacity=2 * TOGETHER, claim_at_once=TOGETHER),
        observe_expired=lambda _: None,
    )
    worker.start()
    async with asyncio.timeout(300):
        await progress.all_enrolled.wait()
    await worker.stop(drain_seconds=10.0)


async def confirm_all(road: Road) -> None:
    """Read all of them back, as if the time for it had come."""
    await road.run("UPDATE enrollments SET confirm_at = clock_timestamp()")
    while await count(road.engine, NOT_CONFIRMED):
        await road.confirmer.confirm()
    assert road.confirmations == ["seen"] * BULK


async def count(engine: AsyncEngine, statement: str) -> int:
    async with engine.connect() as connection:
        return int((await connection.execute(text(statement))).scalar_one())
