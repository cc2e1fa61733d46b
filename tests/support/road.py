"""The road from the commit to HubSpot, one step at a time, against the sandbox behind a real socket."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import httpx
import pytest
from sqlalchemy import text

from app.clock import utc_now
from app.database.restores import Restores
from app.enrollments.actions import Tools
from app.enrollments.claim_store import Looks
from app.enrollments.confirm import Confirmer
from app.enrollments.contact import ContactWriter
from app.enrollments.eligibility import Eligibility
from app.enrollments.enroll import Enroller
from app.enrollments.first_look import FirstLook
from app.enrollments.fitting import PropertyFitter
from app.enrollments.outcome import Patience, Transition
from app.enrollments.prepare import Preparer
from app.enrollments.record import Recorder
from app.enrollments.restore_store import RestoreStore
from app.enrollments.settle import Settler
from app.enrollments.store import EnrollmentStore
from app.enrollments.unenroll import Unenroller
from app.hubspot.batched import BatchedHubSpot
from app.hubspot.client import CallRecord, HubSpotClient
from app.hubspot.owners import Owners
from app.hubspot.properties import PropertyDefinitions
from app.hubspot.rate_limit_store import StoredRateLimit
from app.intake.group_commit import GroupCommit
from app.rules.file.documents import Document
from app.rules.load import load
from app.senders.assign import Senders
from app.senders.blame import Blame
from app.senders.store import Assignments
from app.tls import tls_context
from tests.support.direct import direct

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from datetime import datetime, timedelta

    from sqlalchemy.ext.asyncio import AsyncEngine

    from app.hubspot.rate_limit import Permit
    from app.intake.entries import IntakeRecord
    from app.model import DroppedProperty
    from app.rules.rulebook import Rulebook

# What happens while a prepared enrollment waits for its turn to be sent, each once.
Meanwhile = list[Callable[[], Awaitable[object]]]
ONE_STEP = "310003"
RULES = """version: 1
accounts:
  main: {token: pat-sandbox, per_person: {enrollments: 2, per: 30d}, unenroll: {property: segue_unenroll}}
suppress: [rules.example]
senders:
  anna: {user_id: "7001", email: anna@acme.example, daily: 3, timezone: Europe/Berlin}
  ben: {user_id: "7002", email: ben@acme.example, daily: 2}
  bea: {user_id: "7002", email: ben@acme.example, daily: 3}
  dan: {user_id: "7004", email: dan@acme.example}
  fay: {user_id: "7006", email: fay@acme.example}
pools:
  turns: {pick: round-robin, senders: [anna, ben], sticky: none}
  left: {senders: [anna, ben], sticky: none}
  even: {senders: [anna, bea], sticky: none}
  own: {senders: [anna, ben]}
  firm: {senders: [anna, ben], sticky: company}
  drawn: {pick: weighted, senders: {dan: 3, fay: 1}, sticky: none}
  broken: {pick: round-robin, senders: [dan], sticky: none}
"""
BOOK = load((Document("rules.yaml", RULES),), environment={}, providers={})


@dataclass
class Road:
    """The road from the commit to HubSpot, without the worker's loops: each test takes the steps itself."""

    engine: AsyncEngine
    enrollments: EnrollmentStore
    enroller: Enroller
    settler: Settler
    confirmer: Confirmer
    url: str
    transitions: list[Transition]
    books: list[Rulebook]
    owners: Owners
    confirmations: list[str] = field(default_factory=list)
    moments: list[datetime] = field(default_factory=list)
    meanwhile: Meanwhile = field(default_factory=list)
    calls: list[CallRecord] = field(default_factory=list)
    dropped: list[DroppedProperty] = field(default_factory=list)
    elapsed: list[float] = field(default_factory=list)  # by which definitions of properties are old
    clocks: list[ZoneInfo] = field(default_factory=list)  # the account's

    def at(self, moment: datetime) -> None:
        """Set the worker's clock; the database has its own."""
        self.moments[:] = [moment]

    async def accept(self, entry: IntakeRecord) -> None:
        writer = GroupCommit(self.engine.url)
        writer.start()
        await writer.accept(entry)
        await writer.close()

    async def enroll(self) -> tuple[str, str | None]:
        """Take the one that is ready to its outcome; return its state and reason."""
        (claimed,) = await self.enrollments.claim_ready(10)
        await self.enroller.enroll(claimed)
        return await self.state()

    async def settle(self) -> tuple[str, str | None]:
        """Read the uncertain one once, as if its time had come."""
        await self.run("UPDATE enrollments SET due_at = clock_timestamp() WHERE state = 'uncertain'")
        (claimed,) = await self.enrollments.claim_uncertain(10)
        await self.settler.settle(claimed)
        return await self.state()

    async def state(self) -> tuple[str, str | None]:
        ((state, reason),) = await self.run("SELECT state, reason FROM enrollments")
        return state, reason

    async def run(self, statement: str) -> list[Any]:
        async with self.engine.begin() as connection:
            result = await connection.execute(text(statement))
            return [tuple(row) for row in result] if result.returns_rows else []

    async def fill(self, sender: str, *ago: timedelta) -> None:
        """Take places of this sender's inbox, so long ago, by enrollments that are gone."""
        for number, one in enumerate(ago):
            await self.run(
                f"INSERT INTO sender_reservations VALUES ('{sender}{number}', 'main', '{sender}@acme.example',"  # noqa: S608  # ours
                f" clock_timestamp() - interval '{one.total_seconds()} seconds')"
            )

    async def control(self, path: str, body: Any = None) -> Any:
        async with httpx.AsyncClient(base_url=self.url, trust_env=False, verify=tls_context()) as client:
            url = f"/_sandbox/{path}"
            reply = await (client.get(url) if body is None else client.post(url, json=body))
            reply.raise_for_status()
            return reply.json()

    async def write(self, email: str, **properties: str) -> None:
        """Change a contact, as a user of HubSpot does."""
        await self.write_all([email], **properties)

    async def write_all(self, emails: Sequence[str], **properties: str) -> None:
        """Change contacts alike, at most 100 of them, in one request."""
        body = {"inputs": [{"id": email, "idProperty": "email", "properties": properties} for email in emails]}
        headers = {"authorization": "Bearer pat-sandbox"}
        async with httpx.AsyncClient(
            base_url=self.url, headers=headers, trust_env=False, verify=tls_context()
        ) as client:
            reply = await client.post("/crm/objects/2026-03/contacts/batch/upsert", json=body)
            reply.raise_for_status()

    async def fault(self, **fault: Any) -> None:
        await self.control("faults", [fault] if fault else [])


