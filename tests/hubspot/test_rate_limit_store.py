from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import asyncpg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import make_url, text

from app.clock import utc_now
from app.database.direct import DirectPool
from app.database.engine import connect, open_engine
from app.enrollments.store import EnrollmentStore
from app.errors import BudgetSpent, HeldError
from app.hubspot.permits import PERMIT_LIFE_SECONDS, StoredPermit
from app.hubspot.rate_limit_statements import LOCK_WINDOW
from app.hubspot.rate_limit_store import StoredRateLimit
from app.hubspot.rate_windows_store import TRAVEL_SECONDS
from app.hubspot.windows import DAILY, GENERAL, allowance, blocked
from app.model import Account
from app.sending_windows import next_midnight
from tests.support.direct import Counting, close_direct, direct
from tests.support.enrollments import until_a_statement_waits

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

BURST = "RATE_LIMIT_TEN_SECONDLY"


async def granted(engine: AsyncEngine) -> list[tuple[datetime, int]]:
    async with engine.connect() as connection:
        found = await connection.execute(text("SELECT granted_at, count FROM rate_grants ORDER BY granted_at"))
        return [(row[0], row[1]) for row in found]


async def test_two_replicas_together_never_exceed_the_window(engine: AsyncEngine) -> None:
    await limit(engine, maximum=20, window_ms=300)
    paces = [StoredRateLimit(direct(engine), account="main", headroom=0.0, window_ms=300) for _ in range(2)]
    times: list[float] = []

    async def ask(pace: StoredRateLimit) -> None:
        (await pace.acquire()).use()
        times.append(asyncio.get_running_loop().time())

    async with asyncio.timeout(300):
        await asyncio.gather(*(ask(pace) for pace in paces for _ in range(30)))
    for pace in paces:
        await pace.close()
    # Grants are forgotten from the table, so the instants of use are judged: the window is 0.3 s.
    times.sort()
    assert all(later - earlier > 0.3 for earlier, later in zip(times, times[20:], strict=False))


async def limit(engine: AsyncEngine, *, maximum: int, window_ms: int) -> None:
    async with engine.begin() as connection:
        await connection.execute(
            text("INSERT INTO rate_windows (account, kind, maximum, window_ms) VALUES ('main', 'general', :m, :w)"),
            {"m": maximum, "w": window_ms},
        )


async def test_headroom_and_the_operators_cap_are_left_unused(engine: AsyncEngine) -> None:
    await limit(engine, maximum=40, window_ms=60_000)
    pace = StoredRateLimit(direct(engine), account="main", cap=30, headroom=0.1)
    asked = [asyncio.create_task(pace.acquire()) for _ in range(40)]
    await asyncio.wait(asked[:27])
    done = sum(task.done() for task in asked)
    await pace.close()
    assert done == 27
    assert sum(count for _, count in await granted(engine)) == 27


async def test_what_hubspot_says_of_its_limit_is_believed_by_all(engine: AsyncEngine) -> None:
    pace = StoredRateLimit(direct(engine), account="main")
    await pace.acquire()
    pace.adopt_limit(190, 10_000)
    await asyncio.gather(*pace._writes)
    await pace.close()
    async with engine.connect() as connection:
        row = (await connection.execute(text("SELECT maximum, window_ms FROM rate_windows"))).one()
    assert tuple(row) == (190, 10_000)


async def test_a_spent_daily_budget_fails_each_request(engine: AsyncEngine) -> None:
    pace = StoredRateLimit(direct(engine), account="main")
    await pace.acquire()
    pace.throttled("RATE_LIMIT_DAILY", None)
    await asyncio.gather(*pace._writes)
    with pytest.raises(BudgetSpent) as spent:
        await StoredRateLimit(direct(engine), account="main").acquire()
    assert spent.value.reason == "daily_budget"
    await pace.close()


async def test_a_waiter_that_gave_up_takes_no_grant_from_others(engine: AsyncEngine) -> None:
    await limit(engine, maximum=1, window_ms=100)
    pace = StoredRateLimit(direct(engine), account="main", headroom=0.0, window_ms=100)
    await pace.acquire()
    gone = asyncio.create_task(pace.acquire())
    stays = asyncio.create_task(pace.acquire())
    await asyncio.sleep(0)
    gone.cancel()
    async with asyncio.timeout(300):
        await stays
    await pace.close()


