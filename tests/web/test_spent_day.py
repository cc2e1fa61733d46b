"""The figure of an account's day while it is spent, on every replica."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import text

if TYPE_CHECKING:
    from tests.support.service import Running

NAME = 'segue_hubspot_rate_remaining{account="main",window="daily"}'


async def figure(web: Running) -> str | None:
    """Return what the metrics say is left of the day."""
    page = (await web.get("/metrics")).text
    return next((line.removeprefix(f"{NAME} ") for line in page.splitlines() if line.startswith(NAME)), None)


async def block(web: Running, code: str, ends: str) -> None:
    """Write what another replica writes after a 429."""
    statement = text("""
        INSERT INTO rate_windows (account, kind, maximum, window_ms, blocked_by, blocked_until)
        VALUES ('main', 'general', 100, 10000, :code, clock_timestamp() + CAST(CAST(:ends AS text) AS interval))
        ON CONFLICT (account, kind)
        DO UPDATE SET blocked_by = excluded.blocked_by, blocked_until = excluded.blocked_until
    """)
    async with web.process.engine.begin() as connection:
        await connection.execute(statement, {"code": code, "ends": ends})


async def test_a_day_that_another_replica_has_spent_has_nothing_left_until_it_ends(web: Running) -> None:
    web.process.metrics.rate_remaining("main", "daily", 5000)
    assert await figure(web) == "5000.0"
    await block(web, "RATE_LIMIT_DAILY", "1 hour")
    assert await figure(web) == "0.0"
    await block(web, "RATE_LIMIT_DAILY", "0")
    assert await figure(web) is None
    web.process.metrics.rate_remaining("main", "daily", 624_999)
    assert await figure(web) == "624999.0"


async def test_a_figure_that_comes_after_the_day_has_ended_stays(web: Running) -> None:
    await block(web, "RATE_LIMIT_DAILY", "1 hour")
    assert await figure(web) == "0.0"
    await block(web, "RATE_LIMIT_DAILY", "0")
    web.process.metrics.rate_remaining("main", "daily", 624_999)
    assert await figure(web) == "624999.0"


async def test_a_refused_burst_says_nothing_of_the_day(web: Running) -> None:
    web.process.metrics.rate_remaining("main", "daily", 5000)
    await block(web, "RATE_LIMIT_TEN_SECONDLY", "1 hour")
    assert await figure(web) == "5000.0"
