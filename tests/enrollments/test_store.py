from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy.exc import IntegrityError

from app.enrollments.outcome import Change
from app.errors import FenceLost, SenderGone
from app.model import Baseline, Enrollment, Sender, State, Step
from app.model.states import ImpossibleTransition
from app.people.identity import Person
from app.rules.store import unfinished_elsewhere
from app.senders.quota_store import PERIOD
from tests.support.enrollments import rows, worker

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

    from app.enrollments.store import EnrollmentStore

NOTHING = Baseline(0, None, None)
CONTACT = Person("501", ("501",))
ANNA = Sender("anna", "7001", "anna@acme.example")


async def sent(store: EnrollmentStore) -> Enrollment:
    """Claim one enrollment and commit `sending`."""
    (claimed,) = await store.claim_ready(10)
    await store.checkpoint_prepared(claimed, CONTACT, NOTHING, None)
    await store.commit_sending(claimed, ANNA, limit=None)
    return claimed


async def test_each_enrollment_is_claimed_by_one_worker(engine: AsyncEngine, accept: Any) -> None:
    await accept(*(f"p{n}@corp.example" for n in range(60)))
    workers = [worker(engine, f"w{n}") for n in range(6)]
    claims = await asyncio.gather(*(w.claim_ready(20) for w in workers for _ in range(3)))
    ids = [enrollment.id for claim in claims for enrollment in claim]
    assert len(ids) == len(set(ids)) == 60


async def test_claiming_raises_the_attempt_and_keeps_what_the_rule_said(engine: AsyncEngine, accept: Any) -> None:
    await accept("ada@corp.example")
    (claimed,) = await worker(engine).claim_ready(10)
    assert claimed.attempt == 1
    assert claimed.state is State.WORKING
    assert claimed.step is Step.CLAIMED
    assert (claimed.email, claimed.sequence, claimed.plan.sender) == ("ada@corp.example", "310001", "anna")
    assert claimed.properties == {"firstname": "Ada"}
    assert claimed.require == ("firstname",)
    assert claimed.delivery_id == "dlv_000004"


async def test_a_person_is_in_hand_once_and_the_other_enrollment_waits(engine: AsyncEngine, accept: Any) -> None:
    await accept("ada@corp.example", intent="demo")
    await accept("ada@corp.example", intent="trial", sequence="310003")
    store = worker(engine)
    (first,) = await store.claim_ready(10)
    assert await worker(engine, "two").claim_ready(10) == []
    await store.hold_blocked()
    assert await rows(engine, "SELECT reason FROM enrollments WHERE state = 'held'") == [("other_enrollment",)]
    await store.move(first, State.REFUSED, Change("refused", "UNSUBSCRIBED"))
    (second,) = await store.claim_ready(10)
    assert second.sequence == "310003"


async def test_racing_workers_never_hold_the_same_person_twice(engine: AsyncEngine, accept: Any) -> None:
    for n in range(8):
        await accept(*(f"p{person}@corp.example" for person in range(10)), intent=f"intent {n}")
    claims = await asyncio.gather(*(worker(engine, f"w{n}").claim_ready(7) for n in range(12)))
    people = [enrollment.email for claim in claims for enrollment in claim]
    assert people
    assert len(people) == len(set(people))


async def test_the_database_itself_refuses_two_enrollments_of_a_person_in_hand(
    engine: AsyncEngine, accept: Any
) -> None:
    await accept("ada@corp.example", intent="demo")
    await accept("ada@corp.example", intent="trial")
    with pytest.raises(IntegrityError):
        await rows(engine, "UPDATE enrollments SET state = 'working'")


async def test_a_lost_lease_before_sending_makes_the_enrollment_ready_again(engine: AsyncEngine, accept: Any) -> None:
    await accept("ada@corp.example")
    zombie = worker(engine, "zombie", lease=-1)
    (held,) = await zombie.claim_ready(10)
    heir = worker(engine, "heir")
    assert await heir.reclaim_expired(first_read=30) == {held.id: State.READY}
    (again,) = await heir.claim_ready(10)
    assert again.attempt == 2


