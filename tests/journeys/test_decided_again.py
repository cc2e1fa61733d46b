"""An operator's own mistake costs no lead: it is mended, and the event is decided once more."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

from tests.support.logs import logged, rules_file
from tests.support.processes import Process
from tests.support.world import LONG, RULES

if TYPE_CHECKING:
    from tests.support.world import World

STATES = "SELECT state, reason FROM enrollments ORDER BY id"


async def reload(world: World) -> None:
    world.processes[0].send(signal.SIGHUP)
    await logged(world, "rulebook.loaded", times=2)


async def test_a_wrong_sequence_is_mended_and_everybody_who_waited_is_enrolled(world: World) -> None:
    rules_file(world).write_text(RULES.replace(f'"{LONG}"', '"999999"'))
    await world.start("serve")
    emails = [await world.send_event(number, "long") for number in range(3)]
    await world.until_settled()
    assert await world.rows(STATES) == [("parked", "OBJECT_NOT_FOUND")] * 3
    rules_file(world).write_text(RULES)
    await reload(world)

    command = ["-m", "app", "decide", "--rule", "long", "--since", "2026-01-01"]
    decide = Process(command, world.environment, r"3 events: 3 decided, 3 replaced, 3 enroll")
    await decide.wait_until_up()
    decide.end()
    await world.until_settled()

    states = await world.rows(STATES)
    assert sorted(states) == [("cancelled", "replaced")] * 3 + [("enrolled", None)] * 3
    enrolled = [entry["email"] for entry in await world.control("ledger") if entry["processed"]]
    assert sorted(enrolled) == sorted(emails)


async def test_a_property_that_hubspot_lacked_is_made_and_the_parked_enrollment_released(world: World) -> None:
    contact = "contact: {set: {demo_stage: \"'hot'\"}}, enroll"
    rules_file(world).write_text(RULES.replace("enroll", contact, 1))
    await world.start("serve")
    email = await world.send_event(1, "long")
    await world.until_settled()
    ((parked,),) = await world.rows("SELECT id FROM enrollments")
    assert await world.rows(STATES) == [("parked", "PROPERTY_DOESNT_EXIST")]

    await world.send_event(1, "long")
    assert await world.rows(STATES) == [("parked", "PROPERTY_DOESNT_EXIST")]  # a duplicate: an operator has the word
    await world.control("settings", {"extra_properties": ["demo_stage"]})
    # HubSpot's definitions are read again after 10 s at the earliest; until then it is parked once more.
    while await world.rows(STATES) == [("parked", "PROPERTY_DOESNT_EXIST")]:
        release = Process(["-m", "app", "release", parked], world.environment, f"{parked} is released")
        await release.wait_until_up()
        release.end()
        await world.until_settled()

    assert await world.rows(STATES) == [("enrolled", None)]
    assert [entry["email"] for entry in await world.control("ledger")] == [email]
