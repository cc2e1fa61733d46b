from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import make_url, text

from app.database.engine import connect, open_engine
from tests.bench.console import Measured, judge, looks
from tests.bench.console_fill import contents, fill
from tests.bench.console_plans import Asked, Plan, literal, noted, planned
from tests.bench.results import Results

EVENTS, DAYS = 2000, 1


async def test_every_page_is_asked_of_a_database_that_is_filled(database_url: str) -> None:
    url = make_url(database_url)
    await fill(url, EVENTS, days=DAYS)
    rows = {table: count for table, count, _ in await contents(url)}
    assert (rows["events"], rows["decisions"], rows["journal"]) == (EVENTS, EVENTS, 6 * EVENTS // 10)
    found = await looks(url, rounds=2, big=10**9)  # what is kept for a while is read by the first
    assert "\n".join(f"{one.status} {one.name}" for one in found if one.status != 200) == ""
    assert "\n".join(f"{len(one.asked)} {one.name}" for one in found if len(one.asked) > 6) == ""
    paths = {one.name.partition("?")[0] for one in found}
    assert {"/admin/overview", "/admin/enrollments", "/admin/audit", "/admin/accounts/default"} <= paths
    assert any("before=" in one.name for one in found)
    assert any("after=" in one.name for one in found)


def test_a_page_that_is_slow_asks_often_or_reads_a_big_table_whole_is_missed() -> None:
    results = Results("what was measured")
    asked = Asked("SELECT 1", (), custom=False)
    good = Measured("/good", 200, [10.0] * 30, [8.0] * 30, [asked] * 6, plans=[Plan((), 50, 1.0)])
    judge(results, good)
    assert results.missed == []
    judge(results, Measured("/slow", 200, [10.0] * 20 + [151.0] * 10, [8.0] * 30))
    judge(results, Measured("/often", 200, [10.0], [8.0], [asked] * 7))
    judge(results, Measured("/whole", 200, [10.0], [8.0], [asked], plans=[Plan(("events",), 2000, 1.0)]))
    judge(results, Measured("/away", 503, [10.0], [8.0]))
    assert [line.partition(":")[0] for line in results.missed] == [
        "/slow",
        "/often, statements",
        "/whole, reads whole",
        "/away, is answered",
    ]


async def test_a_statement_is_explained_as_the_service_executes_it(database_url: str) -> None:
    engine = open_engine(database_url, pool_size=1)
    with noted() as asked:
        async with engine.connect() as connection:
            await connection.execute(text("SELECT id FROM events WHERE first_name = :name"), {"name": "Ada"})
        async with engine.connect() as connection:
            await connection.execute(text("SET LOCAL plan_cache_mode = force_custom_plan"))
            await connection.execute(text("SELECT id FROM events WHERE id = :id"), {"id": "evt_1"})
    await engine.dispose()
    assert [one.custom for one in asked] == [False, True]
    direct = await connect(make_url(database_url))
    await direct.execute("SET enable_seqscan = on")
    whole, by_key = [await planned(direct, one, frozenset({"events"})) for one in asked]
    await direct.close()
    assert (whole.whole_tables, by_key.whole_tables) == (("events",), ())


@pytest.mark.parametrize(
    "value",
    [
        'O\'Brien \\ "x"',
        None,
        True,
        7,
        datetime(2026, 11, 23, 9, tzinfo=UTC),
        timedelta(hours=30),
        b"\x00'\\",
        ["a'b", 'c"d', "e\\f", None],
        [],
    ],
)
async def test_a_value_is_written_as_it_is(database_url: str, value: Any) -> None:
    kinds = {str: "text", bool: "bool", int: "int", datetime: "timestamptz", timedelta: "interval", bytes: "bytea"}
    kind = "text[]" if isinstance(value, list) else kinds.get(type(value), "text")
    connection = await connect(make_url(database_url))
    assert await connection.fetchval(f"SELECT CAST({literal(value)} AS {kind})") == value
    await connection.close()
