"""A sender that HubSpot refuses: whose fault it is, who sends instead, and when it is paused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from app.rules.file.documents import Document
from app.rules.load import load
from tests.support.road import open_road

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

    from tests.conftest import MakeEntry
    from tests.support.road import Road

FORBIDDEN = {"route": "enroll", "kind": "status", "code": "FORBIDDEN"}
ALONE = load(
    (
        Document(
            "rules.yaml",
            "version: 1\naccounts: {main: {token: pat-sandbox}}\n"
            'senders: {dan: {user_id: "7004", email: dan@acme.example}}\n',
        ),
    ),
    environment={},
    providers={},
)


async def enroll_one(road: Road) -> tuple[str, str | None]:
    """Take the one that is ready to its outcome."""
    (claimed,) = await road.enrollments.claim_ready(1)
    await road.enroller.enroll(claimed)
    ((state, reason),) = await road.run("SELECT state, reason FROM enrollments ORDER BY id DESC LIMIT 1")
    return state, reason


async def reasons(road: Road) -> dict[str, tuple[bool, str]]:
    ((kept,),) = await road.run("SELECT assignment FROM enrollments ORDER BY id DESC LIMIT 1")
    return {item["sender"]: (item["chosen"], item["because"]) for item in kept}


async def refusals(road: Road) -> list[tuple[Any, ...]]:
    return await road.run("SELECT inbox, refusals, paused_at IS NOT NULL FROM sender_pauses")


async def reads(road: Road, *routes: str) -> int:
    calls = (await road.control("calls"))["routes"]
    return sum(sum(calls.get(route, {}).values()) for route in routes)


async def test_a_sender_that_hubspot_forbids_hands_over_to_the_fallback(road: Road, make_entry: MakeEntry) -> None:
    await road.control("settings", {"sender_refusals": 403})
    await road.accept(make_entry("e1", sender="dan", fallback="anna"))
    assert await enroll_one(road) == ("ready", "SENDER_FORBIDDEN")
    assert await road.run("SELECT first_sending_at FROM enrollments") == [(None,)]
    assert await road.run("SELECT * FROM sender_reservations") == []
    assert await enroll_one(road) == ("enrolled", None)
    assert await reasons(road) == {
        "dan": (False, "refused by HubSpot: SENDER_FORBIDDEN"),
        "anna": (True, "the rule names it as the fallback"),
    }
    assert await refusals(road) == [("dan@acme.example", 1, False)]


async def test_a_sender_that_hubspot_forbids_three_times_is_paused_and_one_read_tells(
    road: Road, make_entry: MakeEntry
) -> None:
    await road.control("settings", {"sender_refusals": 403})
    for number in range(3):
        await road.accept(make_entry(f"e{number}", f"p{number}@x.example", sender="broken"))
        assert await enroll_one(road) == ("parked", "SENDER_FORBIDDEN")
    assert await refusals(road) == [("dan@acme.example", 3, True)]
    await road.accept(make_entry("late", "late@x.example", sender="broken"))
    assert await enroll_one(road) == ("held", "sender_paused")
    await road.accept(make_entry("next", "next@x.example", sender="broken", fallback="anna"))
    assert await enroll_one(road) == ("enrolled", None)
    assert (await reads(road, "sequences"), await reads(road, "enroll")) == (1, 4)
    ((detail,),) = await road.run("SELECT DISTINCT detail FROM enrollments WHERE state = 'parked'")
    assert "HubSpot says: No connected inbox has the sender's address" in detail


async def test_a_403_of_the_account_is_tried_again_and_blames_no_sender(road: Road, make_entry: MakeEntry) -> None:
    await road.control("faults", [FORBIDDEN, FORBIDDEN | {"route": "sequences"}])
    await road.accept(make_entry("e1", fallback="ben"))
    assert await enroll_one(road) == ("ready", "FORBIDDEN")
    assert await refusals(road) == []


@pytest.mark.parametrize(
    ("code", "outcome"),
    [
        ("FORBIDDEN", ("ready", "FORBIDDEN")),
        ("A_NEW_CODE", ("parked", "A_NEW_CODE")),
    ],
)
async def test_where_the_read_is_not_answered_the_refusal_stays_as_it_is(
    road: Road, make_entry: MakeEntry, code: str, outcome: tuple[str, str]
) -> None:
    refused = FORBIDDEN | {"code": code, "status": 403}
    await road.control("faults", [refused, {"route": "sequences", "kind": "drop_before"}])
    await road.accept(make_entry("e1", fallback="ben"))
    assert await enroll_one(road) == outcome
    assert await refusals(road) == []


async def test_a_code_that_says_whose_fault_it_is_costs_no_read(road: Road, make_entry: MakeEntry) -> None:
    await road.fault(**FORBIDDEN | {"code": "MISSING_SCOPES"})
    await road.accept(make_entry("e1", fallback="ben"))
    assert await enroll_one(road) == ("ready", "MISSING_SCOPES")
    assert await reads(road, "sequences", "account") == 0


async def test_an_unknown_code_of_a_403_is_the_senders_where_the_account_works(
    road: Road, make_entry: MakeEntry
) -> None:
    await road.fault(**FORBIDDEN | {"code": "A_NEW_CODE", "status": 403})
    await road.accept(make_entry("e1"))
    assert await enroll_one(road) == ("parked", "SENDER_FORBIDDEN")
    ((detail,),) = await road.run("SELECT detail FROM enrollments")
    assert "A_NEW_CODE" in detail


async def test_for_the_only_sender_of_the_rules_the_account_is_read(
    engine: AsyncEngine, sandbox_url: str, make_entry: MakeEntry
) -> None:
    async with open_road(engine, sandbox_url, book=ALONE) as road:
        await road.control("settings", {"sender_refusals": 403})
        await road.accept(make_entry("e1", sender="dan"))
        assert await enroll_one(road) == ("parked", "SENDER_FORBIDDEN")
        assert (await reads(road, "account"), await reads(road, "sequences")) == (1, 0)


@pytest.mark.parametrize("code", ["DISCONNECTED_INBOX", "NO_INBOX_FOR_SENDER_ADDRESS", "GMAIL_SEND_FAIL"])
async def test_a_member_of_a_pool_whose_inbox_is_refused_hands_over_to_another(
    road: Road, make_entry: MakeEntry, code: str
) -> None:
    await road.fault(route="enroll", kind="status", code=code, times=1)
    await road.accept(make_entry("e1", sender="turns"))
    assert await enroll_one(road) == ("ready", code)
    assert await enroll_one(road) == ("enrolled", None)
    assert (await reasons(road))["anna"] == (False, f"refused by HubSpot: {code}")
    assert await road.run("SELECT sender FROM enrollments") == [("ben",)]


async def test_a_sender_that_may_have_sent_the_request_already_is_not_exchanged(
    road: Road, make_entry: MakeEntry
) -> None:
    await road.accept(make_entry("e1", fallback="ben"))
    await road.fault(kind="drop_before", times=1)
    assert await road.enroll() == ("uncertain", "no_outcome")
    for _ in range(3):
        await road.settle()
    await road.fault(**FORBIDDEN | {"code": "DISCONNECTED_INBOX", "times": 1})
    assert await road.enroll() == ("parked", "DISCONNECTED_INBOX")
    assert await road.run("SELECT sender FROM enrollments") == [("anna",)]


async def test_a_released_enrollment_takes_the_sender_that_was_refused_before(
    road: Road, make_entry: MakeEntry
) -> None:
    await road.fault(**FORBIDDEN | {"code": "DISCONNECTED_INBOX", "times": 1})
    await road.accept(make_entry("e1"))
    assert await enroll_one(road) == ("parked", "DISCONNECTED_INBOX")
    await road.run("UPDATE enrollments SET state = 'ready', reason = NULL, due_at = clock_timestamp()")
    assert await enroll_one(road) == ("enrolled", None)
