"""The reads: each is one statement, and its figures are those of the rows."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import event as sqlalchemy_event

from app.tallies.figures import ALL, Drop, HourCount, KindTally, Narrowed, SenderHour
from app.tallies.hours import EPOCH, first_id, hour_of, hours_between
from app.tallies.read_store import (
    MATCHES,
    RECEIVED,
    arrivals,
    count_state,
    days,
    funnel,
    funnel_by_hour,
    kinds,
    rules,
    senders,
    series,
    sources,
    sources_and_lately,
)
from app.tallies.received import received_by_rule
from app.tallies.silence import judge
from app.tallies.stages import Stage
from tests.support.rulebooks import book

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

NINE = datetime(2026, 11, 24, 9, tzinfo=UTC)
HOUR = timedelta(hours=1)
TWO_DAYS = (NINE, NINE + 48 * HOUR)
TWO_RULES = """
  - {id: all, source: crm, type: [login, signup], ignore: true}
  - {id: none, source: crm, type: [form], ignore: true}
"""
# (hours after nine, stage, source, rule, sender, reason, known, n)
CELLS = [
    (0, "verified", "crm", "", "", "signup", True, 10),
    (0, "unmatched", "crm", "", "", "no_match", True, 4),
    (0, "unmatched", "crm", "quiet", "", "ignored", True, 1),
    (0, "ineligible", "crm", "demo", "", "suppressed", True, 1),
    (0, "enrolled", "crm", "demo", "anna", "", True, 3),
    (0, "replied", "crm", "demo", "anna", "", False, 2),
    (0, "ended", "crm", "demo", "anna", "finished", True, 1),
    (0, "parked", "crm", "demo", "", "SEQUENCE_ID_INVALID", True, 1),
    (15, "verified", "crm", "", "", "signup", True, 5),
    (15, "verified", "web", "", "", "form", True, 2),
    (15, "enrolled", "web", "other", "ben", "", True, 2),
    (15, "waiting", "crm", "demo", "", "quota", True, 5),
    (48, "verified", "crm", "", "", "signup", True, 1000),
]
# (hours after nine, source, result, reason, run, n)
COUNTERS = [
    (0, "crm", "accepted", "", "one", 9),
    (0, "crm", "accepted", "", "two", 1),
    (0, "crm", "no_rule", "", "one", 6),
    (0, "crm", "filtered", "", "one", 6),
    (0, "crm", "rejected", "signature_mismatch", "one", 3),
    (0, "crm", "rejected", "stale", "two", 1),
    (1, "crm", "repeated", "", "one", 2),
    (1, "crm", "repeated_events", "", "one", 2),
    (-200, "web", "accepted", "", "", 2),
    (1, "web", "handshake", "", "one", 1),
]


@pytest.fixture(autouse=True)
async def _filled(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        for hours, stage, source, rule, sender, reason, known, n in CELLS:
            values = (NINE + hours * HOUR, stage, source, rule, "main", "310001", sender, reason, known, n)
            marks = ", ".join(f"${number}" for number in range(1, 11))
            await connection.exec_driver_sql(f"INSERT INTO tallies VALUES ({marks})", values)  # noqa: S608  # numbers
        for hours, source, result, reason, run, n in COUNTERS:
            counted = (NINE + hours * HOUR, source, result, reason, run, n, NINE + hours * HOUR + timedelta(minutes=5))
            await connection.exec_driver_sql("INSERT INTO tally_counters VALUES ($1, $2, $3, $4, $5, $6, $7)", counted)


async def test_the_funnel_has_every_stage_and_why_the_others_fell_out(engine: AsyncEngine) -> None:
    found = await funnel(engine, *TWO_DAYS)
    assert (found.received, found.rejected, found.repeated) == (29, 4, 2)
    assert (found.verified, found.no_rule) == (23, 6)
    assert (found.matched, found.eligible, found.enrolled, found.replied, found.ended) == (12, 11, 5, 2, 1)
    assert found.counts[Stage.UNMATCHED] == 5
    assert found.drops[0] == Drop(Stage.ENROLLED, "", known=True, n=5)
    assert Drop(Stage.REPLIED, "", known=False, n=2) in found.drops


async def test_a_funnel_of_one_rule_has_no_figure_of_what_no_rule_knows(engine: AsyncEngine) -> None:
    found = await funnel(engine, *TWO_DAYS, Narrowed(rule="demo"))
    assert (found.received, found.verified, found.no_rule) == (None, None, None)
    assert (found.matched, found.enrolled, found.replied) == (10, 3, 2)
    assert (await funnel(engine, *TWO_DAYS, Narrowed(source="web"))).received == 2
    assert (await funnel(engine, *TWO_DAYS, Narrowed(sender="ben", sequence="310001"))).enrolled == 2
    assert (await funnel(engine, *TWO_DAYS, Narrowed(account="other"))).matched == 0


async def test_the_funnel_comes_with_what_was_matched_and_enrolled_in_each_hour(engine: AsyncEngine) -> None:
    whole, matched, enrolled = await funnel_by_hour(engine, NINE, NINE + 17 * HOUR)
    assert whole == await funnel(engine, NINE, NINE + 17 * HOUR)
    assert [(one.hour - NINE) // HOUR for one in matched] == list(range(17))
    assert {(one.hour - NINE) // HOUR: one.n for one in matched if one.n} == {0: 5, 15: 7}
    assert {(one.hour - NINE) // HOUR: one.n for one in enrolled if one.n} == {0: 3, 15: 2}


async def test_a_series_has_every_hour(engine: AsyncEngine) -> None:
    found = await series(engine, Stage.ENROLLED, NINE - HOUR, NINE + 2 * HOUR)
    assert found == (HourCount(NINE - HOUR, 0), HourCount(NINE, 3), HourCount(NINE + HOUR, 0))
    assert [one.n for one in await series(engine, RECEIVED, NINE, NINE + 2 * HOUR)] == [20, 2]
    assert [one.n for one in await series(engine, MATCHES, NINE, NINE + HOUR, Narrowed(rule="demo"))] == [5]
    assert len(await series(engine, RECEIVED, *TWO_DAYS)) == 48


@pytest.mark.parametrize(
    ("zone", "expected"),
    [("UTC", [(24, 16), (25, 7), (26, 0)]), ("Asia/Tokyo", [(24, 16), (25, 7), (26, 0)]), ("Etc/GMT+12", [(23, 16)])],
)
async def test_days_are_sums_of_hours_in_any_time_zone(engine: AsyncEngine, zone: str, expected: Any) -> None:
    found = await days(engine, Stage.VERIFIED, *TWO_DAYS, ZoneInfo(zone))
    assert [(one.day, one.n) for one in found][: len(expected)] == [(date(2026, 11, day), n) for day, n in expected]
    assert sum(one.n for one in found) == 23


async def test_rules_have_what_they_matched(engine: AsyncEngine) -> None:
    demo, other, quiet = await rules(engine, *TWO_DAYS)
    assert (demo.rule, demo.matched, demo.enrolled, demo.parked) == ("demo", 10, 3, 1)
    assert (other.matched, other.enrolled) == (2, 2)
    assert (quiet.matched, quiet.ignored, quiet.enrolled) == (1, 1, 0)
    assert await rules(engine, *TWO_DAYS, Narrowed(rule="quiet")) == (quiet,)


async def test_what_a_rule_received_is_told_by_the_types_that_it_names(engine: AsyncEngine) -> None:
    found = await kinds(engine, *TWO_DAYS)
    assert found == (KindTally("crm", "signup", 15), KindTally("web", "form", 2))
    assert dict(received_by_rule(found, book(TWO_RULES).rules)) == {"all": 15, "none": 0}


async def test_sources_have_why_deliveries_were_rejected_and_when_the_last_one_came(engine: AsyncEngine) -> None:
    crm, dead, web = await sources(engine, *TWO_DAYS, named=["crm", "dead", "web"])
    assert (crm.received, crm.verified, crm.rejected, crm.repeated) == (22, 18, 4, 2)
    assert (crm.events, crm.no_rule, crm.handshakes) == (15, 6, 0)
    assert crm.rejections == (("signature_mismatch", 3), ("stale", 1))
    assert crm.last_at == NINE + HOUR + timedelta(minutes=5)
    assert crm.last_rejected_at == NINE + timedelta(minutes=5)
    assert (dead.received, dead.last_at, dead.rejections) == (0, None, ())
    assert (web.verified, web.handshakes, web.events) == (0, 1, 2)
    assert web.last_at == NINE - 200 * HOUR + timedelta(minutes=5)


async def test_sources_have_what_came_lately_apart_from_all_of_it(engine: AsyncEngine) -> None:
    whole, lately = await sources_and_lately(engine, NINE, NINE + HOUR, NINE + 48 * HOUR, ["crm", "dead"])
    assert whole == await sources(engine, *TWO_DAYS, named=["crm", "dead"])
    crm, dead, web = lately
    assert (crm.received, crm.verified, crm.rejected, crm.repeated) == (2, 2, 0, 2)
    assert (crm.events, crm.no_rule, crm.rejections) == (5, 0, ())
    assert crm.last_rejected_at == NINE + timedelta(minutes=5)  # whenever it came
    assert (dead.received, dead.last_at) == (0, None)
    assert (web.handshakes, web.events) == (1, 2)


async def test_senders_have_whom_they_got_enrolled(engine: AsyncEngine) -> None:
    found = await senders(engine, *TWO_DAYS)
    assert found == (SenderHour(NINE, "main", "anna", 3), SenderHour(NINE + 15 * HOUR, "main", "ben", 2))


async def test_arrivals_are_what_silence_is_judged_by(engine: AsyncEngine) -> None:
    crm, web, dead = await arrivals(engine, ["crm", "web", "dead"], NINE + 3 * HOUR)
    assert dict(crm.by_hour) == {NINE: 16, NINE + HOUR: 2}
    assert crm.last_at == NINE + HOUR + timedelta(minutes=5)
    assert dict(web.by_hour) == {NINE - 200 * HOUR: 2}
    assert not judge(dead, NINE).silent


async def test_each_read_is_one_statement(engine: AsyncEngine) -> None:
    asked: list[str] = []
    sqlalchemy_event.listen(
        engine.sync_engine, "before_cursor_execute", lambda _c, _k, statement, *_: asked.append(statement)
    )
    for read in (funnel, funnel_by_hour, rules, kinds, sources, senders):
        await read(engine, *TWO_DAYS)
    await series(engine, RECEIVED, *TWO_DAYS, ALL)
    await days(engine, RECEIVED, *TWO_DAYS, UTC)
    await arrivals(engine, ["crm"], NINE)
    assert (await count_state(engine)).counted_until is None
    assert len([statement for statement in asked if not statement.startswith("SET LOCAL")]) == 10


def test_hours_and_ids() -> None:
    moment = datetime(2026, 11, 24, 9, 59, 59, 999999, tzinfo=ZoneInfo("Asia/Kolkata"))
    assert hour_of(moment) == datetime(2026, 11, 24, 4, tzinfo=UTC)
    assert first_id(EPOCH) == "evt_000000000000"
    assert first_id(NINE) < first_id(NINE + timedelta(milliseconds=1))
    assert list(hours_between(NINE + timedelta(minutes=1), NINE + HOUR)) == [NINE]
    assert list(hours_between(NINE, NINE)) == []
