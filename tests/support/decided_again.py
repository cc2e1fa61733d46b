"""Events that are accepted, and decided again by rules that were mended, over a real PostgreSQL."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sqlalchemy import text

from app.clock import utc_now
from app.ids import Ids
from app.intake.decide import Decider
from app.intake.entries import IntakeRecord
from app.intake.group_commit import GroupCommit
from app.intake.wiring import open_redecider
from app.model import Delivery, Event
from app.observability.metrics import Metrics
from tests.support.rulebooks import book

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

    from app.intake.decided_again import DecidedAgain
    from app.intake.entries import Accepted
    from app.rules.rulebook import Rulebook

ADA = "ada@corp.example"
DEMO = """
  - id: demo
    source: crm
    type: [a, b]
    enroll: {sequence: "310001", sender: anna}
    dedupe: {intent: demo, for: 30d}
"""


@dataclass
class Desk:
    """Accepts events and decides them again. `mend` puts other rules in force."""

    engine: AsyncEngine
    rules: Rulebook = field(default_factory=lambda: book(DEMO))
    new_id: Ids = field(default_factory=Ids)

    def __post_init__(self) -> None:
        self.decider = Decider(new_id=self.new_id, hash_email=str, metrics=Metrics())
        self.redecider = open_redecider(self.engine, lambda: self.rules, hash_email=str, metrics=Metrics())

    def mend(self, rules: str) -> None:
        self.rules = book(rules)

    async def send(self, key: str = "1", *, email: str = ADA, kind: str = "a", **fields: Any) -> Accepted:
        """Send an event; one with the same key is sent again."""
        event = Event("crm", kind, (key,), id=key, email=email, **({"data": {"employees": 80}} | fields))
        delivery = Delivery(self.new_id("dlv"), "crm", utc_now(), "POST", "https://x.example/webhooks/crm", {}, b"{}")
        record = IntakeRecord(delivery, "json", (self.decider.decided(event, self.rules),))
        writer = GroupCommit(self.engine.url)
        writer.start()
        accepted = await writer.accept(record)
        await writer.close()
        return accepted

    async def accept(self, key: str = "1", **fields: Any) -> str:
        """Send a new event; return its id."""
        (event_id,) = (await self.send(key, **fields)).new
        return event_id

    async def decide(self, event_id: str, **options: Any) -> DecidedAgain:
        result = await self.redecider.event(event_id, by="api", **options)
        assert result is not None
        return result

    async def run(self, statement: str) -> list[Any]:
        async with self.engine.begin() as connection:
            result = await connection.execute(text(statement))
            return [tuple(row) for row in result] if result.returns_rows else []

    async def put(self, changes: str) -> None:
        """Put the latest enrollment into a state, as a worker leaves it."""
        await self.run(
            f"UPDATE enrollments SET {changes} WHERE id = (SELECT max(id) FROM enrollments)"  # noqa: S608  # ours
        )

    async def states(self) -> list[tuple[str, str | None]]:
        return [tuple(row) for row in await self.run("SELECT state, reason FROM enrollments ORDER BY id")]

    async def verdicts(self) -> list[str]:
        return [row[0] for row in await self.run("SELECT verdict FROM decisions ORDER BY decided_at, id")]
