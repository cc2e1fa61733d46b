"""What may have changed between preparing and sending: who sends, the window, the deadline, who is suppressed."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from app.enrollments import sending
from app.model import OnSenderFull, Timing, Window
from app.people.suppression import read
from app.people.suppression_store import SuppressionStore
from app.senders.pause_store import SenderPauseStore
from tests.support.road import BOOK, open_road

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from sqlalchemy.ext.asyncio import AsyncEngine

    from tests.conftest import MakeEntry
    from tests.support.road import Road

OFFICE = Window(frozenset({1, 2, 3, 4, 5}), time(9), time(17))
NOON = datetime(2026, 11, 23, 11, tzinfo=UTC)  # a Monday; noon in Berlin, eight in the evening in Tokyo
NEXT = OnSenderFull.NEXT_SENDER
FULL = """
    INSERT INTO sender_reservations (enrollment_id, account, inbox, reserved_at)
    SELECT 'other' || number, 'main', 'anna@acme.example', clock_timestamp() FROM generate_series(1, 3) AS number
"""
CALLED_FULL = """
    INSERT INTO sender_pauses (account, inbox, reason, sender, user_id, full_until)
    VALUES ('main', 'anna@acme.example', 'SEND_LIMIT_EXCEEDED', 'anna', '7001', clock_timestamp() + interval '1 hour')
