"""Rows of a real database become sentences: names for ids, who cancelled, what holds a reason, what matters first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest

from app.audit.act import Act, acting
from app.catalogue.cache import Listing
from app.catalogue.listing_store import OWNERS, SEQUENCES, Names, keep_listing
from app.clock import utc_now
from app.console.receipts.decision import decision_receipt
from app.console.receipts.enrollment import receipt
from app.console.receipts.of_rows import decision_facts, enrollment_facts, enrollment_of_event
from app.console.receipts.person import in_short, item_receipt, name_of
from app.console.receipts.wording import Clock
from app.enrollments.operator_store import EnrollmentOperatorStore
from app.ids import Ids
from app.people.suppression import Kind, Suppression
from app.people.suppression_store import SuppressionStore
from app.reports.event_store import EventStore
from app.reports.person_store import PersonPage, PersonStore
from tests.support.enrollments import accept, rows
from tests.support.rulebooks import loaded

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from sqlalchemy.ext.asyncio import AsyncEngine

    Accept = Callable[..., Awaitable[None]]

__all__ = ["accept"]

ADA = "ada@corp.example"
BOOK = loaded("""
version: 1
sources: {crm: {provider: json, verify: none, allow_unverified: true}}
senders: {anna: {user_id: "7001", email: anna@acme.example}}
rules:
  - {id: demo, description: Demo form., source: crm, type: signup, enroll: {sequence: "310001", sender: anna}}
  - {id: left, description: Has left, source: crm, type: gone, cancel: true}
""")


@pytest.fixture
def new_id() -> Callable[[str], str]:
    return Ids()


@pytest.fixture
async def listed(engine: AsyncEngine) -> None:
    names: list[dict[str, Any]] = [{"id": "310001", "name": "Demo request"}]
    await keep_listing(engine, SEQUENCES, Listing("main", names, utc_now()))
    await keep_listing(engine, OWNERS, Listing("main", [{"user_id": "7001", "name": "Anna Archer"}], utc_now()))


def clock() -> Clock:
    return Clock(ZoneInfo("Europe/Berlin"), utc_now())


async def page(engine: AsyncEngine) -> PersonPage:
    return await PersonStore(engine).page(ADA, BOOK)


async def texts(engine: AsyncEngine) -> list[str]:
    return [one.text for one in in_short(ADA, await page(engine), BOOK, clock())]


async def test_nothing_is_stored(engine: AsyncEngine) -> None:
    (text,) = await texts(engine)
    assert text.startswith("Nothing is stored about a***@corp.example")


@pytest.mark.usefixtures("listed")
async def test_what_reached_the_person_comes_first_with_the_names_of_hubspot(
    engine: AsyncEngine, accept: Accept
) -> None:
    await accept(ADA, intent="one")
    await rows(
        engine,
        "UPDATE enrollments SET state = 'enrolled', enrolled_at = '2025-11-24T09:14:00Z', sender = 'anna',"
        " sender_user_id = '7001', hubspot_enrollment_id = '901'",
    )
    await rows(engine, "UPDATE events SET first_name = 'Ada', last_name = 'Okafor'")
    await accept(ADA, intent="two", sequence="310002")
    first, second = await texts(engine)
    assert first == (
        "Ada Okafor was enrolled in Demo request on Monday 24 November 2025 at 10:14 CET, from Anna Archer's inbox, "
        "by the rule “Demo form”."
    )
    assert second.startswith("Ada Okafor has not been enrolled in sequence 310002 yet.")
    found = await page(engine)
    assert name_of(ADA, found) == "Ada Okafor"
    by_kind = [item_receipt(item, name="Ada", page=found, book=BOOK, clock=clock()) for item in found.items]
    assert [one is None for one in by_kind] == [False, False, True] * 2


async def test_a_lost_answer_is_noted_as_inferred(engine: AsyncEngine, accept: Accept) -> None:
    await accept(ADA)
    await rows(engine, "UPDATE enrollments SET state = 'enrolled', enrolled_at = NULL")
    (one,) = in_short(ADA, await page(engine), BOOK, clock())
    assert one.notes[0].startswith("The enrollment itself is inferred")


async def test_who_cancelled_stands_in_the_sentence(engine: AsyncEngine, accept: Accept) -> None:
    await accept(ADA)
    (row,) = await rows(engine, "SELECT id FROM enrollments")
    with acting(Act("marta", "operator", "127.0.0.1", "cancel")):
        assert await EnrollmentOperatorStore(engine).cancel(row.id)
    (text,) = await texts(engine)
    assert ", by marta, before anything was sent. It was asked for by the rule “Demo form”." in text


async def test_a_suppressed_person_is_said_to_be(engine: AsyncEngine, accept: Accept) -> None:
    await SuppressionStore(engine).add(Suppression(Kind.ADDRESS, ADA), None)
    await accept(ADA)
    first, _ = await texts(engine)
    assert first == "a***@corp.example is never enrolled: the suppression list has the address itself."


async def test_an_event_that_led_to_no_enrollment_is_told_by_its_decision(engine: AsyncEngine, accept: Accept) -> None:
    await accept(ADA, data={"n": 1})
    await accept(ADA, data={"n": 2})
    await rows(engine, "DELETE FROM journal")
    (duplicate,) = await rows(engine, "SELECT event_id FROM decisions WHERE verdict = 'duplicate'")
    found = await EventStore(engine).event(duplicate.event_id)
    assert found is not None
    (decision,) = found.decisions
    text = decision_receipt(decision_facts(decision, person="Ada", names=found.names, book=BOOK), clock()).text
    assert text.startswith("Ada was not enrolled in sequence 310001 a second time: the rule “Demo form” matched, and")
    assert text.endswith("by the rule “Demo form” for sequence 310001.")
    assert enrollment_of_event(decision) is None


async def test_the_enrollment_of_an_event_has_the_same_receipt_as_in_the_story(
    engine: AsyncEngine, accept: Accept
) -> None:
    await accept(ADA)
    await rows(engine, "UPDATE enrollments SET state = 'parked', reason = 'no_owner', first_sending_at = now()")
    (event,) = await rows(engine, "SELECT id FROM events")
    found = await EventStore(engine).event(event.id)
    assert found is not None
    own = enrollment_of_event(found.decisions[0])
    assert own is not None
    journal = found.journals[own["id"]]
    facts = enrollment_facts(own, journal, person="a***@corp.example", names=found.names, book=BOOK)
    (story,) = in_short(ADA, await page(engine), BOOK, clock())
    assert receipt(facts, clock()) == story
    assert facts.may_have_been_sent


def test_a_rule_that_is_in_force_no_more_is_named_by_its_id() -> None:
    row = {"verdict": "ignore", "reason": "", "decided_at": utc_now(), "rule": "old", "line": 1, "facts": []}
    text = decision_receipt(decision_facts(row, person="Ada", names=Names(), book=BOOK), clock()).text
    assert "the rule “old”" in text
