"""What a rule writes fits the contact's properties, or parks until the property is corrected."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest

from app.clock import utc_now
from app.hubspot.properties import AGAIN_SECONDS
from app.model import Account, Delivery
from app.rules.file.documents import Document
from app.rules.load import load
from app.rules.match import decide
from app.sources import PROVIDERS
from tests.support.rulebooks import book, event

if TYPE_CHECKING:
    from collections.abc import Mapping

    from app.model import PropertyValue
    from tests.conftest import MakeEntry
    from tests.support.road import Road

ADA = "ada@corp.example"
FORM = {
    "event_id": "rep-1",
    "event_type": "form_response",
    "form_response": {
        "form_id": "f1",
        "token": "t-1",
        "submitted_at": "2026-11-28T10:00:00Z",
        "definition": {
            "id": "f1",
            "fields": [
                {"id": "a", "title": "Your work email", "type": "email", "ref": "email"},
                {"id": "c", "title": "Topics", "type": "multiple_choice", "ref": "topics"},
            ],
        },
        "answers": [
            {"type": "email", "email": ADA, "field": {"id": "a", "type": "email", "ref": "email"}},
            {
                "type": "choices",
                "choices": {"ids": ["x", "y"], "labels": ["Bees", "Honey"]},
                "field": {"id": "c", "type": "multiple_choice", "ref": "topics"},
            },
        ],
    },
}
FORM_RULES = """version: 1
sources: {form: {provider: typeform, secrets: [tf-made-up]}}
senders: {anna: {user_id: "7001", email: anna@acme.example}}
rules:
  - id: one
    source: form
    type: form_response
    contact: {set: {interests: event.data.topics, demo_date: event.occurred_at}}
    enroll: {sequence: "310001", sender: anna}
