"""Stored events that are decided again: what replaces what, and that nothing is ever made twice."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from structlog.testing import capture_logs

from app.errors import MoreThanShown
from app.intake.redecide import Bounds
from tests.support.decided_again import ADA, DEMO, Desk
from tests.support.enrollments import until_a_statement_waits, worker

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

SENT = "first_sending_at = clock_timestamp()"
FREED = "DELETE FROM intents"
PARKED = "state = 'parked', reason = 'SEQUENCE_ID_INVALID'"
MENDED = DEMO.replace("310001", "310003")


@pytest.fixture
def desk(engine: AsyncEngine) -> Desk:
    return Desk(engine)


async def test_what_was_parked_is_replaced_by_what_the_mended_rule_says(desk: Desk) -> None:
    event_id = await desk.accept()
    await desk.put(PARKED)
    desk.mend(MENDED)

    result = await desk.decide(event_id)

    (old, new) = await desk.run("SELECT id, state, reason, sequence FROM enrollments ORDER BY id")
    assert old[1:] == ("cancelled", "replaced", "310001")
    assert new[1:] == ("ready", None, "310003")
    assert (result.status, result.before, result.replaced) == (
        "decided",
        "parked (SEQUENCE_ID_INVALID)",
        {old[0]: new[0]},
    )
    assert await desk.run("SELECT enrollment_id FROM intents") == [(new[0],)]
    first, second = await desk.run("SELECT id, replaces FROM decisions ORDER BY id")
    assert (first[1], second[1]) == (None, first[0])
    lines = await desk.run("SELECT enrollment_id, before, after, cause, detail FROM journal ORDER BY id")
    assert (old[0], "parked", "cancelled", "replaced", f"replaced by {new[0]}") in lines
    assert (new[0], None, "ready", "accepted", "decided again (api)") in lines


NOT_SENT = [
    (PARKED, ("cancelled", "replaced")),
    ("state = 'refused', reason = 'PROPERTY_DATA_IS_INVALID'", ("refused", "PROPERTY_DATA_IS_INVALID")),
    ("state = 'cancelled', reason = 'by_operator'", ("cancelled", "by_operator")),
    ("state = 'cancelled', reason = 'by_rule'", ("cancelled", "by_rule")),
    ("state = 'expired', reason = 'expired'", ("expired", "expired")),
    (f"{PARKED}, triggered_until = clock_timestamp() - interval '1 hour'", ("cancelled", "replaced")),
]


@pytest.mark.parametrize(("left", "then"), NOT_SENT)
async def test_what_was_certainly_not_sent_is_replaced(desk: Desk, left: str, then: tuple[str, str]) -> None:
    event_id = await desk.accept()
    await desk.put(left)
    if "parked" not in left:
        await desk.run(FREED)
    result = await desk.decide(event_id)
    assert [one.verdict for one in result.decisions] == ["enroll"]
    assert await desk.states() == [then, ("ready", None)]


STANDING = [
    *(f"state = '{state}', {SENT}" for state in ("parked", "refused", "cancelled", "expired")),
    *(f"state = '{state}'" for state in ("held", "ready", "working", "uncertain", "enrolled", "done")),
    f'{PARKED}, plan = CAST(\'{{"action": "workflow"}}\' AS jsonb), triggered_at = clock_timestamp()',
    f"{PARKED}, triggered_until = clock_timestamp() + interval '1 hour'",
]


@pytest.mark.parametrize("left", STANDING)
@pytest.mark.parametrize("intent", ["kept", "free"])
async def test_what_may_have_been_sent_or_is_under_way_stands(desk: Desk, left: str, intent: str) -> None:
    event_id = await desk.accept()
    await desk.put(left)
    if intent == "free":
        await desk.run(FREED)
    ((id_, state),) = await desk.run("SELECT id, state FROM enrollments")
    result = await desk.decide(event_id)
    ((verdict, reason),) = [(one.verdict, one.reason) for one in result.decisions]
    assert verdict == "duplicate"
    assert reason.startswith(f"duplicate of {id_} of the same event")
    assert [row[0] for row in await desk.states()] == [state]
    assert await desk.run("SELECT reason, enrollment_id FROM decisions ORDER BY id DESC LIMIT 1") == [(reason, None)]


async def test_what_hubspot_itself_refused_was_not_sent(desk: Desk) -> None:
    event_id = await desk.accept()
    await desk.put(f"state = 'refused', reason = 'UNSUBSCRIBED', {SENT}")
    await desk.run(
        "INSERT INTO journal (enrollment_id, at, after, step, attempt, cause)"
        " SELECT id, clock_timestamp(), 'refused', 'sending', 1, 'refused' FROM enrollments"
    )
    await desk.run(FREED)
    await desk.decide(event_id)
    assert await desk.states() == [("refused", "UNSUBSCRIBED"), ("ready", None)]


async def test_now_and_the_answers_are_those_of_the_arrival(desk: Desk) -> None:
    desk.mend(DEMO + "    when: event.exit\n")
    event_id = await desk.accept(answers={"Size": "50+"})
    await desk.run("UPDATE events SET received_at = '2026-01-01T00:00:00Z'")
    desk.mend(DEMO + """    when: 'has_answer("Size", "50+") && now() == timestamp("2026-01-01T00:00:00Z")'\n""")
    result = await desk.decide(event_id)
    assert [one.verdict for one in result.decisions] == ["enroll"]


async def test_an_event_that_no_rule_matched_is_decided_by_the_mended_condition(desk: Desk) -> None:
    desk.mend(DEMO + "    when: event.data.employees > 800\n")
    event_id = await desk.accept()
    desk.mend(DEMO + "    when: event.data.employees > 8\n")
    result = await desk.decide(event_id)
    assert (result.before, await desk.verdicts(), await desk.states()) == (
        "none",
        ["none", "enroll"],
        [("ready", None)],
    )
    heard, decided = await desk.run("SELECT decided_at, (SELECT heard_at FROM enrollments) FROM decisions ORDER BY id")
    assert heard[0] == heard[1] == decided[1]


async def test_the_same_no_by_the_same_rules_is_not_written_again(desk: Desk) -> None:
    desk.mend(DEMO + "    when: event.data.employees > 800\n")
    event_id = await desk.accept()
    result = await desk.decide(event_id)
    assert (result.status, [one.id for one in result.decisions]) == ("unchanged", [None])
    enrolled = await desk.accept("2")
    desk.mend(DEMO)
    await desk.decide(enrolled)
    await desk.put("state = 'enrolled'")
    assert (await desk.decide(enrolled)).status == "decided"
    assert (await desk.decide(enrolled)).status == "unchanged"
    assert await desk.verdicts() == ["none", "none", "enroll", "duplicate"]


async def test_a_rule_that_says_no_now_leaves_what_is_parked(desk: Desk) -> None:
    event_id = await desk.accept()
    await desk.put(PARKED)
    desk.mend(DEMO + "    when: event.data.employees > 800\n")
    result = await desk.decide(event_id)
    assert ([one.verdict for one in result.decisions], result.replaced) == (["none"], {})
    assert await desk.states() == [("parked", "SEQUENCE_ID_INVALID")]


async def test_of_several_rules_each_replaces_its_own(desk: Desk) -> None:
    two = DEMO + "    continue: true\n" + DEMO.replace("id: demo", "id: other").replace("intent: demo", "intent: other")
    desk.mend(two)
    event_id = await desk.accept()
    await desk.run("UPDATE enrollments SET state = 'enrolled' WHERE rule = 'demo'")
    await desk.run(f"UPDATE enrollments SET {PARKED} WHERE rule = 'other'")  # noqa: S608  # ours
    result = await desk.decide(event_id)
    assert [one.verdict for one in result.decisions] == ["duplicate", "enroll"]
    states = "SELECT rule, state FROM enrollments ORDER BY id"
    assert await desk.run(states) == [("demo", "enrolled"), ("other", "cancelled"), ("other", "ready")]


@pytest.mark.parametrize(("left", "verdict"), [("state = 'enrolled'", "duplicate"), (PARKED, "enroll")])
async def test_a_renamed_rule_meets_what_its_old_name_has_made(desk: Desk, left: str, verdict: str) -> None:
    event_id = await desk.accept()
    await desk.put(left)
    desk.mend(DEMO.replace("id: demo", "id: renamed").replace("intent: demo", "intent: renamed"))
    result = await desk.decide(event_id)
    assert [one.verdict for one in result.decisions] == [verdict]
    intents = [("demo",)] if verdict == "duplicate" else [("renamed",)]
    assert await desk.run("SELECT intent FROM intents") == intents


async def test_an_update_that_is_done_does_not_keep_a_parked_enrollment(desk: Desk) -> None:
    update = "\n  - {id: facts, source: crm, type: a, update: true, continue: true, contact: {set: {city: event.type}}}"
    desk.mend(update + DEMO)
    event_id = await desk.accept()
    await desk.run("UPDATE enrollments SET state = 'done' WHERE rule = 'facts'")
    await desk.run(f"UPDATE enrollments SET {PARKED} WHERE rule = 'demo'")  # noqa: S608  # ours
    desk.mend(MENDED)
    result = await desk.decide(event_id)
    assert [one.verdict for one in result.decisions] == ["enroll"]


async def test_an_intent_that_another_event_holds_stays_there(desk: Desk) -> None:
    first = await desk.accept("1")
    await desk.put("state = 'cancelled', reason = 'by_operator'")
    await desk.run(FREED)
    await desk.accept("2")
    ((holder,),) = await desk.run("SELECT enrollment_id FROM intents")
    result = await desk.decide(first)
    assert [(one.verdict, one.reason) for one in result.decisions] == [("duplicate", f"duplicate of {holder}")]
    assert len(await desk.states()) == 2


async def test_an_intent_whose_period_is_over_is_taken(desk: Desk) -> None:
    first = await desk.accept("1")
    await desk.put(PARKED)
    await desk.run("UPDATE intents SET enrollment_id = 'enr_other', until = clock_timestamp() - interval '1 day'")
    result = await desk.decide(first)
    ((holder,),) = await desk.run("SELECT enrollment_id FROM intents")
    assert [one.enrollment_id for one in result.decisions] == [holder]


async def test_two_operators_at_the_same_moment_make_one_enrollment(desk: Desk) -> None:
    event_id = await desk.accept()
    await desk.put(PARKED)
    results = await asyncio.gather(*(desk.decide(event_id) for _ in range(8)))
    assert sorted(result.decisions[0].verdict for result in results) == ["duplicate"] * 7 + ["enroll"]
    assert await desk.states() == [("cancelled", "replaced"), ("ready", None)]


async def test_an_action_without_an_intent_is_made_once_however_many_ask(desk: Desk) -> None:
    update = "\n  - {id: facts, source: crm, type: a, update: true, contact: {set: {city: event.type}}, when: %s}\n"
    desk.mend(update % "'false'")
    event_id = await desk.accept()
    desk.mend(update % "'true'")
    results = await asyncio.gather(*(desk.decide(event_id) for _ in range(8)))
    assert sorted(result.decisions[0].verdict for result in results) == ["duplicate"] * 7 + ["update"]
    assert await desk.states() == [("ready", None)]


async def test_an_enrollment_that_is_released_at_this_moment_stands(desk: Desk) -> None:
    event_id = await desk.accept()
    await desk.put(PARKED)
    async with desk.engine.connect() as connection:
        await connection.exec_driver_sql("UPDATE enrollments SET state = 'ready'")
        deciding = asyncio.create_task(desk.decide(event_id))
        await until_a_statement_waits(desk.engine)
        await connection.commit()
    assert [one.verdict for one in (await deciding).decisions] == ["duplicate"]
    assert await desk.states() == [("ready", "SEQUENCE_ID_INVALID")]


async def test_a_dry_run_says_the_same_and_writes_nothing(desk: Desk) -> None:
    event_id = await desk.accept()
    await desk.put(PARKED)
    desk.mend(MENDED)
    tables = ("decisions", "enrollments", "intents", "journal")
    before = [await desk.run(f"SELECT * FROM {table} ORDER BY 1") for table in tables]  # noqa: S608  # ours
    with capture_logs() as logs:
        result = await desk.decide(event_id, dry_run=True)
    assert [(one.verdict, one.id, one.enrollment_id) for one in result.decisions] == [("enroll", None, None)]
    assert list(result.replaced.values()) == [None]
    assert [await desk.run(f"SELECT * FROM {table} ORDER BY 1") for table in tables] == before  # noqa: S608  # ours
    assert logs == []


async def test_a_person_who_has_left_since_is_known_to_have_left(desk: Desk) -> None:
    event_id = await desk.accept()
    await desk.put("state = 'cancelled', reason = 'by_rule'")
    await desk.run(FREED)
    await desk.accept("2", kind="b")
    await desk.put("plan = CAST('{\"action\": \"cancel\"}' AS jsonb), state = 'done'")
    await desk.run(FREED)
    await desk.decide(event_id)
    (claimed,) = await worker(desk.engine).claim_ready(10)
    ((leaves,),) = await desk.run("SELECT id FROM enrollments WHERE state = 'done'")
    assert claimed.left_by == leaves


async def test_the_time_to_send_begins_anew_and_a_delay_counts_from_the_event(desk: Desk) -> None:
    desk.mend(DEMO.replace("sender: anna}", "sender: anna, expires_after: 1h, delay: 1d}"))
    event_id = await desk.accept()
    await desk.put("state = 'expired', reason = 'expired'")
    await desk.run(FREED)
    await desk.run("UPDATE events SET received_at = received_at - interval '3 days'")
    await desk.decide(event_id)
    ((expires, due, received),) = await desk.run(
        "SELECT expires_at > clock_timestamp(), due_at < clock_timestamp(),"
        " received_at = (SELECT received_at FROM events) FROM enrollments WHERE state = 'held'"
    )
    assert (expires, due, received) == (True, True, True)


async def test_an_event_without_its_payload_is_not_decided(desk: Desk) -> None:
    event_id = await desk.accept()
    await desk.put(PARKED)
    await desk.run("UPDATE events SET data = NULL")
    result = await desk.decide(event_id)
    assert result.status == "not_possible"
    assert "SEGUE_RETENTION_DAYS" in (result.detail or "")
    assert await desk.verdicts() == ["enroll"]


async def test_a_dropped_member_of_a_batch_is_not_decided(desk: Desk) -> None:
    event_id = await desk.accept(dropped="it has no type")
    result = await desk.decide(event_id)
    assert (result.status, await desk.verdicts()) == ("not_possible", ["dropped"])


async def test_an_unknown_event_is_none(desk: Desk) -> None:
    assert await desk.redecider.event("evt_none", by="api") is None


async def test_who_asked_is_logged_without_an_address(desk: Desk) -> None:
    event_id = await desk.accept()
    await desk.put(PARKED)
    with capture_logs() as logs:
        await desk.decide(event_id)
    (line,) = [line for line in logs if line["event"] == "event.decided_again"]
    assert (line["by"], line["event_id"], line["verdicts"]) == ("api", event_id, ["enroll"])
    assert ADA not in str(line)


async def test_all_events_of_a_rule_are_listed_oldest_first_in_pages(desk: Desk) -> None:
    ids = [await desk.accept(str(number), kind="ab"[number % 2]) for number in range(5)]
    desk.mend(DEMO + DEMO.replace("id: demo", "id: c").replace("[a, b]", "c"))
    await desk.accept("c", kind="c")
    await desk.run(f"UPDATE events SET received_at = received_at - interval '30 minutes' WHERE id = '{ids[0]}'")  # noqa: S608  # ours
    ((since,),) = await desk.run(f"SELECT received_at FROM events WHERE id = '{ids[1]}'")  # noqa: S608  # ours
    first = await desk.redecider.rule("demo", since=since, limit=3)
    assert first == ids[1:4]
    assert await desk.redecider.rule("demo", since=since, after=first[-1], limit=3) == ids[4:]


async def test_what_the_rules_ask_for_in_another_account_is_left_out(desk: Desk) -> None:
    event_id = await desk.accept()
    await desk.put(PARKED)
    result = await desk.decide(event_id, bounds=Bounds(account="other"))
    assert (result.status, result.decisions) == ("unchanged", ())
    assert await desk.states() == [("parked", "SEQUENCE_ID_INVALID")]


async def test_an_intent_never_leaves_a_parked_enrollment_that_stays(desk: Desk) -> None:
    """Its own rule asks for an intent that is taken, and another rule for the one that it holds."""
    await desk.accept("2", kind="b")
    await desk.put("state = 'enrolled', intent = 'taken'")
    await desk.run("UPDATE intents SET intent = 'taken'")
    event_id = await desk.accept()
    await desk.put(PARKED)
    desk.mend(
        DEMO.replace("intent: demo", "intent: taken") + "    continue: true\n" + DEMO.replace("id: demo", "id: two")
    )
    result = await desk.decide(event_id)
    assert [one.verdict for one in result.decisions] == ["duplicate", "enroll"]
    assert await desk.states() == [("enrolled", None), ("cancelled", "replaced"), ("ready", None)]


async def test_what_is_released_as_the_rules_are_now_is_parked_under_the_lock(desk: Desk) -> None:
    event_id = await desk.accept()
    await desk.put("state = 'cancelled', reason = 'by_operator'")  # after it was looked at
    ((old,),) = await desk.run("SELECT id FROM enrollments")
    desk.mend(MENDED)
    result = await desk.decide(event_id, bounds=Bounds(account="default", parked=old))
    assert (result.status, result.detail) == ("not_possible", "it is cancelled")
    assert await desk.states() == [("cancelled", "by_operator")]


async def test_more_decisions_than_were_shown_are_not_made(desk: Desk) -> None:
    event_id = await desk.accept()
    await desk.put(PARKED)
    desk.mend(MENDED)
    with pytest.raises(MoreThanShown):
        await desk.decide(event_id, bounds=Bounds(most=0))
    assert await desk.states() == [("parked", "SEQUENCE_ID_INVALID")]
    assert (await desk.decide(event_id, bounds=Bounds(most=1))).status == "decided"
