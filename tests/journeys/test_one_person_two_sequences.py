"""One person is enrolled in two sequences."""

from __future__ import annotations

from tests.support.logs import rules_file
from tests.support.world import RULES, World


async def test_two_sequences_for_one_person_go_one_after_the_other(world: World) -> None:
    same = RULES.replace("{id: short, source: crm, type: short", "{id: short, source: crm, type: long")
    rules_file(world).write_text(same.replace("type: long, enroll", "type: long, continue: true, enroll"))
    await world.control("settings", {"delay_ms": {"enroll": 300}})
    await world.start("serve")
    email = await world.send_event(1, "long")
    await world.until_settled()
    states = await world.rows("SELECT sequence, state, reason FROM enrollments ORDER BY id")
    assert sorted(row[1] for row in states) == ["enrolled", "refused"]
    assert {row[2] for row in states if row[1] == "refused"} == {"ALREADY_ENROLLED"}
    ledger = await world.control("ledger")
    assert [(entry["email"], entry["processed"]) for entry in ledger] == [(email, True), (email, False)]
