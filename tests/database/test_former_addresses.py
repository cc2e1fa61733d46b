"""What was stored when addresses kept characters that are not seen, and domains followed IDNA 2003, goes on holding."""

from __future__ import annotations

from typing import TYPE_CHECKING

from alembic import command
from sqlalchemy import Connection, text

from app.database.engine import open_engine
from app.database.migrate import migrate
from app.database.upgrade import configuration
from app.people.eligibility_store import find_entries
from app.people.suppression import Kind, Suppression, read
from app.people.suppression_store import SuppressionStore
from tests.support.direct import direct

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

FORMER = """
    INSERT INTO suppressions (value, kind, fits, reason, created_at) VALUES
        (E'\\u200bada@corp.example', 'address', NULL, 'asked', clock_timestamp()),
        (E'\\u200bbob*@corp.example', 'pattern', E'\\u200bbob%@corp.example', NULL, clock_timestamp()),
        (E'cy\\u00ad@corp.example', 'address', NULL, 'late', clock_timestamp()),
        ('cy@corp.example', 'address', NULL, 'early', clock_timestamp())
"""
INTENTS = """
    INSERT INTO intents (account, intent, email, enrollment_id, until) VALUES
        ('main', 'demo', E'\\u200bada@corp.example', 'e1', '2026-12-01Z'),
        ('main', 'demo', E'ada\\u200b@corp.example', 'e2', '2026-12-24Z'),
        ('main', 'demo', 'ada@corp.example', 'e3', '2026-12-10Z'),
        ('main', 'demo', 'bob@corp.example', 'e4', '2026-12-10Z')
"""


def _to_the_first_schema(connection: Connection) -> None:
    config = configuration()
    config.attributes["connection"] = connection
    command.upgrade(config, "0021")


async def test_entries_and_intents_with_what_is_not_seen_hold_the_same_people_after_the_migration(
    empty_database: str,
) -> None:
    engine = open_engine(empty_database)
    async with engine.begin() as connection:
        await connection.run_sync(_to_the_first_schema)
        await connection.execute(text(FORMER))
        await connection.execute(text(INTENTS))
    await migrate(engine.url)
    async with engine.connect() as connection:
        kept = await connection.execute(text("SELECT value, fits, reason FROM suppressions ORDER BY value"))
        held = await connection.execute(text("SELECT enrollment_id FROM intents WHERE email ~ '^[a-z@.]+$' ORDER BY 1"))
        assert [tuple(row) for row in kept] == [
            ("ada@corp.example", None, "asked"),
            ("bob*@corp.example", "bob%@corp.example", None),
            ("cy@corp.example", None, "early"),
        ]
        assert list(held.scalars()) == ["e2", "e4"]
    await engine.dispose()


async def entry_of(engine: AsyncEngine, email: str) -> Suppression | None:
    """Return the entry that holds an address."""
    return (await find_entries(direct(engine), [email])).get(email)


async def test_entries_of_idna_2003_go_on_holding_the_domain_that_they_were_written_for(engine: AsyncEngine) -> None:
    store = SuppressionStore(engine)
    await store.add(read("strasse.example"), None)
    await store.add(read("*@weiss.example"), None)
    assert await entry_of(engine, "x@xn--strae-oqa.example") == Suppression(Kind.DOMAIN, "strasse.example")
    assert await entry_of(engine, "x@xn--wei-7ka.example") == Suppression(Kind.PATTERN, "*@weiss.example")
    assert await entry_of(engine, "x@xn--bcher-kva.example") is None


async def test_an_address_that_was_stored_with_what_is_not_seen_is_still_suppressed(engine: AsyncEngine) -> None:
    store = SuppressionStore(engine)
    await store.add(read("sup@corp.example"), None)
    assert await entry_of(engine, "\u200bsup@corp.example") == Suppression(Kind.ADDRESS, "sup@corp.example")
