"""One way to open connections: what operators write in the URL means what libpq says it means."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import make_url, text

from app.database.direct import DirectConnection
from app.database.engine import connect, open_engine, require_server
from app.errors import StartError

if TYPE_CHECKING:
    from tests.support.postgres import Databases

APPLICATION = text("SELECT current_setting('application_name')")


async def test_words_of_libpq_in_the_url_are_understood_by_every_connection(database_url: str) -> None:
    url = make_url(database_url).update_query_dict({"sslmode": "disable", "application_name": "mine"})
    engine = open_engine(url)
    async with engine.connect() as connection:
        assert (await connection.execute(APPLICATION)).scalar_one() == "mine"
    await engine.dispose()
    direct = DirectConnection(engine.url)
    assert [tuple(row) for row in await direct.fetch(APPLICATION, {})] == [("mine",)]
    await direct.close()


async def test_connections_name_themselves_where_the_url_does_not(database_url: str) -> None:
    engine = open_engine(database_url)
    async with engine.connect() as connection:
        assert (await connection.execute(APPLICATION)).scalar_one() == "segue"
    await engine.dispose()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"database": "nowhere"}, 'database "nowhere" does not exist'),
        ({"username": "nobody"}, 'role "nobody" does not exist'),
        ({"host": "127.0.0.1", "port": 1, "query": {}}, "Connect call failed"),
        ({"query": {"host": "/nonexistent"}}, "No such file or directory"),
    ],
)
async def test_a_database_that_cannot_be_used_is_one_message(
    postgres: Databases, changes: dict[str, object], message: str
) -> None:
    engine = open_engine(make_url(postgres.url).set(**changes))  # type: ignore[arg-type]
    with pytest.raises(StartError, match="SEGUE_DATABASE_URL: cannot use the database at") as refused:
        await require_server(engine)
    assert message in str(refused.value)
    assert "check that PostgreSQL runs there" in str(refused.value)
    await engine.dispose()


async def test_an_unknown_word_is_one_message(postgres: Databases) -> None:
    engine = open_engine(make_url(postgres.url).update_query_dict({"sslmode": "perhaps"}))
    with pytest.raises(StartError, match="sslmode"):
        await require_server(engine)
    await engine.dispose()


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("bytea", [b"\x00", b""]),
        ("integer", [1, None, -2]),
        ("bigint", [2**40, -1]),
        ("double precision", [0.5, -1e300]),
        ("name", ["segue"]),
        ("timestamptz", [datetime(2026, 11, 29, tzinfo=UTC)]),
        ("interval", [timedelta(days=3, seconds=1)]),
    ],
)
async def test_arrays_come_back_as_they_went_without_a_question_about_their_type(
    database_url: str, kind: str, values: list[object]
) -> None:
    connection = await connect(make_url(database_url))
    asked = list[str]()
    connection.add_query_logger(lambda record: asked.append(record.query))
    assert await connection.fetchval(query := f"SELECT CAST($1 AS {kind}[])", values) == values
    await connection.close()
    assert asked == [query]