async def test_a_waiter_that_gives_up_while_permits_are_counted_stops_no_other(engine: AsyncEngine) -> None:
    pace = StoredRateLimit(direct(engine), account="main")
    await limit(engine, maximum=100, window_ms=10_000)
    async with engine.begin() as other:
        await other.execute(text("SELECT FROM rate_windows FOR UPDATE"))
        gone = asyncio.create_task(pace.acquire())
        stays = asyncio.create_task(pace.acquire())
        await until_a_statement_waits(engine)
        gone.cancel()
    async with asyncio.timeout(300):
        await stays
    await pace.close()


@given(st.integers(1, 1000), st.none() | st.integers(1, 1000), st.floats(0, 0.9))
def test_the_allowance_exceeds_neither_hubspots_word_nor_the_cap(
    maximum: int, cap: int | None, headroom: float
) -> None:
    allowed = allowance(maximum, cap, headroom)
    assert 1 <= allowed <= min(maximum, cap or maximum)


def test_a_burst_block_is_waited_out() -> None:
    now = datetime(2026, 11, 23, tzinfo=UTC)
    assert blocked("RATE_LIMIT_TEN_SECONDLY", now + timedelta(seconds=7), now) == 7.0


async def test_a_long_pause_is_not_waited_out_in_memory(engine: AsyncEngine) -> None:
    pace = StoredRateLimit(direct(engine), account="main")
    await pace.acquire()
    pace.throttled("RATE_LIMIT_TEN_SECONDLY", 600.0)
    await asyncio.gather(*pace._writes)
    with pytest.raises(HeldError) as held:
        await StoredRateLimit(direct(engine), account="main").acquire()
    assert held.value.reason == "RATE_LIMIT_TEN_SECONDLY"
    assert abs(held.value.until - utc_now() - timedelta(seconds=600)) < timedelta(minutes=1)
    await pace.close()


@pytest.mark.parametrize("codes", [(DAILY, BURST), (BURST, DAILY)])
async def test_a_burst_that_is_refused_beside_a_spent_day_leaves_the_day_spent(
    engine: AsyncEngine, codes: tuple[str, str]
) -> None:
    pace = StoredRateLimit(direct(engine), account="main")
    await pace.acquire()
    for code in codes:
        pace.throttled(code, None)
        await asyncio.gather(*pace._writes)
    async with asyncio.timeout(300):
        with pytest.raises(BudgetSpent) as spent:
            await pace.acquire()
    assert spent.value.until - utc_now() > timedelta(minutes=50)
    await pace.close()


async def test_a_burst_after_the_days_end_is_called_by_its_own_name(engine: AsyncEngine) -> None:
    pace = StoredRateLimit(direct(engine), account="main")
    await pace.acquire()
    pace.throttled(DAILY, None)
    await asyncio.gather(*pace._writes)
    async with engine.begin() as connection:
        await connection.execute(text("UPDATE rate_windows SET blocked_until = clock_timestamp()"))
    pace.throttled(BURST, None)
    await asyncio.gather(*pace._writes)
    assert (await window_rows(engine))["general"][2] == BURST
    await pace.close()


@pytest.mark.parametrize(("retry_after", "lasts"), [(7.0, 3600), (7200.0, 7200)])
async def test_a_spent_day_lasts_no_shorter_than_until_its_end(
    engine: AsyncEngine, retry_after: float, lasts: int
) -> None:
    pace = StoredRateLimit(direct(engine), account="main")
    await pace.acquire()
    pace.throttled(DAILY, retry_after)
    await asyncio.gather(*pace._writes)
    with pytest.raises(BudgetSpent) as spent:
        await pace.acquire()
    assert abs(spent.value.until - utc_now() - timedelta(seconds=lasts)) < timedelta(minutes=1)
    await pace.close()


