"""The made-up week through the real road of a delivery: signed, proved, read, decided, stored; at other times."""

from __future__ import annotations

import asyncio
import random
from datetime import timedelta
from typing import TYPE_CHECKING

import orjson
from sqlalchemy import text

from app.ids import Ids
from app.intake.decide import Decider
from app.intake.entries import IntakeRecord
from app.intake.group_commit import GroupCommit
from app.model import Delivery
from app.observability.metrics import Metrics
from app.rules.match import heard
from app.sources import PROVIDERS
from app.sources.encodings import events_of, proved, readable
from app.sources.normalised import normalised

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncEngine

    from app.rules.rulebook import Rulebook
    from tests.support.console_data.week import Happening

SEED = 23
BODY_BYTES = 1024 * 1024
PUBLIC = "https://segue.acme.example/webhooks"
# The store writes its own time, which is that of the pictures' making, and not of the story.
AT_THEIR_TIME = (
    "UPDATE events SET received_at = deliveries.received_at FROM deliveries WHERE deliveries.id = delivery_id",
    "UPDATE event_keys SET seen_at = events.received_at FROM events WHERE events.id = event_id",
    "UPDATE decisions SET decided_at = events.received_at + interval '8 ms' FROM events WHERE events.id = event_id",
    """UPDATE enrollments SET created_at = received_at + interval '11 ms', updated_at = received_at + interval '11 ms',
       heard_at = received_at, due_at = received_at""",
    """UPDATE journal SET at = enrollments.received_at + interval '11 ms' FROM enrollments
       WHERE enrollments.id = enrollment_id""",
    """UPDATE intents SET until = intents.until - (statement_timestamp() - enrollments.received_at) FROM enrollments
       WHERE enrollments.id = enrollment_id""",
)


def records(week: list[Happening], book: Rulebook, now: datetime) -> list[IntakeRecord]:
    """Return what intake writes for each delivery, with ids of its time."""
    clock = [now]
    ids = Ids(
        lambda: int(clock[0].timestamp() * 1000),
        random.Random(SEED).getrandbits,  # noqa: S311  # the same each time
    )
    decider = Decider(new_id=ids, hash_email=str, metrics=Metrics())
    made = []
    for happening in week:
        clock[0] = now - timedelta(minutes=happening.minutes)
        made.append(_record(happening, book, ids("dlv"), clock[0], decider))
    return made


def _record(happening: Happening, book: Rulebook, id_: str, at: datetime, decider: Decider) -> IntakeRecord:
    source = book.sources[happening.source]
    provider, raw, url = PROVIDERS[source.provider], orjson.dumps(happening.body), f"{PUBLIC}/{source.name}"
    headers = {**provider.sign(raw, source, at, method="POST", url=url), "content-type": "application/json"}
    sent = Delivery(id_, source.name, at, "POST", url, {name.lower(): one for name, one in headers.items()}, raw)
    delivery = provider.stored(proved(sent, source, provider, maximum=BODY_BYTES)[0], source)
    events = events_of(provider, readable(delivery, maximum=BODY_BYTES), source, hears=None)
    complete = [normalised(event, source, delivery.headers, at) for event in events if heard(event, book)]
    return IntakeRecord(delivery, source.provider, tuple(decider.decided(event, book) for event in complete))


async def store(engine: AsyncEngine, made: list[IntakeRecord]) -> None:
    """Write the records, each at its time."""
    commit = GroupCommit(engine.url)
    commit.start()
    await asyncio.gather(*(commit.accept(record) for record in made if record.events))
    await commit.close()
    async with engine.begin() as connection:
        for statement in AT_THEIR_TIME:
            await connection.execute(text(statement))
