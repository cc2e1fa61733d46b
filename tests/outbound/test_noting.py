"""An event is noted with the transition itself, with all its facts, for the endpoints that ask for its kind."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from asyncpg import CheckViolationError

from app.enrollments.outcome import Change
from app.errors import FenceLost
from app.model import OutboundKind, State
from app.outbound.store import note
from tests.outbound.conftest import endpoint

if TYPE_CHECKING:
    from tests.outbound.conftest import Desk

ENROLLED_AT = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


async def test_an_enrollment_is_noted_with_all_its_facts(desk: Desk) -> None:
    await desk.accept("ada@corp.example")
    (claimed,) = await desk.worker().claim_ready(1)
    await desk.run(
        "UPDATE enrollments SET contact_id = '42', sender = 'anna', sender_user_id = '7001', "
        "sender_email = 'anna@acme.example'"
    )
    change = Change("enrolled", hubspot_enrollment_id="901", enrolled_at=ENROLLED_AT)
    await desk.worker().move(claimed, State.ENROLLED, change)

    row = await desk.one()
    assert (row["endpoint"], row["kind"], row["enrollment_id"]) == ("crm", "enrolled", claimed.id)
    assert (row["state"], row["tries"], row["attempts"]) == ("waiting", 0, [])
    (enrollment,) = await desk.rows("*", "enrollments")
    body = json.loads(row["body"])
    assert datetime.fromisoformat(body.pop("timestamp")) == enrollment["updated_at"]
    assert datetime.fromisoformat(body["data"].pop("received_at")) == enrollment["received_at"]
    assert body == {
        "type": "enrollment.enrolled",
        "data": {
            "enrollment_id": claimed.id,
            "decision_id": enrollment["decision_id"],
            "event_id": enrollment["event_id"],
            "delivery_id": enrollment["delivery_id"],
            "account": "main",
            "email": "ada@corp.example",
            "contact_id": "42",
            "source": "crm",
            "rule": "demo",
            "sequence": "310001",
            "sender": {"name": "anna", "user_id": "7001", "email": "anna@acme.example"},
            "action": "enroll",
            "state": "enrolled",
            "reason": None,
            "detail": None,
            "hubspot_enrollment_id": "901",
            "enrolled_at": "2026-11-23T09:00:00+00:00",
            "ended": None,
            "ended_at": None,
            "ended_known": None,
            "ended_why": None,
            "replied_at": None,
        },
    }


@pytest.mark.parametrize(("after", "kind"), [(State.REFUSED, "refused"), (State.PARKED, "parked")])
async def test_a_no_is_noted_with_its_reason(desk: Desk, after: State, kind: str) -> None:
    await desk.ends(after, reason="BOUNCED", detail='it "bounced" before')
    body = json.loads((await desk.one())["body"])
    data = body["data"]
    assert (body["type"], data["state"]) == (f"enrollment.{kind}", kind)
    assert (data["reason"], data["detail"], data["sender"]) == ("BOUNCED", 'it "bounced" before', None)


async def test_a_transition_that_is_rolled_back_is_not_noted(desk: Desk) -> None:
    await desk.accept("ada@corp.example")
    (claimed,) = await desk.worker().claim_ready(1)
    async with desk.engine.connect() as connection:
        await note(connection, OutboundKind.ENROLLED, [claimed.id], ["crm"])
        await connection.rollback()
    assert await desk.rows() == []


async def test_a_transition_whose_note_cannot_be_written_does_not_happen(desk: Desk) -> None:
    await desk.accept("ada@corp.example")
    (claimed,) = await desk.worker().claim_ready(1)
    await desk.run("ALTER TABLE outbound ADD CHECK (endpoint <> 'crm')")
    with pytest.raises(CheckViolationError):
        await desk.worker().move(claimed, State.ENROLLED, Change("enrolled"))
    (enrollment,) = await desk.rows("state, attempt", "enrollments")
    assert enrollment == {"state": "working", "attempt": claimed.attempt}


async def test_a_worker_that_lost_its_claim_notes_nothing(desk: Desk) -> None:
    await desk.accept("ada@corp.example")
    (claimed,) = await desk.worker().claim_ready(1)
    await desk.run("UPDATE enrollments SET attempt = attempt + 1")
    with pytest.raises(FenceLost):
        await desk.worker().move(claimed, State.ENROLLED, Change("enrolled"))
    assert await desk.rows() == []


async def test_where_no_endpoint_listens_nothing_is_noted(desk: Desk) -> None:
    desk.endpoints["crm"] = endpoint("crm", desk.far.url, kinds=frozenset({OutboundKind.PARKED}))
    await desk.ends(State.ENROLLED)
    await desk.ends(State.HELD, "bea@corp.example")
    assert await desk.rows() == []


async def test_each_endpoint_gets_the_same_bytes_under_an_id_of_its_own(desk: Desk) -> None:
    desk.endpoints["lake"] = endpoint("lake", desk.far.url)
    await desk.ends(State.ENROLLED)
    one, other = await desk.rows()
    assert one["body"] == other["body"]
    assert one["id"] != other["id"]
    assert {one["endpoint"], other["endpoint"]} == {"crm", "lake"}


async def test_an_enrollment_parked_by_a_takeover_is_noted_in_its_own_account(desk: Desk) -> None:
    await desk.accept("ada@corp.example")
    await desk.accept("bea@corp.example", account="emea")
    for account in ("main", "emea"):
        await desk.worker(account).claim_ready(10)
    await desk.run("UPDATE enrollments SET leased_until = now() - interval '1 s', first_failed_at = now()")
    calls: list[tuple[OutboundKind, str]] = []

    def emea_alone(kind: OutboundKind, account: str) -> tuple[str, ...]:
        calls.append((kind, account))
        return ("crm",) if account == "emea" else ()

    worker = desk.worker(span=timedelta(0))
    worker._endpoints = emea_alone
    taken = await worker.reclaim_expired(first_read=30.0)
    assert sorted(taken.values()) == ["parked", "parked"]
    assert sorted(calls) == [("parked", "emea"), ("parked", "main")]
    body = json.loads((await desk.one("body"))["body"])
    assert (body["type"], body["data"]["email"]) == ("enrollment.parked", "bea@corp.example")
    assert body["data"]["reason"] == "gave_up"


@pytest.mark.parametrize(
    ("kind", "timestamp"),
    [(OutboundKind.ENDED, "2026-11-25T10:00:00+00:00"), (OutboundKind.REPLIED, "2026-11-24T08:30:00+00:00")],
)
async def test_an_end_is_noted_with_the_time_at_which_it_happened(
    desk: Desk, kind: OutboundKind, timestamp: str
) -> None:
    await desk.ends(State.HELD, "ada@corp.example", "bea@corp.example")
    await desk.run("UPDATE enrollments SET ended_at = '2026-11-25T10:00Z', replied_at = '2026-11-24T08:30Z'")
    ids = [row["id"] for row in await desk.rows("id", "enrollments")]
    async with desk.engine.begin() as connection:
        await note(connection, kind, [*ids, "enr_unknown"], ["crm"])
    bodies = [json.loads(row["body"]) for row in await desk.rows()]
    assert {body["data"]["enrollment_id"] for body in bodies} == set(ids)
    assert {(body["type"], body["timestamp"]) for body in bodies} == {(f"enrollment.{kind}", timestamp)}


async def test_an_end_whose_time_is_unknown_is_noted_with_the_time_of_its_finding(desk: Desk) -> None:
    await desk.ends(State.HELD)
    (enrollment,) = await desk.rows("id, updated_at", "enrollments")
    async with desk.engine.begin() as connection:
        await note(connection, OutboundKind.ENDED, [enrollment["id"]], ["crm"])
    body = json.loads((await desk.one())["body"])
    assert datetime.fromisoformat(body["timestamp"]) == enrollment["updated_at"]


async def test_ids_begin_with_the_time_of_their_making(desk: Desk) -> None:
    await desk.ends(State.ENROLLED)
    row = await desk.one("id, created_at")
    prefix, digits = row["id"].split("_")
    assert (prefix, len(digits)) == ("out", 32)
    made = int(digits[:12], 16) / 1000
    assert abs(row["created_at"].timestamp() - made) < 1