async def test_a_request_whose_grant_was_spent_goes_before_those_that_wait(engine: AsyncEngine) -> None:
    await limit(engine, maximum=1, window_ms=60_000)
    pace = StoredRateLimit(direct(engine), account="main", headroom=0.0)
    await pace.acquire()
    served: list[str] = []

    async def ask(name: str, *, again: bool) -> None:
        await pace.acquire(again=again)
        served.append(name)

    waiting = [asyncio.create_task(ask(name, again=False)) for name in ("first", "second")]
    await asyncio.sleep(0)
    waiting.append(asyncio.create_task(ask("committed", again=True)))
    await asyncio.sleep(0)
    async with engine.begin() as connection:
        await connection.execute(text("DELETE FROM rate_grants"))
    async with asyncio.timeout(300):
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    await pace.close()
    await asyncio.gather(*waiting, return_exceptions=True)
    assert served == ["committed"]


async def test_requests_that_come_again_are_served_in_their_order(engine: AsyncEngine) -> None:
    await limit(engine, maximum=1, window_ms=60_000)
    pace = StoredRateLimit(direct(engine), account="main", headroom=0.0)
    await pace.acquire()
    served: list[str] = []

    async def ask(name: str, *, again: bool) -> None:
        await pace.acquire(again=again)
        served.append(name)

    asked = [("new", False), ("first", True), ("second", True)]
    waiting = [asyncio.create_task(ask(name, again=again)) for name, again in asked]
    await asyncio.sleep(0)
    async with engine.begin() as connection:
        await connection.execute(text("UPDATE rate_windows SET maximum = 10"))
    async with asyncio.timeout(300):
        await asyncio.gather(*waiting)
    await pace.close()
    assert served == ["first", "second", "new"]


async def test_a_grant_is_spent_after_half_a_second(engine: AsyncEngine) -> None:
    pace = StoredRateLimit(direct(engine), account="main")
    grant = await pace.acquire()
    await pace.close()
    assert not grant.spent()
    grant.block.since -= PERMIT_LIFE_SECONDS + 0.01
    assert grant.spent()


async def test_unused_permits_are_given_again(engine: AsyncEngine) -> None:
    await limit(engine, maximum=4, window_ms=3_600_000)
    pace = StoredRateLimit(direct(engine), account="main", headroom=0.0)
    async with asyncio.timeout(300):
        given = [await pace.acquire() for _ in range(4)]
        given[0].use()
        again = [await pace.acquire() for _ in range(3)]
    await pace.close()
    assert all(grant.spent() for grant in given[1:])
    assert len({id(grant) for grant in (*given, *again)}) == 7
    assert sum(count for _, count in await granted(engine)) == 4


async def test_a_grant_counts_for_as_long_as_its_request_may_be_within_the_window(engine: AsyncEngine) -> None:
    pace = StoredRateLimit(direct(engine), account="main")
    first = await pace.acquire()
    first.block.since -= 0.25
    first.use()
    await pace.acquire()
    await pace.close()
    async with engine.connect() as connection:
        waited = (await connection.execute(text("SELECT waited FROM rate_grants ORDER BY id"))).scalars().all()
    assert 0.25 + TRAVEL_SECONDS <= waited[0] < waited[1] == PERMIT_LIFE_SECONDS + TRAVEL_SECONDS


async def test_a_replica_frozen_in_the_middle_of_asking_does_not_stop_the_others(database_url: str) -> None:
    frozen, alive = open_engine(database_url), open_engine(database_url)
    async with frozen.connect() as connection:
        await connection.execute(
            LOCK_WINDOW, {"account": "main", "kind": "general", "maximum": 100, "window_ms": 10_000}
        )
        # Shortened under the lock: a busy machine does not meet it before.
        await connection.execute(text("SET LOCAL idle_in_transaction_session_timeout = 200"))
        pace = StoredRateLimit(direct(alive), account="main")
        async with asyncio.timeout(300):
            assert not (await pace.acquire()).spent()
        await pace.close()
        await close_direct(alive)
        await connection.invalidate()
    for engine in (frozen, alive):
        await engine.dispose()