async def test_a_lost_lease_after_sending_is_uncertain_and_read_after_the_sending(
    engine: AsyncEngine, accept: Any
) -> None:
    await accept("ada@corp.example")
    held = await sent(worker(engine, "zombie", lease=-1))
    heir = worker(engine, "heir")
    assert await heir.reclaim_expired(first_read=30) == {held.id: State.UNCERTAIN}
    ((wait,),) = await rows(engine, "SELECT due_at - sending_at FROM enrollments")
    assert wait == timedelta(seconds=30)


async def test_a_zombie_writes_nothing_that_is_no_longer_its_own(engine: AsyncEngine, accept: Any) -> None:
    await accept("ada@corp.example")
    zombie = worker(engine, "zombie", lease=-1)
    (held,) = await zombie.claim_ready(10)
    heir = worker(engine, "heir")
    await heir.reclaim_expired(first_read=30)
    await heir.claim_ready(10)
    before = await rows(engine, "SELECT * FROM enrollments")
    for write in (
        zombie.checkpoint_prepared(held, CONTACT, NOTHING, None),
        zombie.commit_sending(held, ANNA, limit=None),
        zombie.move(held, State.REFUSED, Change("refused", "BOUNCED")),
    ):
        with pytest.raises(FenceLost):
            await write
    assert await zombie.renew_leases([held]) == set()
    assert await rows(engine, "SELECT * FROM enrollments") == before
    assert await rows(engine, "SELECT * FROM sender_reservations") == []
    assert await rows(engine, "SELECT count(*) FROM intents") == [(1,)]


async def test_renewed_leases_are_not_taken_over(engine: AsyncEngine, accept: Any) -> None:
    await accept("ada@corp.example", "bob@corp.example")
    store = worker(engine, lease=60)
    held = await store.claim_ready(10)
    await rows(engine, "UPDATE enrollments SET leased_until = clock_timestamp() - interval '1 second'")
    assert await store.renew_leases(held) == {enrollment.id for enrollment in held}
    assert await worker(engine, "heir").reclaim_expired(first_read=30) == {}


async def test_leaving_hands_back_at_once(engine: AsyncEngine, accept: Any) -> None:
    await accept("ada@corp.example")
    store = worker(engine)
    await store.claim_ready(10)
    other = worker(engine, "other")
    assert await other.reclaim_expired(first_read=30, leaving=True) == {}
    await store.reclaim_expired(first_read=30, leaving=True)
    assert len(await other.claim_ready(10)) == 1


async def test_a_refusal_releases_the_intent_and_the_senders_place(engine: AsyncEngine, accept: Any) -> None:
    await accept("ada@corp.example")
    store = worker(engine)
    held = await sent(store)
    assert await rows(engine, "SELECT count(*) FROM sender_reservations") == [(1,)]
    await store.move(held, State.REFUSED, Change("refused", "UNSUBSCRIBED"))
    assert await rows(engine, "SELECT count(*) FROM sender_reservations") == [(0,)]
    assert await rows(engine, "SELECT count(*) FROM intents") == [(0,)]


async def test_what_could_not_be_settled_keeps_intent_and_place(engine: AsyncEngine, accept: Any) -> None:
    await accept("ada@corp.example")
    store = worker(engine)
    held = await sent(store)
    await store.move(held, State.UNCERTAIN, Change("uncertain"))
    (claimed,) = await store.claim_uncertain(1)
    await store.move(claimed, State.PARKED, Change("parked", "unsettled"))
    assert await rows(engine, "SELECT count(*) FROM sender_reservations") == [(1,)]
    assert await rows(engine, "SELECT count(*) FROM intents") == [(1,)]


async def test_a_clear_no_that_a_person_must_look_at_gives_the_place_back(engine: AsyncEngine, accept: Any) -> None:
    await accept("ada@corp.example")
    store = worker(engine)
    await store.move(await sent(store), State.PARKED, Change("parked", "DISCONNECTED_INBOX"))
    assert await rows(engine, "SELECT count(*) FROM sender_reservations") == [(0,)]
    assert await rows(engine, "SELECT count(*) FROM intents") == [(1,)]


