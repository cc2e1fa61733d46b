"""One event with all that came of it; lists by source, type, verdict and period, and how far back they looked."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.clock import utc_now
from app.ids import Ids
from app.reports import event_statements
from app.reports.event_statements import EventFilters
from app.reports.event_store import EventPage, EventStore
from app.reports.id_times import first_id, time_of
from tests.support.enrollments import accept, rows

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from sqlalchemy.ext.asyncio import AsyncEngine

    Accept = Callable[..., Awaitable[None]]

__all__ = ["accept"]

ADA, BEN, EVE = "ada@corp.example", "ben@corp.example", "eve@corp.example"


@pytest.fixture
def new_id() -> Callable[[str], str]:
    return Ids()


async def page(engine: AsyncEngine, **filters: Any) -> EventPage:
    return await EventStore(engine).page(EventFilters(**filters))


def emails(found: EventPage) -> list[str]:
    return [row["email"] for row in found.rows]


async def test_an_event_has_its_delivery_its_decisions_and_what_came_of_them(
    engine: AsyncEngine, accept: Accept
) -> None:
    await accept(ADA, data={"employees": 80})
    (event,) = await rows(engine, "SELECT id FROM events")
    await rows(
        engine,
        "INSERT INTO outbound (id, endpoint, kind, enrollment_id, body, state, due_at, created_at, updated_at)"
        " SELECT 'out_1', 'crm', 'enrolled', id, '', 'waiting', now(), now(), now() FROM enrollments",
    )
    await rows(engine, "INSERT INTO rulebooks (revision, documents, accounts, stored_at) VALUES"
               " ('abc123', 'first', '{}', now()), ('abc123', 'again', '{}', now())")  # fmt: skip
    found = await EventStore(engine).event(event.id)
    assert found is not None
    assert (found.event["data"], found.is_readable) == ({"employees": 80}, True)
    assert (found.event["provider"], found.event["body_bytes"], found.event["header_count"]) == (
        "standard-webhooks",
        2,
        1,
    )
    (decision,) = found.decisions
    assert (decision["verdict"], decision["state"], decision["sequence"]) == ("enroll", "ready", "310001")
    assert [line["cause"] for line in found.journals[decision["enrollment_id"]]] == ["accepted"]
    assert [one["endpoint"] for one in found.sent] == ["crm"]
    assert found.documents == "again"
    assert found.latest == found.decisions


async def test_there_is_no_such_event(engine: AsyncEngine) -> None:
    assert await EventStore(engine).event("evt_1") is None


async def test_what_the_retention_took_is_gone_and_the_rest_stays(engine: AsyncEngine, accept: Accept) -> None:
    await accept(ADA)
    await rows(engine, "UPDATE events SET data = NULL")
    await rows(engine, "DELETE FROM deliveries")
    (event,) = await rows(engine, "SELECT id FROM events")
    found = await EventStore(engine).event(event.id)
    assert found is not None
    assert not found.is_readable
    assert (found.event["has_delivery"], found.event["body_bytes"]) == (False, None)
    assert found.documents is None
    assert len(found.decisions) == 1


async def test_a_duplicate_names_what_has_the_intent_and_until_when(engine: AsyncEngine, accept: Accept) -> None:
    await accept(ADA, data={"n": 1})
    await accept(ADA, data={"n": 2})
    found = await page(engine, verdict="duplicate")
    (row,) = found.rows
    (decision,) = found.became[row["id"]]
    (first,) = await rows(engine, "SELECT id FROM enrollments")
    assert (decision["holder_id"], decision["holder_rule"]) == (first.id, "demo")
    assert decision["until"] > utc_now() + timedelta(days=29)
    assert decision["enrollment_id"] is None


async def test_a_list_is_narrowed_by_source_type_and_period(engine: AsyncEngine, accept: Accept) -> None:
    await accept(ADA)
    await rows(engine, "UPDATE events SET source = 'web', type = 'visit'")
    await accept(BEN)
    await rows(engine, f"UPDATE events SET type = 'visit' WHERE email = '{BEN}'")  # noqa: S608  # ours
    await accept(EVE)
    assert emails(await page(engine)) == [EVE, BEN, ADA]
    assert emails(await page(engine, source="crm")) == [EVE, BEN]
    assert emails(await page(engine, type="visit")) == [BEN, ADA]
    assert emails(await page(engine, type="visit", source="crm")) == [BEN]
    assert emails(await page(engine, source="web", type="signup")) == []
    now = utc_now()
    assert emails(await page(engine, until=now + timedelta(hours=1), since=now - timedelta(hours=1))) == [EVE, BEN, ADA]
    assert emails(await page(engine, since=now + timedelta(hours=1))) == []
    assert emails(await page(engine, until=now - timedelta(hours=1), verdict="enroll")) == []


@pytest.mark.parametrize("filters", [{}, {"source": "crm"}, {"type": "signup"}, {"verdict": "enroll"},
                                     {"source": "crm", "type": "signup", "verdict": "enroll"}])  # fmt: skip
async def test_pages_follow_each_other(engine: AsyncEngine, accept: Accept, filters: dict[str, str]) -> None:
    await accept(ADA, BEN, EVE)
    first = await page(engine, limit=2, **filters)
    second = await page(engine, limit=2, before=first.rows[-1]["key"], **filters)
    assert (emails(first), emails(second)) == ([EVE, BEN], [ADA])
    back = await page(engine, limit=2, after=second.rows[0]["key"], **filters)
    assert emails(back) == [EVE, BEN]
    assert (first.looked_back_to, second.looked_back_to, back.looked_back_to) == (None, None, None)
    assert emails(await page(engine, after=first.rows[0]["key"], **filters)) == []
    await accept("new@corp.example")
    assert emails(await page(engine, limit=2, after=second.rows[0]["key"], **filters)) == [EVE, BEN]
    assert emails(await page(engine, after=first.rows[0]["key"], **filters)) == ["new@corp.example"]


async def test_what_became_is_the_latest_decision(engine: AsyncEngine, accept: Accept) -> None:
    await accept(ADA)
    await rows(
        engine,
        "INSERT INTO decisions (id, event_id, delivery_id, source, email, verdict, reason, revision, facts, decided_at,"
        " replaces) SELECT 'dec_f', event_id, delivery_id, source, email, 'ignore', '', 'x', '[]',"
        " decided_at + interval '1 hour', id FROM decisions",
    )
    assert emails(await page(engine, verdict="enroll")) == []
    found = await page(engine, verdict="ignore")
    assert emails(found) == [ADA]
    assert [one["verdict"] for one in found.became[found.rows[0]["id"]]] == ["enroll", "ignore"]


async def test_an_event_with_two_matching_rules_is_listed_once(engine: AsyncEngine, accept: Accept) -> None:
    await accept(ADA)
    await rows(
        engine,
        "INSERT INTO decisions (id, event_id, delivery_id, source, email, verdict, reason, revision, facts, decided_at)"
        " SELECT 'dec_f', event_id, delivery_id, source, email, verdict, '', 'x', '[]', decided_at FROM decisions",
    )
    found = await page(engine, verdict="enroll")
    assert emails(found) == [ADA]
    assert found.rows[0]["key"] == "dec_f"


async def test_a_list_that_has_looked_far_enough_says_how_far_and_looks_further(
    engine: AsyncEngine, accept: Accept, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_statements, "LOOK", 2)
    await accept(ADA)
    await rows(engine, "UPDATE events SET type = 'visit'")
    await accept(BEN, EVE)
    first = await page(engine, source="crm", type="visit")
    assert emails(first) == []
    (_, ben, _) = await rows(engine, "SELECT id FROM events ORDER BY id")
    assert first.looked_back_to == ben.id
    second = await page(engine, source="crm", type="visit", before=first.looked_back_to)
    assert (emails(second), second.looked_back_to) == ([ADA], None)
    back = await page(engine, source="crm", type="signup", after="evt_0")
    assert (emails(back), back.looked_back_to) == ([BEN], ben.id)


async def test_rejected_deliveries_are_listed_with_their_reason_and_without_their_bodies(engine: AsyncEngine) -> None:
    await rows(
        engine,
        "INSERT INTO refused_deliveries SELECT 'dlv_' || n, CASE n WHEN 2 THEN 'web' ELSE 'crm' END, now(), 401,"
        " 'signature_mismatch', 'POST', '/', '{}', 'abc' FROM generate_series(1, 3) AS n",
    )
    found = await EventStore(engine).rejected()
    assert [row["id"] for row in found] == ["dlv_3", "dlv_2", "dlv_1"]
    assert (found[0]["reason"], found[0]["body_bytes"]) == ("signature_mismatch", 3)
    assert "body" not in found[0]
    assert [row["id"] for row in await EventStore(engine).rejected("crm", before="dlv_3")] == ["dlv_1"]


@given(st.datetimes(datetime(1970, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001  # hypothesis adds the zone
def test_an_id_is_found_by_its_time(at: datetime) -> None:
    milliseconds = at.replace(microsecond=at.microsecond // 1000 * 1000)
    made = Ids(clock=lambda: int(milliseconds.timestamp() * 1000))("evt")
    found = time_of(made)
    assert found is not None
    assert abs(found - milliseconds) < timedelta(milliseconds=2)
    assert first_id("evt", milliseconds) <= made or found < milliseconds
    assert first_id("evt", milliseconds + timedelta(milliseconds=2)) > made


@pytest.mark.parametrize("id_", ["", "evt_", "evt_zzzzzzzzzzzz", "000000004004"])
def test_an_id_without_a_time_has_none(id_: str) -> None:
    found = time_of(id_)
    assert found is None or found.year == 1970