async def test_a_session_frozen_between_preparing_and_sending_is_ended_by_another_worker(
    database_url: str, engine: AsyncEngine
) -> None:
    # What a frozen process leaves: the driver has prepared a statement and not sent it, and the server waits for it.
    frozen = await connect(make_url(database_url))
    await frozen.execute("BEGIN")
    await frozen.execute(
        "INSERT INTO rate_windows (account, kind, maximum, window_ms) VALUES ('main', 'general', 9, 9)"
    )
    await frozen.prepare("SELECT 1")
    pace = StoredRateLimit(direct(engine), account="main")
    waiting = asyncio.create_task(pace.acquire())
    enrollments = EnrollmentStore(direct(engine), account="main", worker="w1", lease=0.5)
    async with asyncio.timeout(300):
        while not await enrollments.terminate_stuck_sessions():
            assert not waiting.done()
        await waiting
    await pace.close()
    with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError)):
        await frozen.fetch("SELECT 1")
    await frozen.close()


WORKS_FOR_LONG = """
    SELECT pid FROM pg_stat_activity
    WHERE wait_event = 'PgSleep' AND state_change < clock_timestamp() - interval '0.05 seconds'
"""


async def test_a_session_that_works_or_waits_is_not_taken_for_frozen(engine: AsyncEngine) -> None:
    works = DirectPool(engine.url, size=1)
    sleeping = asyncio.create_task(works.fetch(text("SELECT pg_sleep(600)"), {}))
    async with engine.connect() as idle:
        await idle.execute(text("SELECT 1"))
        enrollments = EnrollmentStore(direct(engine), account="main", worker="w1", lease=0.05)
        async with asyncio.timeout(300):
            while not (found := await direct(engine).fetch(text(WORKS_FOR_LONG), {})):
                pass
        assert await enrollments.terminate_stuck_sessions() == 0
        assert not sleeping.done()
        await direct(engine).fetch(text("SELECT pg_cancel_backend(:pid)"), {"pid": found[0]["pid"]})
        with pytest.raises(asyncpg.QueryCanceledError):
            await sleeping
        await idle.execute(text("SELECT 1"))
    await works.close()


async def test_the_operators_cap_on_the_day_holds_until_the_accounts_midnight(engine: AsyncEngine) -> None:
    await limit(engine, maximum=1000, window_ms=60_000)
    paces = [StoredRateLimit(direct(engine), account="main", headroom=0.0) for _ in range(2)]
    for pace in paces:
        pace.configure(Account("main", "x", daily=30, timezone="Asia/Tokyo"))
    kinds = ["general", "search"] * 20

    async def used(pace: StoredRateLimit, kind: str) -> None:
        (await pace.acquire(kind)).use()

    asked = await asyncio.gather(*(used(pace, kind) for pace in paces for kind in kinds), return_exceptions=True)
    spent = [result for result in asked if isinstance(result, BudgetSpent)]
    assert len(asked) - len(spent) == 30
    assert {(error.reason, error.until) for error in spent} == {
        ("daily_budget", next_midnight(ZoneInfo("Asia/Tokyo"), utc_now()))
    }
    async with engine.begin() as connection:
        await connection.execute(text("UPDATE rate_days SET ends_at = clock_timestamp()"))
    await paces[0].acquire()
    for pace in paces:
        await pace.close()


async def test_unused_permits_are_given_back_to_the_day(engine: AsyncEngine) -> None:
    await limit(engine, maximum=1000, window_ms=60_000)
    pace = StoredRateLimit(direct(engine), account="main")
    pace.configure(Account("main", "x", daily=10, timezone="UTC"))
    given = await asyncio.gather(*(pace.acquire() for _ in range(10)))
    for grant in given[:4]:
        grant.use()
    with pytest.raises(BudgetSpent):
        await pace.acquire()
    for grant in given:
        grant.block.since -= PERMIT_LIFE_SECONDS + 0.01
    for kind in ("general", "search") * 3:
        (await pace.acquire(kind)).use()
    with pytest.raises(BudgetSpent):
        await pace.acquire()
    await pace.close()
    async with engine.begin() as connection:
        assert (await connection.execute(text("SELECT used FROM rate_days"))).scalar_one() == 10


async def test_permits_unused_before_midnight_are_not_given_to_the_next_day(engine: AsyncEngine) -> None:
    await limit(engine, maximum=1000, window_ms=60_000)
    pace = StoredRateLimit(direct(engine), account="main")
    pace.configure(Account("main", "x", daily=10, timezone="UTC"))
    for grant in await asyncio.gather(*(pace.acquire() for _ in range(10))):
        grant.block.since -= PERMIT_LIFE_SECONDS + 0.01
        grant.block.day = utc_now()
    # Midnight has come: the day that these were spent of has ended.
    async with engine.begin() as connection:
        await connection.execute(text("UPDATE rate_days SET ends_at = clock_timestamp()"))
    for _ in range(10):
        (await pace.acquire()).use()
    with pytest.raises(BudgetSpent):
        await pace.acquire()
    await pace.close()