@pytest.mark.parametrize("after", [State.ENROLLED, State.UNCERTAIN])
async def test_what_may_have_been_sent_keeps_intent_and_place(engine: AsyncEngine, accept: Any, after: State) -> None:
    await accept("ada@corp.example")
    store = worker(engine)
    held = await sent(store)
    await store.move(held, after, Change("x"))
    assert await rows(engine, "SELECT count(*) FROM sender_reservations") == [(1,)]
    assert await rows(engine, "SELECT count(*) FROM intents") == [(1,)]


async def test_a_full_inbox_takes_no_more_and_says_until_when(engine: AsyncEngine, accept: Any) -> None:
    await accept("ada@corp.example", "bob@corp.example", "cy@corp.example")
    store = worker(engine)
    first, second, third = await store.claim_ready(10)
    await store.commit_sending(first, ANNA, limit=2)
    await store.commit_sending(second, ANNA, limit=2)
    with pytest.raises(SenderGone) as full:
        await store.commit_sending(third, ANNA, limit=2)
    ((first_place, now),) = await rows(engine, "SELECT min(reserved_at), clock_timestamp() FROM sender_reservations")
    # Another sender may be chosen at once; an enrollment that was sent before waits for its own.
    assert (full.value.reason, full.value.until <= now) == ("quota", True)
    with pytest.raises(SenderGone) as waits:
        await store.commit_sending(replace(third, first_sending_at=now), ANNA, limit=2)
    assert waits.value.until == first_place + PERIOD
    assert await rows(engine, f"SELECT step FROM enrollments WHERE id = '{third.id}'") == [("claimed",)]  # noqa: S608
    await rows(engine, "UPDATE sender_reservations SET reserved_at = reserved_at - interval '24 hours 2 minutes'")
    await store.commit_sending(third, ANNA, limit=2)


async def test_racing_reservations_never_exceed_the_inbox(engine: AsyncEngine, accept: Any) -> None:
    await accept(*(f"p{n}@corp.example" for n in range(30)))
    store = worker(engine)
    claimed = await store.claim_ready(50)
    results = await asyncio.gather(*(store.commit_sending(e, ANNA, limit=12) for e in claimed), return_exceptions=True)
    assert sum(isinstance(result, SenderGone) for result in results) == 18
    assert await rows(engine, "SELECT count(*) FROM sender_reservations") == [(12,)]


async def test_a_transition_that_is_not_in_the_table_is_a_defect(engine: AsyncEngine, accept: Any) -> None:
    await accept("ada@corp.example")
    store = worker(engine)
    (held,) = await store.claim_ready(10)
    with pytest.raises(ImpossibleTransition):
        await store.move(held, State.EXPIRED, Change("x"))


async def test_every_transition_is_in_the_journal(engine: AsyncEngine, accept: Any) -> None:
    await accept("ada@corp.example")
    store = worker(engine)
    held = await sent(store)
    await store.move(held, State.ENROLLED, Change("enrolled", hubspot_enrollment_id="900", confirm_in=60))
    journal = await rows(engine, "SELECT before, after, step, attempt, cause FROM journal ORDER BY id")
    assert [tuple(row) for row in journal] == [
        (None, "ready", None, 0, "accepted"),
        ("ready", "working", "claimed", 1, "claimed"),
        ("working", "working", "prepared", 1, "prepared"),
        ("working", "working", "sending", 1, "sending"),
        ("working", "enrolled", "claimed", 1, "enrolled"),
    ]
    assert await rows(engine, "SELECT hubspot_enrollment_id, confirm_at > now() FROM enrollments") == [("900", True)]


async def test_uncertain_enrollments_are_read_when_due_by_one_worker(engine: AsyncEngine, accept: Any) -> None:
    await accept("ada@corp.example")
    store = worker(engine)
    held = await sent(store)
    await store.move(held, State.UNCERTAIN, Change("uncertain", "no_outcome", due_at=held.received_at))
    claims = await asyncio.gather(*(worker(engine, f"w{n}").claim_uncertain(10) for n in range(4)))
    (reader,) = [enrollment for claim in claims for enrollment in claim]
    assert reader.state is State.UNCERTAIN
    assert reader.sending_at is not None
    assert reader.first_sending_at == reader.sending_at
    assert reader.baseline == NOTHING