"""


async def step(road: Road) -> tuple[str, str | None]:
    (claimed,) = await road.enrollments.claim_ready(1)
    await road.enroller.enroll(claimed)
    return await road.state()


async def paused(road: Road) -> None:
    await SenderPauseStore(road.engine).pause("main", BOOK.senders["anna"], "by an operator")


async def test_nothing_is_sent_by_a_sender_that_was_paused_meanwhile(road: Road, make_entry: MakeEntry) -> None:
    await road.accept(make_entry("e1", sender="anna"))
    road.meanwhile.append(partial(paused, road))
    assert await step(road) == ("ready", "sender_paused")
    assert await step(road) == ("held", "sender_paused")
    assert await road.control("ledger") == []
    assert await road.run("SELECT sending_at, first_sending_at FROM enrollments") == [(None, None)]


@pytest.mark.parametrize("full", [FULL, CALLED_FULL])
async def test_a_sender_that_is_full_by_now_is_exchanged_as_its_rule_says(
    road: Road, make_entry: MakeEntry, full: str
) -> None:
    await road.accept(make_entry("e1", sender="anna", fallback="ben", on_sender_full=NEXT))
    road.meanwhile.append(partial(road.run, full))
    assert await step(road) == ("ready", "quota")
    assert await step(road) == ("enrolled", None)
    (entry,) = await road.control("ledger")
    assert entry["user_id"] == "7002"


async def test_who_comes_in_for_a_full_sender_has_a_clock_of_its_own(road: Road, make_entry: MakeEntry) -> None:
    road.at(NOON)
    timing = Timing(OFFICE, otherwise="Asia/Tokyo")
    await road.accept(make_entry("e1", sender="anna", fallback="ben", on_sender_full=NEXT, timing=timing))
    road.meanwhile.append(partial(road.run, FULL))
    assert await step(road) == ("ready", "quota")
    assert await step(road) == ("held", "window")
    assert await road.control("ledger") == []


async def ada(road: Road) -> dict[str, Any]:
    people = await road.control("people")
    found: dict[str, Any] = next(person for person in people if person["properties"].get("email") == "ada@corp.example")
    return found


async def shows(road: Road, name: str) -> str | None:
    shown: str | None = (await ada(road))["properties"].get(name)
    return shown


async def test_who_comes_in_for_a_full_sender_takes_over_the_contact_that_was_given_to_it(
    road: Road, make_entry: MakeEntry
) -> None:
    await road.accept(make_entry("e1", sender="anna", fallback="ben", on_sender_full=NEXT, owner="sender"))
    road.meanwhile.append(partial(road.run, FULL))
    assert await step(road) == ("ready", "quota")
    assert await shows(road, "hubspot_owner_id") == "90211"
    assert await step(road) == ("enrolled", None)
    assert await shows(road, "hubspot_owner_id") == "90212"


async def test_a_contact_with_another_owner_keeps_it_whatever_comes_in(road: Road, make_entry: MakeEntry) -> None:
    await road.write("ada@corp.example", hubspot_owner_id="90211")
    await road.accept(make_entry("e1", sender="anna", fallback="ben", on_sender_full=NEXT, owner="sender"))
    road.meanwhile.append(partial(road.run, FULL))
    assert await step(road) == ("ready", "quota")
    assert await step(road) == ("enrolled", None)
    assert await shows(road, "hubspot_owner_id") == "90211"


async def test_a_window_that_closed_meanwhile_is_respected(road: Road, make_entry: MakeEntry) -> None:
    road.at(NOON)

    async def evening() -> None:
        road.at(NOON + timedelta(hours=6))

    await road.accept(make_entry("e1", timing=Timing(OFFICE)))
    road.meanwhile.append(evening)
    assert await step(road) == ("held", "window")
    assert await road.control("ledger") == []


async def test_a_person_suppressed_meanwhile_is_not_sent(road: Road, make_entry: MakeEntry) -> None:
    await road.accept(make_entry("e1"))
    road.meanwhile.append(partial(SuppressionStore(road.engine).add, read("corp.example"), None))
    assert await step(road) == ("refused", "suppressed")
    assert await road.control("ledger") == []
    assert await road.run("SELECT * FROM sender_reservations") == []


class BeforeConnection(httpx.AsyncHTTPTransport):
    """The network; `meanwhile` happens once, after the commit of `sending` and before a connection is taken."""

    def __init__(self) -> None:
        super().__init__()
        self.meanwhile: list[Callable[[], Awaitable[object]]] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if "/enroll" in request.url.path:
            while self.meanwhile:
                await self.meanwhile.pop()()
        return await super().handle_async_request(request)


@pytest.mark.parametrize("earlier_request", [False, True])
async def test_a_decline_between_commit_and_first_byte_frees_the_intent_unless_an_earlier_request_may_have_worked(
    engine: AsyncEngine,
    sandbox_url: str,
    make_entry: MakeEntry,
    monkeypatch: pytest.MonkeyPatch,
    *,
    earlier_request: bool,
) -> None:
    monkeypatch.setattr(sending, "LIFE_SECONDS", -1.0)
    network = BeforeConnection()
    async with open_road(engine, sandbox_url, transport=network) as road:
        await road.accept(make_entry("e1"))
        if earlier_request:
            await road.fault(kind="drop_before", times=1)
            assert await road.enroll() == ("uncertain", "no_outcome")
            assert [await road.settle() for _ in range(3)][-1][0] == "ready"
        network.meanwhile.append(partial(SuppressionStore(engine).add, read("corp.example"), None))
        assert await road.enroll() == ("refused", "suppressed")
        assert not network.meanwhile
        assert await road.run("SELECT count(*) FROM intents") == [(int(earlier_request),)]
        ((first_sending_at,),) = await road.run("SELECT first_sending_at FROM enrollments")
        assert (first_sending_at is not None) is earlier_request


async def test_whose_time_is_over_meanwhile_is_not_sent_and_expires(road: Road, make_entry: MakeEntry) -> None:
    await road.accept(make_entry("e1", expires_after=timedelta(days=36_500)))
    road.meanwhile.append(partial(road.run, "UPDATE enrollments SET expires_at = clock_timestamp()"))
    assert await step(road) == ("held", "expired")
    assert list((await road.enrollments.expire()).values()) == ["310001"]
    assert await road.state() == ("expired", "expired")
    assert await road.control("ledger") == []
    assert await road.run("SELECT * FROM sender_reservations") == []


async def looked_at_again(road: Road) -> tuple[str, str | None]:
    await road.run("UPDATE enrollments SET state = 'ready', due_at = clock_timestamp() WHERE state = 'held'")
    return await step(road)


async def test_what_was_corrected_while_an_enrollment_waits_is_not_overwritten(
    road: Road, make_entry: MakeEntry
) -> None:
    await road.control("settings", {"one_step_seconds": 3600.0})
    await road.control("enroll-elsewhere", {"email": "ada@corp.example", "sequence": "310002"})
    await road.accept(make_entry("e1", if_enrolled="wait", properties={"firstname": "Ada", "company": "OldCo"}))
    assert await step(road) == ("held", "already_enrolled")
    assert await shows(road, "company") == "OldCo"
    await road.write("ada@corp.example", company="Corrected")
    assert await looked_at_again(road) == ("held", "already_enrolled")
    await road.control("happen", {"email": "ada@corp.example", "what": "reply"})
    assert await looked_at_again(road) == ("enrolled", None)
    assert await shows(road, "company") == "Corrected"


async def test_a_contact_that_was_deleted_while_it_waited_is_written_anew(road: Road, make_entry: MakeEntry) -> None:
    await road.accept(make_entry("e1"))
    await road.run("UPDATE enrollments SET contact_id = '99999999'")
    assert await step(road) == ("enrolled", None)
    assert await shows(road, "firstname") == "Ada"


async def test_no_contact_is_taken_out_of_a_sequence_for_an_enrollment_that_lacks_something(
    road: Road, make_entry: MakeEntry
) -> None:
    await road.control("settings", {"bridge_seconds": 0.0, "one_step_seconds": 3600.0})
    await road.control("enroll-elsewhere", {"email": "ada@corp.example", "sequence": "310002"})
    await road.accept(make_entry("e1", if_enrolled="replace", require=("jobtitle",)))
    assert await step(road) == ("refused", "missing_property")
    assert (await ada(road))["running"] is not None
    assert await road.run("SELECT * FROM journal WHERE cause = 'triggered'") == []


async def test_whose_contact_is_on_its_way_out_does_not_expire_in_between(road: Road, make_entry: MakeEntry) -> None:
    await road.control("settings", {"bridge_seconds": 0.0, "one_step_seconds": 3600.0})
    await road.control("enroll-elsewhere", {"email": "ada@corp.example", "sequence": "310002"})
    await road.accept(make_entry("e1", if_enrolled="replace", expires_after=timedelta(days=36_500)))
    assert await step(road) == ("held", "unenrolling")
    await road.run("UPDATE enrollments SET expires_at = clock_timestamp()")
    assert await road.enrollments.expire() == {}
    road.at(datetime.now(UTC) + timedelta(minutes=3))
    assert await looked_at_again(road) == ("enrolled", None)