"""
TOPICS = {"name": "interests", "type": "enumeration", "options": ["Bees", "Honey"], "several": True}


def written(value: str, **fields: Any) -> Mapping[str, PropertyValue]:
    """Return what a rule writes to the property `p` for an event with these fields."""
    rule = f"  - {{id: one, source: crm, type: a, contact: {{set: {{p: {value}}}}}, update: true}}\n"
    (decision,) = decide(event(**fields), book(rule))
    assert decision.enroll is not None
    return decision.enroll.properties


async def define(road: Road, *definitions: Any) -> None:
    await road.control("settings", {"extra_properties": list(definitions)})


async def shows(road: Road, name: str) -> str | None:
    people = await road.control("people")
    found: str | None = next(p["properties"] for p in people if p["properties"].get("email") == ADA).get(name)
    return found


async def notes(road: Road) -> list[str]:
    found = await road.run("SELECT detail FROM journal WHERE cause = 'property_not_written' ORDER BY id")
    return [detail for (detail,) in found]


async def detail(road: Road) -> str:
    ((found,),) = await road.run("SELECT detail FROM enrollments")
    return str(found)


async def release(road: Road) -> None:
    await road.run("UPDATE enrollments SET state = 'ready', reason = NULL, due_at = clock_timestamp()")


@pytest.mark.parametrize(("topics", "kept"), [(["Honey", "Bees", "Honey"], "Honey;Bees"), (["bees"], "Bees")])
async def test_a_list_is_written_as_several_options(
    road: Road, make_entry: MakeEntry, topics: list[str], kept: str
) -> None:
    await define(road, TOPICS)
    values = written("event.data.topics", data={"topics": topics})
    await road.accept(make_entry("e1", properties={"interests": values["p"], "firstname": "Ada"}))
    assert await road.enroll() == ("enrolled", None)
    assert (await shows(road, "interests"), await shows(road, "firstname")) == (kept, "Ada")
    assert await notes(road) == []


async def test_the_choices_and_the_day_of_a_form_reach_the_contact(road: Road, make_entry: MakeEntry) -> None:
    await define(road, TOPICS, {"name": "demo_date", "type": "date"})
    rules = load(
        (Document("rules.yaml", FORM_RULES),),
        environment={},
        providers=PROVIDERS,
        default_account=Account("main", "x"),
    )
    delivery = Delivery("dlv_1", "form", utc_now(), "POST", "https://x.example", {}, json.dumps(FORM).encode())
    (form,) = PROVIDERS["typeform"].events(delivery, rules.sources["form"])
    (decision,) = decide(form, rules)
    assert decision.enroll is not None
    await road.accept(make_entry("e1", properties=decision.enroll.properties, require=()))
    assert await road.enroll() == ("enrolled", None)
    assert (await shows(road, "interests"), await shows(road, "demo_date")) == ("Bees;Honey", "2026-11-28")


async def test_an_instant_is_written_as_the_day_of_the_accounts_clock(road: Road, make_entry: MakeEntry) -> None:
    await define(road, {"name": "demo_date", "type": "date"}, {"name": "demo_at", "type": "datetime"})
    road.clocks.append(ZoneInfo("Europe/Berlin"))
    instant = "2026-11-27T23:30:00+00:00"
    await road.accept(make_entry("e1", properties={"demo_date": instant, "demo_at": instant}, require=()))
    assert await road.enroll() == ("enrolled", None)
    assert (await shows(road, "demo_date"), await shows(road, "demo_at")) == ("2026-11-28", "2026-11-27T23:30:00.000Z")


async def test_what_does_not_fit_is_left_out_and_told_and_the_rest_is_written(
    road: Road, make_entry: MakeEntry
) -> None:
    properties = {"city": ["Ulm", "Bonn"], "numberofemployees": "about 50", "firstname": "Ada"}
    await road.accept(make_entry("e1", properties=properties))
    assert await road.enroll() == ("enrolled", None)
    assert (await shows(road, "city"), await shows(road, "firstname")) == (None, "Ada")
    (told,) = await notes(road)
    assert told == (
        "city was not written: a list into single-line text; "
        "numberofemployees was not written: 'about 50' into a number"
    )


MISTAKES: list[Any] = [
    (None, "PROPERTY_DOESNT_EXIST", "property demo_stage: HubSpot has no such property (PROPERTY_DOESNT_EXIST)"),
    ({"read_only": True}, "READ_ONLY_VALUE", "property demo_stage: the property is read-only (READ_ONLY_VALUE)"),
    (
        {"type": "enumeration", "options": ["cold"]},
        "INVALID_OPTION",
        "property demo_stage: 'hot' is none of its options (INVALID_OPTION)",
    ),
]


@pytest.mark.parametrize(("definition", "reason", "told"), MISTAKES)
@pytest.mark.parametrize("facts", [{}, {"action": "update", "sequence": "", "intent": ""}], ids=["enroll", "update"])
async def test_a_property_to_correct_parks_by_name_and_once_corrected_its_enrollment_is_released(
    road: Road, make_entry: MakeEntry, definition: Any, reason: str, told: str, facts: Any
) -> None:
    await define(road, *([{"name": "demo_stage"} | definition] if definition else []))
    await road.accept(make_entry("e1", properties={"demo_stage": "hot"}, require=(), **facts))
    assert await road.enroll() == ("parked", reason)
    assert told in await detail(road)
    await define(road, {"name": "demo_stage"})
    road.elapsed.append(AGAIN_SECONDS)
    await release(road)
    assert await road.enroll() == ("done" if facts else "enrolled", None)
    assert await shows(road, "demo_stage") == "hot"


async def test_what_our_definitions_say_wrongly_hubspot_corrects(road: Road, make_entry: MakeEntry) -> None:
    """An option that is gone since the definitions were read parks as one that was known to be missing."""
    stage = {"name": "demo_stage", "type": "enumeration", "options": ["cold", "hot"]}
    await define(road, stage)
    await road.accept(make_entry("e1", properties={"demo_stage": "cold"}, require=(), intent="first"))
    assert await road.enroll() == ("enrolled", None)
    await define(road, stage | {"options": ["cold"]})
    await road.accept(make_entry("e2", "bea@corp.example", properties={"demo_stage": "hot"}, require=(), intent="two"))
    (claimed,) = await road.enrollments.claim_ready(10)
    await road.enroller.enroll(claimed)
    ((state, reason, told),) = await road.run(
        "SELECT state, reason, detail FROM enrollments WHERE email = 'bea@corp.example'"
    )
    assert (state, reason) == ("parked", "INVALID_OPTION")
    assert "property demo_stage: the value is none of its options (INVALID_OPTION)" in told


async def test_hubspot_may_refuse_a_property_without_its_name(road: Road, make_entry: MakeEntry) -> None:
    await road.control("settings", {"unnamed_properties": True})
    await road.fault(route="properties", kind="status", code="MISSING_SCOPES")
    await road.accept(make_entry("e1", properties={"numberofemployees": "many"}, require=()))
    assert await road.enroll() == ("parked", "PROPERTY_DATA_IS_INVALID")
    assert "many was not a valid long." in await detail(road)


async def test_where_definitions_may_not_be_read_values_are_written_as_they_are(
    road: Road, make_entry: MakeEntry
) -> None:
    await define(road, TOPICS)
    await road.fault(route="properties", kind="status", code="MISSING_SCOPES")
    await road.accept(make_entry("e1", properties={"interests": ["Bees", "Honey"], "city": "Ulm"}, require=()))
    assert await road.enroll() == ("enrolled", None)
    assert (await shows(road, "interests"), await shows(road, "city")) == ("Bees;Honey", "Ulm")


async def test_definitions_that_cannot_be_read_now_are_waited_for(road: Road, make_entry: MakeEntry) -> None:
    await road.fault(route="properties", kind="status", status=503, times=1)
    await road.accept(make_entry("e1"))
    assert await road.enroll() == ("ready", "hubspot_no_answer")
    road.elapsed.append(AGAIN_SECONDS)
    await release(road)
    assert await road.enroll() == ("enrolled", None)


async def test_a_default_fits_its_property_or_parks_before_a_sequence_is_ended(
    road: Road, make_entry: MakeEntry
) -> None:
    await define(road, {"name": "tier", "type": "enumeration", "options": ["gold"]})
    facts: dict[str, Any] = {"properties": {}, "require": ("tier",)}
    await road.accept(make_entry("e1", **facts, defaults=(("tier", "Gold"),)))
    assert await road.enroll() == ("enrolled", None)
    assert await shows(road, "tier") == "gold"


@pytest.mark.parametrize(
    ("default", "reason"), [("many", "PROPERTY_DATA_IS_INVALID"), ("bronze", "INVALID_OPTION")], ids=["type", "option"]
)
async def test_a_default_that_does_not_fit_parks(road: Road, make_entry: MakeEntry, default: str, reason: str) -> None:
    await define(road, {"name": "tier", "type": "enumeration", "options": ["gold"]})
    name = "tier" if reason == "INVALID_OPTION" else "numberofemployees"
    await road.accept(make_entry("e1", properties={}, require=(name,), defaults=((name, default),)))
    assert await road.enroll() == ("parked", reason)
    assert name in await detail(road)


async def test_a_row_of_an_earlier_version_has_plain_texts(road: Road, make_entry: MakeEntry) -> None:
    await road.accept(make_entry("e1"))
    await road.run("""UPDATE enrollments SET properties = '{"firstname": "Ada", "numberofemployees": "50"}'""")
    assert await road.enroll() == ("enrolled", None)
    assert (await shows(road, "firstname"), await shows(road, "numberofemployees")) == ("Ada", "50")