async def test_held_enrollments_are_released_when_due(engine: AsyncEngine, accept: Any) -> None:
    await accept("ada@corp.example")
    store = worker(engine)
    (held,) = await store.claim_ready(10)
    await store.move(held, State.HELD, Change("held", "quota", due_at=held.received_at))
    assert await store.release_due() == 1
    assert len(await store.claim_ready(10)) == 1


async def test_confirmations_are_kept_without_changing_the_state(engine: AsyncEngine, accept: Any) -> None:
    await accept("ada@corp.example")
    store = worker(engine)
    held = await sent(store)
    await store.move(held, State.ENROLLED, Change("enrolled", confirm_in=-60))
    (row,) = await store.claim_confirmations()
    assert (row["id"], row["contact_id"], row["sequence"]) == (held.id, "501", "310001")
    assert await store.claim_confirmations() == []
    await store.confirm({held.id: "seen"})
    assert await rows(engine, "SELECT state, confirmation, confirm_at FROM enrollments") == [("enrolled", "seen", None)]


async def test_confirmations_wait_for_company_but_not_for_long(engine: AsyncEngine, accept: Any) -> None:
    await accept(*(f"p{number}@corp.example" for number in range(100)))
    store = worker(engine)
    due = "UPDATE enrollments SET state = 'enrolled', sending_at = now(), confirm_at = now() - interval '10 s'"
    await rows(engine, due + " WHERE email <> 'p0@corp.example'")
    assert await store.claim_confirmations() == []
    await rows(engine, due)
    assert len(await store.claim_confirmations()) == 100
    await rows(engine, due + " WHERE email < 'p2'")
    assert await store.claim_confirmations() == []
    await rows(engine, "UPDATE enrollments SET confirm_at = now() - interval '21 s' WHERE email = 'p1@corp.example'")
    assert len(await store.claim_confirmations()) == 12


async def test_what_its_workers_leave_behind_for_72_hours_is_given_up(engine: AsyncEngine, accept: Any) -> None:
    await accept("ada@corp.example")
    store = worker(engine)
    for tries in (1, 2):
        (held,) = await store.claim_ready(10)
        await rows(engine, "UPDATE enrollments SET leased_until = now() - interval '1 second'")
        assert await worker(engine, "heir").reclaim_expired(first_read=30) == {held.id: State.READY}
        assert await rows(engine, "SELECT tries, first_failed_at IS NULL FROM enrollments") == [(tries, False)]
    await rows(engine, "UPDATE enrollments SET first_failed_at = now() - interval '73 hours'")
    (held,) = await store.claim_ready(10)
    await rows(engine, "UPDATE enrollments SET leased_until = now() - interval '1 second'")
    assert await worker(engine, "heir").reclaim_expired(first_read=30) == {held.id: State.PARKED}
    assert await rows(engine, "SELECT state, reason FROM enrollments") == [("parked", "gave_up")]


async def test_work_of_another_account_is_reported(engine: AsyncEngine, accept: Any) -> None:
    await accept("ada@corp.example")
    assert await unfinished_elsewhere(engine, ["acme", "main"]) == {}
    assert await unfinished_elsewhere(engine, ["acme"]) == {"main": 1}
    await rows(engine, "UPDATE enrollments SET state = 'enrolled'")
    assert await unfinished_elsewhere(engine, ["acme"]) == {}


async def test_one_row_that_cannot_be_read_stops_no_claim(engine: AsyncEngine, accept: Any) -> None:
    await accept("ada@corp.example", "bob@corp.example", "cid@corp.example")
    plan = '{"if_enrolled"\\: "as a newer version has it"}'
    await rows(engine, f"UPDATE enrollments SET plan = '{plan}' WHERE email = 'ada@corp.example'")  # noqa: S608  # ours
    claimed = await worker(engine).claim_ready(10)
    assert [one.email for one in claimed] == ["bob@corp.example", "cid@corp.example"]
    # The lease of the other one runs out, so that it is tried again and given up in the end.
    assert await rows(engine, "SELECT DISTINCT state, attempt FROM enrollments") == [("working", 1)]