async def test_a_day_that_hubspot_calls_spent_lasts_until_the_accounts_midnight(engine: AsyncEngine) -> None:
    await limit(engine, maximum=1000, window_ms=60_000)
    pace = StoredRateLimit(direct(engine), account="main")
    pace.configure(Account("main", "x", timezone="Asia/Tokyo"))
    pace.throttled("RATE_LIMIT_DAILY", None)
    while await _admitted(pace):  # until the note of it has been written
        pass
    with pytest.raises(BudgetSpent) as spent:
        await pace.acquire()
    assert abs(spent.value.until - next_midnight(ZoneInfo("Asia/Tokyo"), utc_now())) < timedelta(seconds=5)
    await pace.close()


async def _admitted(pace: StoredRateLimit) -> bool:
    try:
        await pace.acquire()
    except BudgetSpent:
        return False
    return True


async def test_searches_are_five_a_second_at_most_and_count_as_requests_too(engine: AsyncEngine) -> None:
    await limit(engine, maximum=100, window_ms=60_000)
    pace = StoredRateLimit(direct(engine), account="main", headroom=0.0)
    asked = [asyncio.create_task(pace.acquire("search")) for _ in range(8)]
    await asyncio.wait(asked[:5])
    assert [task.done() for task in asked] == [True] * 5 + [False] * 3
    await pace.close()
    async with engine.connect() as connection:
        counted = await connection.execute(text("SELECT kind, sum(count) FROM rate_grants GROUP BY kind"))
        assert {kind: int(count) for kind, count in counted} == {"search": 5, "general": 5}
    rows = await window_rows(engine)
    assert rows["search"] == (5, 1000, None)
    assert rows["general"] == (100, 60_000, None)


async def test_a_search_that_hubspot_refuses_stops_searches_and_nothing_else(engine: AsyncEngine) -> None:
    pace = StoredRateLimit(direct(engine), account="main")
    await pace.acquire("search")
    pace.throttled("RATE_LIMIT_SECONDLY", 600.0)
    await asyncio.gather(*pace._writes)
    assert {kind: by for kind, (_, _, by) in (await window_rows(engine)).items()} == {
        "search": "RATE_LIMIT_SECONDLY",
        "general": None,
    }
    with pytest.raises(HeldError):
        await pace.acquire("search")
    await pace.acquire()
    await pace.close()


async def test_a_day_that_is_spent_ends_searches_too(engine: AsyncEngine) -> None:
    pace = StoredRateLimit(direct(engine), account="main")
    await pace.acquire()
    pace.throttled("RATE_LIMIT_DAILY", None)
    await asyncio.gather(*pace._writes)
    with pytest.raises(BudgetSpent):
        await pace.acquire("search")
    await pace.close()


async def window_rows(engine: AsyncEngine) -> dict[str, tuple[int, int, str | None]]:
    async with engine.connect() as connection:
        found = await connection.execute(text("SELECT kind, maximum, window_ms, blocked_by FROM rate_windows"))
        return {row.kind: (row.maximum, row.window_ms, row.blocked_by) for row in found}


async def test_permits_that_are_given_ahead_are_acquired_without_a_query(engine: AsyncEngine) -> None:
    pace = StoredRateLimit(direct(engine), account="main")
    async with direct(engine).transaction() as connection:
        committed = await pace.give_ahead(connection, 3)
    committed()
    given = [await pace.acquire() for _ in range(3)]
    assert len({id(one.block) for one in given}) == 1
    assert [count for _, count in await granted(engine)] == [3]
    await pace.acquire()
    assert [count for _, count in await granted(engine)] == [3, 1]
    await pace.close()