class InterruptedRateLimit:
    """The rate limit; it lets something happen before a prepared enrollment may be sent."""

    def __init__(self, rate_limit: StoredRateLimit, transitions: list[Transition], meanwhile: Meanwhile) -> None:
        self._rate_limit = rate_limit
        self._transitions = transitions
        self._meanwhile = meanwhile
        self.adopt_limit = rate_limit.adopt_limit
        self.throttled = rate_limit.throttled

    async def acquire(self, kind: str = "general", *, again: bool = False) -> Permit:
        while self._meanwhile and self._transitions[-1].change.cause == "prepared":
            await self._meanwhile.pop(0)()
        return await self._rate_limit.acquire(kind, again=again)


@pytest.fixture
async def road(engine: AsyncEngine, sandbox_url: str) -> AsyncIterator[Road]:
    async with open_road(engine, sandbox_url) as road:
        yield road


@asynccontextmanager
async def open_road(
    engine: AsyncEngine,
    url: str,
    *,
    book: Rulebook = BOOK,
    transport: httpx.AsyncBaseTransport | None = None,
    window_ms: int = 10_000,
    confirm_seconds: float = -60.0,
    observe: Callable[[Transition], None] = lambda _: None,
) -> AsyncIterator[Road]:
    """Put a road together. `transport` replaces the network to `url`, `observe` receives every step."""
    rate_limit = StoredRateLimit(direct(engine), account="main", cap=None, headroom=0.05, window_ms=window_ms)
    calls: list[CallRecord] = []
    dropped: list[DroppedProperty] = []
    transitions: list[Transition] = []
    confirmations: list[str] = []
    books = [book]
    moments: list[datetime] = []
    meanwhile: Meanwhile = []
    elapsed, clocks = [0.0], [ZoneInfo("UTC")]
    interrupted = InterruptedRateLimit(rate_limit, transitions, meanwhile)

    def now() -> datetime:
        return moments[0] if moments else utc_now()

    def note(step: Transition) -> None:
        transitions.append(step)
        observe(step)

    async with (
        aclosing(
            HubSpotClient(
                "main", "pat-sandbox", rate_limit=interrupted, observe=calls.append, base_url=url, transport=transport
            )
        ) as client,
        aclosing(BatchedHubSpot(client)) as hubspot,
    ):
        owners = Owners(client, on_refresh=lambda: None)
        eligibility = Eligibility(direct(engine), lambda: book)
        senders = Senders(Assignments(direct(engine)), owners, rulebook=lambda: book, now=now)
        records = RestoreStore(direct(engine), Restores(fresh_seconds=0.0))
        first_look = FirstLook(eligibility, senders, gaps=records.gaps)
        enrollments = EnrollmentStore(
            direct(engine),
            account="main",
            worker="w1",
            lease=15.0,
            looks=Looks(first_look.look, eligibility, notice=records.notice),
        )
        patience = Patience(settle_seconds=90.0, confirm_seconds=confirm_seconds)
        recorder = Recorder(enrollments, patience, now=now, random=lambda: 0.5, observe=note)
        unenroller = Unenroller(enrollments, hubspot, lambda: books[-1], now)
        fitter = PropertyFitter(PropertyDefinitions(client, now=lambda: elapsed[-1]), lambda: clocks[-1])
        preparer = Preparer(
            enrollments,
            ContactWriter(enrollments, hubspot, fitter, lambda _, one: dropped.append(one)),
            first_look,
            unenroller,
            recorder,
            records.sent,
        )
        tools = Tools(enrollments, hubspot, client, preparer, unenroller)
        enroller = Enroller(enrollments, hubspot, preparer, tools, recorder, Blame(client, lambda: book))
        settler = Settler(hubspot, recorder)
        confirmer = Confirmer(enrollments, hubspot, confirmations.append)
        seen = (transitions, books, owners, confirmations, moments, meanwhile, calls, dropped, elapsed, clocks)
        yield Road(engine, enrollments, enroller, settler, confirmer, url, *seen)
    await rate_limit.close()
