from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from alembic import command
from sqlalchemy import Connection, text

from app.database.engine import open_engine, require_server
from app.database.migrate import configuration, head, migrate, require_migrated
from app.errors import StartError
from app.intake.group_commit import GroupCommit
from app.people.suppression import Kind, Suppression
from app.people.suppression_store import SuppressionStore

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine


async def test_the_migrations_make_exactly_the_schema(engine: AsyncEngine) -> None:
    def check(connection: Connection) -> None:
        config = configuration()
        config.attributes["connection"] = connection
        command.check(config)

    async with engine.connect() as connection:
        await connection.run_sync(check)


async def test_replicas_that_start_together_migrate_once(empty_database: str) -> None:
    engines = [open_engine(empty_database) for _ in range(4)]
    with pytest.raises(StartError, match="segue migrate"):
        await require_migrated(engines[0])
    assert await asyncio.gather(*(migrate(engine.url) for engine in engines)) == [head()] * 4
    await require_migrated(engines[0])
    for engine in engines:
        await engine.dispose()


async def test_a_database_of_a_newer_version_is_refused(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        await connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(StartError, match="newer version"):
        await migrate(engine.url)
    with pytest.raises(StartError, match="9999"):
        await require_migrated(engine)


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("postgresql+asyncpg://segue@127.0.0.1:1/segue", "127.0.0.1:1"),
        ("postgresql+asyncpg://segue:hunter2@127.0.0.1:1/segue", "segue:\\*\\*\\*@127.0.0.1"),
    ],
)
async def test_an_unreachable_database_is_named_without_its_password(url: str, told: str) -> None:
    engine = open_engine(url)
    with pytest.raises(StartError, match=told) as error:
        await require_server(engine)
    assert "hunter2" not in str(error.value)
    await engine.dispose()


async def test_accounts_that_were_connected_before_are_known_by_their_portal(engine: AsyncEngine) -> None:
    connected = """
        INSERT INTO oauth_grants (account, hub_id, scopes, access_token, refresh_token, expires_in, expires_at, state,
                                  version, updated_at)
        VALUES ('emea', '4567', '{}', '', '', 1800, now(), 'active', 1, now())
    """

    def there_and_back(connection: Connection) -> None:
        config = configuration()
        config.attributes["connection"] = connection
        command.downgrade(config, "0013")
        connection.execute(text(connected))
        command.upgrade(config, "head")

    async with engine.begin() as connection:
        await connection.run_sync(there_and_back)
        rows = await connection.execute(text("SELECT account, portal_id, timezone FROM hubspot_accounts"))
        assert [tuple(row) for row in rows] == [("emea", "4567", None)]


async def test_what_was_enrolled_before_it_could_be_followed_is_followed(engine: AsyncEngine, make_entry: Any) -> None:
    writer = GroupCommit(engine.url)
    writer.start()
    for number in range(3):
        await writer.accept(make_entry(f"e{number}", f"p{number}@corp.example"))
    await writer.close()
    enrolled = "UPDATE enrollments SET state = 'enrolled', contact_id = '501' WHERE email <> 'p0@corp.example'"

    def there_and_back(connection: Connection) -> None:
        config = configuration()
        config.attributes["connection"] = connection
        command.downgrade(config, "0009")
        connection.execute(text(enrolled))
        command.upgrade(config, "head")

    async with engine.begin() as connection:
        await connection.run_sync(there_and_back)
        due = "SELECT email, follow_at < now() + interval '1 hour 1 minute' FROM enrollments ORDER BY email"
        rows = [tuple(row) for row in await connection.execute(text(due))]
    assert rows == [("p0@corp.example", None), ("p1@corp.example", True), ("p2@corp.example", True)]


async def test_patterns_that_held_nobody_for_their_form_hold_from_now_on(engine: AsyncEngine) -> None:
    kept = {
        "*@b\u00fccher.example": "%@b\u00fccher.example",
        "*@*.b\u00fccher.example": "%@%.b\u00fccher.example",
        "*@*.xn--bcher-kva.example": "%@%.xn--bcher-kva.example",
        "re\u0301ne\u0301_*@corp.example": "re\u0301ne\u0301\\_%@corp.example",
        "*@b\u00fc*.example": "%@b\u00fc%.example",
        "*+test@*": "%+test@%",
    }
    add = text(
        "INSERT INTO suppressions (kind, value, fits, reason, created_at) "
        "VALUES ('pattern', :value, :fits, :value, now())"
    )

    def there_and_back(connection: Connection) -> None:
        config = configuration()
        config.attributes["connection"] = connection
        command.downgrade(config, "0013")
        for value, fits in kept.items():
            connection.execute(add, {"value": value, "fits": fits})
        command.upgrade(config, "head")

    async with engine.begin() as connection:
        await connection.run_sync(there_and_back)
        rows = [tuple(row) for row in await connection.execute(text("SELECT value, fits, reason FROM suppressions"))]
    assert sorted(rows) == [
        ("*+test@*", "%+test@%", "*+test@*"),
        ("*@*.xn--bcher-kva.example", "%@%.xn--bcher-kva.example", "*@*.xn--bcher-kva.example"),
        ("*@b\u00fc*.example", "%@b\u00fc%.example", "*@b\u00fc*.example"),
        ("*@xn--bcher-kva.example", "%@xn--bcher-kva.example", "*@b\u00fccher.example"),
        ("r\u00e9n\u00e9_*@corp.example", "r\u00e9n\u00e9\\_%@corp.example", "re\u0301ne\u0301_*@corp.example"),
    ]
    books = SuppressionStore(engine)
    assert await books.find("a@xn--bcher-kva.example") == Suppression(Kind.PATTERN, "*@xn--bcher-kva.example")
    assert await books.find("r\u00e9n\u00e9_1@corp.example") is not None


async def test_how_endpoints_answered_is_kept_with_their_url_and_secrets(engine: AsyncEngine) -> None:
    add = "INSERT INTO outbound_endpoints (endpoint, fingerprint, failures, last_error_at) VALUES "

    def there_and_back(connection: Connection) -> list[tuple[Any, ...]]:
        config = configuration()
        config.attributes["connection"] = connection
        connection.execute(text(f"{add} ('crm', 'a', 1, now()), ('crm', 'b', 2, now() - interval '1 day')"))
        connection.execute(text(f"{add} ('crm', 'c', 3, NULL), ('lake', 'a', 4, NULL), ('lake', 'b', 5, NULL)"))
        command.downgrade(config, "0016")
        told = "SELECT endpoint, fingerprint, failures FROM outbound_endpoints ORDER BY endpoint"
        before = [tuple(row) for row in connection.execute(text(told))]
        command.upgrade(config, "head")
        assert [tuple(row) for row in connection.execute(text(told))] == before
        return before

    async with engine.begin() as connection:
        assert await connection.run_sync(there_and_back) == [("crm", "a", 1), ("lake", "b", 5)]