async def test_permits_that_are_given_ahead_count_only_if_their_transaction_is_committed(engine: AsyncEngine) -> None:
    pace = StoredRateLimit(direct(engine), account="main")

    async def give() -> None:
        async with direct(engine).transaction() as connection:
            await pace.give_ahead(connection, 3)
            raise LookupError("it is rolled back")

    with pytest.raises(LookupError):
        await give()
    await pace.acquire()
    assert [count for _, count in await granted(engine)] == [1]
    await pace.close()


async def test_nothing_is_given_ahead_where_the_window_is_full_or_the_day_has_a_cap(engine: AsyncEngine) -> None:
    await limit(engine, maximum=2, window_ms=60_000)
    pace = StoredRateLimit(direct(engine), account="main", headroom=0.0)
    await asyncio.gather(pace.acquire(), pace.acquire())
    capped = StoredRateLimit(direct(engine), account="other")
    capped.configure(Account("other", "x", daily=5, timezone="UTC"))
    for one in (pace, capped):
        async with direct(engine).transaction() as connection:
            committed = await one.give_ahead(connection, 3)
        committed()
        assert sum(count for _, count in await granted(engine)) == 2
        await one.close()


async def test_permits_ahead_are_taken_while_half_of_the_window_stays_free(engine: AsyncEngine) -> None:
    await limit(engine, maximum=10, window_ms=60_000)
    pace = StoredRateLimit(direct(engine), account="main", headroom=0.0, ahead=2)
    first = await pace.acquire()
    assert [await pace.acquire() for _ in range(2)] == [StoredPermit(first.block)] * 2
    assert [count for _, count in await granted(engine)] == [3]
    second = await pace.acquire()
    assert second.block is not first.block
    assert [count for _, count in await granted(engine)] == [3, 3]
    third = [await pace.acquire() for _ in range(3)][-1]
    assert [count for _, count in await granted(engine)] == [3, 3, 1]
    assert third.block.count == 1
    await pace.close()


async def test_small_blocks_grow_together_when_their_requests_wait_anyway(engine: AsyncEngine) -> None:
    await limit(engine, maximum=4, window_ms=60_000)
    pace = StoredRateLimit(direct(engine), account="main", headroom=0.0)
    for _ in range(4):
        await pace.acquire()
    assert [count for _, count in await granted(engine)] == [1, 1, 1, 1]
    # They become free one after the other, within less time than a request waits for others.
    async with engine.begin() as connection:
        soon = "UPDATE rate_grants SET granted_at = clock_timestamp() - interval '60.6 seconds' + id * interval '10 ms'"
        await connection.execute(text(soon))
    async with asyncio.timeout(300):
        given = await asyncio.gather(*(pace.acquire() for _ in range(4)))
    assert len({id(one.block) for one in given}) == 1
    await pace.close()


GIVEN_ELSEWHERE = """
    WITH changed AS (UPDATE rate_windows SET maximum = maximum)
    INSERT INTO rate_grants (account, kind, granted_at, count, waited)
    VALUES ('main', 'general', clock_timestamp(), 1, 0.7)
"""


@pytest.mark.parametrize("elsewhere", [GIVEN_ELSEWHERE, "UPDATE rate_windows SET maximum = 1"])
async def test_what_changed_while_a_replica_waited_for_the_window_counts(engine: AsyncEngine, elsewhere: str) -> None:
    await limit(engine, maximum=2, window_ms=60_000)
    pace = StoredRateLimit(direct(engine), account="main", headroom=0.0, window_ms=60_000)
    (await pace.acquire()).use()
    async with engine.begin() as other:
        await other.execute(text(elsewhere))
        asking = asyncio.create_task(pace._windows.acquire(GENERAL, 1, []))
        await until_a_statement_waits(engine)
    block, wait = await asking
    assert block is None
    assert wait > 0
    await pace.close()


async def test_permits_of_a_window_that_is_known_take_one_statement(engine: AsyncEngine) -> None:
    pool = Counting(engine.url, size=1)
    pace = StoredRateLimit(pool, account="main")
    first = [await pace.acquire() for _ in range(3)]
    assert len({id(permit.block) for permit in first}) == 3
    assert pool.transactions == 1
    pace.throttled("RATE_LIMIT_DAILY", None)
    await asyncio.gather(*pace._writes)
    with pytest.raises(BudgetSpent):
        await pace.acquire()
    await pace.close()
    await pool.close()
