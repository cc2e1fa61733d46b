"""Writes the made-up week into a migrated database."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import orjson
from sqlalchemy import text

from app.database.engine import open_engine
from app.settings import load_settings
from app.tallies.wiring import open_recount
from tests.support.console_data.beside import fill_beside
from tests.support.console_data.intake import records, store
from tests.support.console_data.outcomes import USERS, Line, Outcome
from tests.support.console_data.rules import RULES, SECRETS
from tests.support.console_data.week import week
from tests.support.direct import close_direct
from tests.support.rulebooks import loaded

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

JOURNAL = text("""
    INSERT INTO journal (enrollment_id, at, before, after, step, attempt, cause, detail)
    VALUES (:id, :at, :before, :after, :step, 1, :cause, :detail)
""")


async def fill(database_url: str, now: datetime) -> None:
    """Fill the database with what happened in the seven days before `now`."""
    engine = open_engine(database_url, pool_size=2)
    book = loaded(RULES, SEGUE_HUBSPOT_TOKEN="pat-sandbox", **SECRETS)
    happened = week(now)
    made = records(happened, book, now)
    await store(engine, made)
    async with engine.begin() as connection:
        lines: list[dict[str, Any]] = []
        for happening, record in zip(happened, made, strict=True):
            if happening.outcome is not None:
                found = (await connection.execute(FIND, {"delivery": record.delivery.id})).one_or_none()
                if found is not None:
                    await _end(connection, found.id, found.received_at, happening.outcome)
                    lines += [_line(found.id, found.received_at, line) for line in happening.outcome.lines]
        await connection.execute(JOURNAL, sorted(lines, key=lambda line: line["at"]))
        await fill_beside(connection, book, now)
    await _count(engine, now)
    await close_direct(engine)
    await engine.dispose()


async def _count(engine: AsyncEngine, now: datetime) -> None:
    """Count the hours of the week, as the service does."""
    recount = open_recount(engine, "made-up", history_days=load_settings({}).history_days)
    await recount.store.ask_rebuild(now - timedelta(days=8))
    await recount.rebuilt()


FIND = text("SELECT id, received_at FROM enrollments WHERE delivery_id = :delivery ORDER BY id LIMIT 1")


JSON = "CAST(CAST(:assignment AS text) AS jsonb)"


def _assignment(sender: str) -> str:
    """Return what was considered when a sender was chosen."""
    other = {"sender": "contact-owner", "chosen": False, "because": "the contact has no owner"}
    chosen = {"sender": sender, "chosen": True, "because": "has most left of its 24 hours"}
    return orjson.dumps([other, chosen]).decode()


async def _end(connection: AsyncConnection, id_: str, received_at: datetime, outcome: Outcome) -> None:
    """Let an enrollment stand as its outcome says."""
    last = max((line.minutes for line in outcome.lines), default=0.0)
    values = {
        "state": outcome.state,
        "reason": outcome.reason,
        "detail": outcome.detail,
        "sender": outcome.sender,
        "sender_user_id": USERS.get(outcome.sender or ""),
        "sender_email": f"{outcome.sender}@acme.example" if outcome.sender else None,
        "attempt": 1,
        "assignment": _assignment(outcome.sender) if outcome.sender else None,
        "hubspot_enrollment_id": str(5550000 + int(id_[-4:], 16)) if outcome.state == "enrolled" else None,
        "contact_id": str(30000 + int(id_[-4:], 16)) if outcome.sender else None,
        "updated_at": received_at + timedelta(minutes=last),
        "due_at": received_at + timedelta(minutes=outcome.due),
        **outcome.columns,
        **{name: received_at + timedelta(minutes=minutes) for name, minutes in outcome.times.items()},
    }
    if outcome.state == "enrolled" and "ended" not in values:
        values["follow_at"] = received_at + timedelta(days=90)
    assignments = ", ".join(f"{name} = {JSON if name == 'assignment' else f':{name}'}" for name in values)
    await connection.execute(text(f"UPDATE enrollments SET {assignments} WHERE id = :id"), values | {"id": id_})  # noqa: S608  # our own columns


def _line(id_: str, received_at: datetime, line: Line) -> dict[str, Any]:
    return {
        "id": id_,
        "at": received_at + timedelta(minutes=line.minutes),
        "before": line.before,
        "after": line.after,
        "step": line.step,
        "cause": line.cause,
        "detail": line.detail,
    }
