"""Properties that say why a contact was enrolled keep no contact from being enrolled."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from app.errors import FenceLost

if TYPE_CHECKING:
    from tests.conftest import MakeEntry
    from tests.support.road import Road

ADA = "ada@corp.example"
WRITE_BACK = (("source", "segue_source"), ("rule", "city"))
SOURCE = (("source", "segue_source"),)
ACT: dict[str, Any] = {"sequence": "", "intent": "", "period": timedelta(), "require": ()}
WORKFLOW: dict[str, Any] = ACT | {"action": "workflow", "target": "910002", "intent": "workflow:910002"}


async def take(road: Road) -> list[tuple[str, str | None]]:
    """Take everything that is ready to its outcome, one after the other; return states and reasons."""
    for claimed in await road.enrollments.claim_ready(10):
        await road.enroller.enroll(claimed)
    return [(state, reason) for state, reason in await road.run("SELECT state, reason FROM enrollments ORDER BY id")]


async def notes(road: Road) -> list[str]:
    found = await road.run("SELECT detail FROM journal WHERE cause = 'write_back_dropped' ORDER BY id")
    return [detail for (detail,) in found]


async def shows(road: Road, email: str = ADA) -> dict[str, str]:
    people = await road.control("people")
    properties: dict[str, str] = next(p["properties"] for p in people if p["properties"].get("email") == email)
    return properties


async def upserts(road: Road) -> int:
    return int(sum((await road.control("calls"))["routes"].get("upsert", {}).values()))


@pytest.mark.parametrize("whole", [False, True], ids=["207", "400"])
async def test_a_write_back_that_hubspot_lacks_is_left_out(road: Road, make_entry: MakeEntry, *, whole: bool) -> None:
    await road.control("settings", {"whole_upserts": whole})
    await road.accept(make_entry("e1", write_back=WRITE_BACK))
    assert await take(road) == [("enrolled", None)]
    assert (await shows(road))["city"] == "demo"
    (note,) = await notes(road)
    assert note == (
        "segue_source was not written: HubSpot has no such property (PROPERTY_DOESNT_EXIST); create or mend it in"
        " HubSpot, or name another one in the account's `write_back`"
    )


DEFINITIONS: list[Any] = [
    ({"read_only": True}, "the property is read-only (READ_ONLY_VALUE)"),
    ({"calculated": True}, "the property is read-only (READ_ONLY_VALUE)"),
    ({"type": "number"}, "the value is no whole number (INVALID_LONG)"),
    ({"type": "date"}, "the value is no date (INVALID_DATE)"),
    ({"type": "bool"}, "the value is none of its options (INVALID_OPTION)"),
    ({"type": "enumeration", "options": ["web"]}, "the value is none of its options (INVALID_OPTION)"),
]


@pytest.mark.parametrize(("definition", "problem"), DEFINITIONS)
async def test_a_write_back_that_takes_no_such_value_is_left_out(
    road: Road, make_entry: MakeEntry, definition: dict[str, Any], problem: str
) -> None:
    await road.control("settings", {"extra_properties": [{"name": "segue_source"} | definition]})
    await road.accept(make_entry("e1", write_back=SOURCE))
    assert await take(road) == [("enrolled", None)]
    (note,) = await notes(road)
    assert note.startswith(f"segue_source was not written: {problem}; ")
    assert (await shows(road))["firstname"] == "Ada"


@pytest.mark.parametrize("facts", [ACT | {"action": "update"}, WORKFLOW], ids=["update", "workflow"])
async def test_every_action_that_writes_a_contact_leaves_it_out(
    road: Road, make_entry: MakeEntry, facts: dict[str, Any]
) -> None:
    await road.accept(make_entry("e1", write_back=WRITE_BACK, **facts))
    assert await take(road) == [("done", None)]
    assert len(await notes(road)) == 1
    assert (await shows(road))["city"] == "demo"


async def test_several_that_fail_for_different_reasons_are_all_left_out_and_reported(
    road: Road, make_entry: MakeEntry
) -> None:
    await road.control("settings", {"extra_properties": [{"name": "segue_rule", "type": "number"}]})
    back = (*SOURCE, ("rule", "segue_rule"), ("decision", "createdate"))
    await road.accept(make_entry("e1", write_back=back))
    assert await take(road) == [("enrolled", None)]
    (note,) = await notes(road)
    for name, code in (
        ("segue_source", "PROPERTY_DOESNT_EXIST"),
        ("segue_rule", "INVALID_LONG"),
        ("createdate", "READ_ONLY_VALUE"),
    ):
        assert f"{name} was not written: " in note
        assert code in note


@pytest.mark.parametrize("whole", [False, True], ids=["207", "400"])
async def test_a_property_of_the_rule_that_hubspot_lacks_parks_and_is_named(
    road: Road, make_entry: MakeEntry, *, whole: bool
) -> None:
    await road.control("settings", {"whole_upserts": whole})
    await road.accept(make_entry("e1", write_back=WRITE_BACK, properties={"nonsense": "1"}, require=()))
    assert await take(road) == [("parked", "PROPERTY_DOESNT_EXIST")]
    ((detail,),) = await road.run("SELECT detail FROM enrollments")
    assert "property nonsense: HubSpot has no such property" in detail
    assert await notes(road) == []
    assert await upserts(road) == 1


async def test_what_a_rule_requires_is_missing_where_its_write_back_fails(road: Road, make_entry: MakeEntry) -> None:
    await road.accept(make_entry("e1", write_back=SOURCE, require=("segue_source",)))
    assert await take(road) == [("refused", "missing_property")]
    assert len(await notes(road)) == 1


async def test_it_is_reported_however_the_enrollment_goes_on(road: Road, make_entry: MakeEntry) -> None:
    """The contact is written once. The journal says what was left out then, though a later attempt does the rest."""
    await road.accept(make_entry("e1", write_back=SOURCE))
    await road.fault(route="read", kind="status", code="LOCKED", times=1)
    assert await take(road) == [("ready", "LOCKED")]
    await road.run("UPDATE enrollments SET due_at = clock_timestamp()")
    assert await take(road) == [("enrolled", None)]
    assert len(await notes(road)) == 1
    assert [one.name for one in road.dropped] == ["segue_source"]


async def test_an_upsert_whose_answer_is_lost_is_written_again_without_it(road: Road, make_entry: MakeEntry) -> None:
    await road.accept(make_entry("e1", write_back=SOURCE))
    await road.fault(route="upsert", kind="drop_after", times=1, nth=2)
    assert await take(road) == [("ready", "hubspot_no_answer")]
    await road.run("UPDATE enrollments SET due_at = clock_timestamp()")
    assert await take(road) == [("enrolled", None)]
    assert len(await notes(road)) == 1
    assert await upserts(road) == 3


async def test_what_hubspot_lacks_is_not_tried_for_the_next_contact(road: Road, make_entry: MakeEntry) -> None:
    for number in range(3):
        await road.accept(make_entry(f"e{number}", f"p{number}@corp.example", write_back=WRITE_BACK))
    people = len(await take(road))
    assert await upserts(road) == people + 1
    assert len(await notes(road)) == people


async def test_a_lost_fence_writes_no_story(road: Road, make_entry: MakeEntry) -> None:
    await road.accept(make_entry("e1", write_back=SOURCE))
    (claimed,) = await road.enrollments.claim_ready(1)
    await road.run("UPDATE enrollments SET attempt = attempt + 1")
    with pytest.raises(FenceLost):
        await road.enroller.enroll(claimed)
    assert await notes(road) == []


async def test_what_waited_under_an_earlier_version_is_enrolled_as_its_plan_says(
    road: Road, make_entry: MakeEntry
) -> None:
    """A plan without `write_back` was written before it was kept there."""
    await road.accept(make_entry("e1", write_back=(("source", "city"),)))
    await road.run("UPDATE enrollments SET plan = plan - 'write_back'")
    assert await take(road) == [("enrolled", None)]
    assert (await shows(road))["city"] == "crm"
