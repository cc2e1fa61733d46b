"""Jobs over a real PostgreSQL: what is shown, asked for and done, by workers that die, or take turns."""

from __future__ import annotations

import asyncio
import random
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from app.bulk.filters import Filter
from app.bulk.run import BulkRunner
from app.bulk.states import JobState
from app.database.engine import STORE_TROUBLE
from app.errors import AlreadyAsked, Busy, FenceLost, JobNotMovable, MoreThanShown, TooManyForRole
from tests.bulk.conftest import ADA, BEN, MARTA, Desk
from tests.support.enrollments import until_a_statement_waits

if TYPE_CHECKING:
    from app.bulk.job import Job
    from app.bulk.work_store import BulkWorkStore, Claimed


async def test_what_is_shown_is_what_would_be_done(desk: Desk) -> None:
    await desk.has(12)
    await desk.has(3, sender="anna")
    await desk.has(2, reason="unsettled")
    await desk.has(2, state="ready", reason=None)
    await desk.run("UPDATE enrollments SET first_sending_at = now() WHERE id = 'enr_000000000002'")
    shown = await desk.asking.preview("release_parked", BEN, role="operator")
    assert (shown.count, shown.may_have_been_sent, shown.seconds, shown.most, shown.is_more) == (
        12,
        1,
        1.2,
        1000,
        False,
    )
    assert [row["id"][-2:] for row in shown.first] == [f"{n:02}" for n in range(1, 11)]
    assert shown.first[0]["email"] == "p1@corp.example"
    assert (await desk.asking.preview("release_parked", Filter(rule="demo"), role=None)).count == 15
    assert (await desk.asking.preview("cancel", Filter(rule="demo"), role=None)).count == 2
    everything = Filter(rule="demo", states=("held", "ready", "parked"))
    assert (await desk.asking.preview("cancel", everything, role=None)).count == 19


async def test_very_many_are_not_counted_to_the_end(desk: Desk) -> None:
    await desk.has(10_050)
    shown = await desk.asking.preview("release_parked", BEN, role="admin")
    assert (shown.count, shown.is_more, shown.seconds) == (10_001, True, None)
    job = await desk.ask(act=ADA)
    assert (job.total, job.seconds_left) == (10_050, 1005)


async def test_a_job_does_what_was_asked_and_says_so(desk: Desk) -> None:
    await desk.has(250)
    await desk.has(5, sender="anna")
    job = await desk.ask(act=MARTA, reason="inbox reconnected, asked by eve@corp.example")
    assert (job.state, job.asked_by, job.total, job.done, job.filter.sender) == ("waiting", "marta", 250, 0, "ben")
    assert await desk.work() == 3
    job = await desk.job(job.id)
    assert (job.state, job.done, job.outcomes) == ("done", 250, {"released": 250})
    assert (job.seconds_left, job.finished_at is not None) == (None, True)
    assert await desk.states() == {"ready": 250, "parked": 5}
    journalled = await desk.run("SELECT DISTINCT before, after, cause, detail FROM journal")
    assert journalled == [("parked", "ready", "released_by_operator", job.id)]
    asked, ended = await desk.run("SELECT who, role, origin, what, target, after FROM audit ORDER BY id")
    assert asked[:5] == ("marta", "operator", "192.0.2.7", "POST /api/v1/jobs", job.id)
    assert (asked[5]["count"], asked[5]["filter"]["reason"]) == (250, "DISCONNECTED_INBOX")
    assert ended[:5] == ("marta", "operator", "192.0.2.7", "job release_parked", job.id)
    assert ended[5] == {"state": "done", "done": 250, "outcomes": {"released": 250}}
    said = await desk.run("SELECT reason, (SELECT after->>'reason' FROM audit ORDER BY id LIMIT 1) FROM bulk_jobs")
    assert said == [("inbox reconnected, asked by e***@corp.example",) * 2]


async def test_released_ones_go_ten_a_second_over_all_chunks(desk: Desk) -> None:
    await desk.has(150)
    job = await desk.ask()
    await BulkRunner(desk.store()).once()
    ((spread, pause),) = await desk.run("""
        SELECT EXTRACT(epoch FROM max(enrollments.due_at) - min(enrollments.due_at)),
               EXTRACT(epoch FROM max(bulk_jobs.due_at) - min(enrollments.due_at))
        FROM enrollments, bulk_jobs WHERE enrollments.state = 'ready'
    """)
    assert 9.8 < spread < 10
    assert 9.8 < pause < 11
    assert await desk.store().claim() is None  # not before
    job = await desk.job(job.id)
    assert job.seconds_left == pytest.approx(5.0)


@pytest.mark.parametrize(
    ("given", "left"),
    [
        (Filter(rule="demo"), {"held", "parked", "working"}),
        (Filter(rule="demo", states=("held", "ready", "parked")), {"held", "working"}),
        (Filter(rule="demo", states=("parked",)), {"held", "ready", "working"}),
    ],
)
async def test_what_is_cancelled_is_what_is_in_the_states_asked_for(desk: Desk, given: Filter, left: set[str]) -> None:
    await desk.has(3, state="ready", reason=None)
    await desk.has(2)
    await desk.has(1, state="held", reason="window", rule="other")
    await desk.has(1, state="working", reason=None)
    job = await desk.ask("cancel", given)
    await desk.work()
    states = await desk.states()
    assert set(states) == left | {"cancelled"}
    assert (await desk.job(job.id)).outcomes == {"cancelled": 7 - sum(states[state] for state in left)}


async def test_what_a_worker_has_claimed_meanwhile_goes_on(desk: Desk) -> None:
    await desk.has(3, state="ready", reason=None)
    job = await desk.ask("cancel", Filter(rule="demo"))
    async with desk.engine.connect() as connection:
        locked = "UPDATE enrollments SET state = 'working' WHERE id = 'enr_000000000002'"
        await connection.exec_driver_sql(locked)
        working = asyncio.create_task(desk.work())
        await until_a_statement_waits(desk.engine)
        await connection.commit()
    await working
    assert await desk.states() == {"cancelled": 2, "working": 1}
    assert (await desk.job(job.id)).outcomes == {"cancelled": 2, "in_hand_or_over": 1}


async def test_what_came_after_the_count_is_none_of_it(desk: Desk) -> None:
    await desk.has(3)
    job = await desk.ask()
    await desk.has(4)
    await desk.has(1, state="ready", reason=None)
    await desk.run("UPDATE enrollments SET state = 'parked', updated_at = clock_timestamp() WHERE state = 'ready'")
    await desk.work()
    assert await desk.states() == {"ready": 3, "parked": 5}
    assert (await desk.job(job.id)).done == 3


async def test_what_waited_then_and_was_held_or_parked_since_is_cancelled(desk: Desk) -> None:
    await desk.has(3, state="ready", reason=None)
    job = await desk.ask("cancel", Filter(rule="demo", states=("held", "ready", "parked")))
    await desk.run(
        "UPDATE enrollments SET state = 'held', updated_at = clock_timestamp() WHERE id < 'enr_000000000002'"
    )
    await desk.run("UPDATE enrollments SET state = 'parked', updated_at = clock_timestamp() WHERE state = 'ready'")
    await desk.work()
    assert await desk.states() == {"cancelled": 3}
    assert (await desk.job(job.id)).outcomes == {"cancelled": 3}


async def test_a_parked_one_that_is_released_meanwhile_is_not_cancelled_with_the_parked(desk: Desk) -> None:
    await desk.has(2)
    job = await desk.ask("cancel", Filter(rule="demo", states=("parked",)))
    async with desk.engine.connect() as connection:
        await connection.exec_driver_sql("UPDATE enrollments SET state = 'ready' WHERE id = 'enr_000000000002'")
        working = asyncio.create_task(desk.work())
        await until_a_statement_waits(desk.engine)
        await connection.commit()
    await working
    assert await desk.states() == {"cancelled": 1, "ready": 1}
    assert (await desk.job(job.id)).outcomes == {"cancelled": 1, "in_hand_or_over": 1}


async def test_more_than_was_shown_or_than_the_role_may_is_not_begun(desk: Desk) -> None:
    await desk.has(1001)
    with pytest.raises(MoreThanShown):
        await desk.ask(act=ADA, expected_count=1000)
    with pytest.raises(TooManyForRole):
        await desk.ask(act=MARTA)
    assert await desk.run("SELECT * FROM bulk_jobs") == []
    assert await desk.run("SELECT * FROM audit") == []


async def test_what_is_asked_twice_is_done_by_one_job(desk: Desk) -> None:
    await desk.has(250)
    asked = await asyncio.gather(*(desk.ask() for _ in range(3)), return_exceptions=True)
    (job,) = [one for one in asked if not isinstance(one, BaseException)]
    assert [one.job_id for one in asked if isinstance(one, AlreadyAsked)] == [job.id] * 2
    await desk.jobs.pause(job.id)
    with pytest.raises(AlreadyAsked, match=job.id):
        await desk.ask()
    await desk.jobs.cancel(job.id)
    assert (await desk.ask()).id != job.id


async def test_a_paused_job_waits_goes_on_at_its_cursor_and_ends(desk: Desk) -> None:
    await desk.has(250)
    job = await desk.ask()
    await BulkRunner(desk.store()).once()
    assert (paused := await desk.jobs.pause(job.id)) is not None
    assert (paused.state, paused.done, paused.seconds_left) == ("paused", 100, None)
    assert await desk.work() == 0
    with pytest.raises(JobNotMovable, match="The job is paused"):
        await desk.jobs.pause(job.id)
    await desk.jobs.resume(job.id)
    assert await desk.work("two") == 2
    assert (await desk.job(job.id)).outcomes == {"released": 250}
    with pytest.raises(JobNotMovable, match="The job is done"):
        await desk.jobs.cancel(job.id)
    assert await desk.jobs.cancel("job_unknown") is None


async def test_a_cancelled_job_leaves_the_rest(desk: Desk) -> None:
    await desk.has(250)
    job = await desk.ask()
    await BulkRunner(desk.store()).once()
    assert (cancelled := await desk.jobs.cancel(job.id)) is not None
    assert (cancelled.state, cancelled.finished_at is not None) == ("cancelled", True)
    assert await desk.work() == 0
    assert await desk.states() == {"ready": 100, "parked": 150}


async def test_an_operator_waits_for_the_chunk_in_hand_and_the_worker_finds_its_fence_lost(desk: Desk) -> None:
    await desk.has(250)
    job = await desk.ask()
    store = desk.store()
    claimed = await store.claim()
    assert claimed is not None
    async with desk.engine.connect() as connection:
        await connection.exec_driver_sql("SELECT FROM enrollments WHERE id = 'enr_000000000001' FOR UPDATE")
        working = asyncio.create_task(store.work(claimed))
        await until_a_statement_waits(desk.engine)
        pausing = asyncio.create_task(desk.jobs.pause(job.id))
        await until_a_statement_waits(desk.engine, number=2)
        await connection.rollback()
    assert (await working).outcomes["released"] == 100
    assert (paused := await pausing) is not None
    assert (paused.state, paused.done) == ("paused", 100)
    with pytest.raises(FenceLost):
        await store.work(claimed)
    assert await desk.states() == {"ready": 100, "parked": 150}


async def test_a_worker_that_dies_within_a_chunk_is_followed_by_another(desk: Desk) -> None:
    await desk.has(250)
    job = await desk.ask()
    dying = desk.store("dying", lease=0.0)
    await BulkRunner(dying).once()
    await desk.hurried()
    claimed = await dying.claim()  # and dies: the chunk that it began was never committed
    assert claimed is not None
    async with desk.engine.connect() as connection:
        await connection.exec_driver_sql("SELECT FROM enrollments WHERE id = 'enr_000000000150' FOR UPDATE")
        task = asyncio.create_task(dying.work(claimed))
        await until_a_statement_waits(desk.engine)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await connection.rollback()
    assert await desk.states() == {"ready": 100, "parked": 150}
    assert await desk.work("two") == 2
    with pytest.raises(FenceLost):
        await dying.work(claimed)
    assert (await desk.job(job.id)).outcomes == {"released": 250}
    assert await desk.run("SELECT count(*), count(DISTINCT enrollment_id) FROM journal") == [(250, 250)]


async def test_a_worker_whose_job_was_taken_over_writes_nothing(desk: Desk) -> None:
    await desk.has(150)
    await desk.ask()
    slow = desk.store("slow", lease=0.0)
    claimed = await slow.claim()
    assert claimed is not None
    assert (taken := await desk.store("two").claim()) is not None
    for act in (slow.work(claimed), slow.fail(claimed, "a defect")):
        with pytest.raises(FenceLost):
            await act
    assert await desk.states() == {"parked": 150}
    assert (await desk.store("two").work(taken)).outcomes["released"] == 100


async def test_a_lease_of_another_worker_is_respected(desk: Desk) -> None:
    await desk.has(150)
    await desk.ask()
    assert await desk.store("one").claim() is not None
    await desk.hurried()
    assert await desk.store("two").claim() is None
    assert 0 < await desk.store("two").due_in() <= 60
    await desk.store("one").hand_back()
    assert await desk.store("two").claim() is not None


async def test_a_kind_of_a_newer_version_is_left_to_it(desk: Desk) -> None:
    await desk.has(1)
    job = await desk.ask()
    await desk.run("UPDATE bulk_jobs SET kind = 'of_tomorrow'")
    assert await desk.work() == 0
    assert (await desk.job(job.id)).seconds_left is None


async def test_a_defect_fails_the_job_which_goes_on_once_it_is_resumed(desk: Desk) -> None:
    await desk.has(150)
    job = await desk.ask(act=MARTA)
    await desk.run("""UPDATE bulk_jobs SET outcomes = '{"released": "odd"}'""")
    assert await desk.work() == 1
    failed = await desk.job(job.id)
    assert (failed.state, failed.error) == ("failed", "a defect (TypeError): the log says more")
    assert await desk.states() == {"parked": 150}
    (noted,) = await desk.run("SELECT who, before, after->>'state' FROM audit WHERE what = 'job release_parked'")
    assert noted == ("marta", {"state": "running"}, "failed")
    await desk.run("UPDATE bulk_jobs SET outcomes = '{}'")
    assert (resumed := await desk.jobs.resume(job.id)) is not None
    assert (resumed.state, resumed.error, resumed.finished_at) == ("waiting", None, None)
    await desk.work()
    assert await desk.states() == {"ready": 150}


async def test_a_store_that_goes_away_in_the_middle_undoes_the_chunk_and_the_next_turn_does_it(desk: Desk) -> None:
    await desk.has(150)
    job = await desk.ask()
    async with desk.engine.connect() as connection:
        await connection.exec_driver_sql("SELECT FROM enrollments WHERE id = 'enr_000000000099' FOR UPDATE")
        turn = asyncio.create_task(BulkRunner(desk.store()).once())
        await until_a_statement_waits(desk.engine)
        await desk.run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")
        with pytest.raises(STORE_TROUBLE):
            await turn
        await connection.rollback()
    assert (await desk.job(job.id)).state == "running"
    assert await desk.states() == {"parked": 150}
    assert await desk.work() == 2
    assert await desk.states() == {"ready": 150}


async def test_no_answer_of_the_store_is_busy(desk: Desk) -> None:
    await desk.has(1)
    await desk.run("ALTER TABLE bulk_jobs RENAME TO gone")
    for asked in (desk.jobs.page(), desk.jobs.one("job_1"), desk.jobs.pause("job_1"), desk.ask()):
        with pytest.raises(Busy):
            await asked


async def test_jobs_take_turns(desk: Desk) -> None:
    await desk.has(1100, rule="first", state="ready", reason=None)
    await desk.has(10, rule="second", state="ready", reason=None)
    first, second = [await desk.ask("cancel", Filter(rule=rule)) for rule in ("first", "second")]
    runner = BulkRunner(desk.store())
    for _ in range(2):
        assert await runner.once() == 0.0
    assert [(await desk.job(one.id)).done for one in (first, second)] == [500, 10]
    assert [job.id for job in await desk.jobs.page()] == [second.id, first.id]
    assert [job.id for job in await desk.jobs.page(before=second.id)] == [first.id]
    assert [job.id for job in await desk.jobs.newer(first.id)] == [second.id]
    assert [job.id for job in await desk.jobs.newer("job_", limit=1)] == [first.id]
    assert [job.id for job in await desk.jobs.newer("job_")] == [second.id, first.id]
    assert [job.id for job in await desk.jobs.page(state=JobState.DONE)] == [second.id]


async def test_two_replicas_share_the_jobs_and_do_nothing_twice(desk: Desk) -> None:
    await desk.has(1500, rule="first", state="ready", reason=None)
    await desk.has(700, rule="second", state="ready", reason=None)
    jobs = [await desk.ask("cancel", Filter(rule=rule)) for rule in ("first", "second")]
    await asyncio.gather(*(until_over(desk, jobs, name) for name in ("one", "two")))
    assert [(await desk.job(job.id)).outcomes for job in jobs] == [{"cancelled": 1500}, {"cancelled": 700}]
    assert await desk.run("SELECT count(*), count(DISTINCT enrollment_id) FROM journal") == [(2200, 2200)]


async def until_over(desk: Desk, jobs: list[Job], name: str) -> None:
    """Work until all of these jobs are over."""
    store = desk.store(name, lease=0.0)
    while {(await desk.job(job.id)).state for job in jobs} != {JobState.DONE}:
        await BulkRunner(store).once()


@pytest.mark.parametrize("seed", range(8))
async def test_whatever_workers_and_operators_do_each_row_is_done_once_and_counted(desk: Desk, seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311  # a test that can be repeated
    await desk.has(430)
    job = await desk.ask()
    claims: list[tuple[BulkWorkStore, Claimed]] = []
    for _ in range(25):
        await desk.hurried()
        match chance.choice(["claim", "work", "late", "abort", "operator"]):
            case "claim":
                store = desk.store(chance.choice("abc"), lease=chance.choice([0.0, 60.0]))
                if (claimed := await store.claim()) is not None:
                    claims.append((store, claimed))
            case "work" if claims:
                await at_work(*claims[-1])
            case "late" if claims:
                await at_work(*chance.choice(claims))
            case "abort" if claims:
                await aborted(desk, *claims[-1])
            case "operator":
                await by_operator(desk, job, chance.choice(["pause", "resume", "resume"]))
    await by_operator(desk, job, "resume")
    await desk.run("UPDATE bulk_jobs SET leased_until = now()")
    await desk.work("last")
    job = await desk.job(job.id)
    assert (job.state, job.done, job.outcomes) == ("done", 430, {"released": 430})
    assert await desk.run("SELECT count(*), count(DISTINCT enrollment_id) FROM journal") == [(430, 430)]


async def at_work(store: BulkWorkStore, claimed: Claimed) -> None:
    with suppress(FenceLost):
        await store.work(claimed)


async def aborted(desk: Desk, store: BulkWorkStore, claimed: Claimed) -> None:
    """Let a worker die in the middle of its chunk."""
    ((waits,),) = await desk.run(f"""
        SELECT count(*) FROM bulk_jobs JOIN enrollments ON enrollments.state = 'parked'
        WHERE bulk_jobs.state = 'running' AND bulk_jobs.attempt = {claimed.attempt}
    """)  # noqa: S608  # a number
    async with desk.engine.connect() as connection:
        await connection.exec_driver_sql("SELECT FROM enrollments FOR UPDATE")
        task = asyncio.create_task(at_work(store, claimed))
        if waits:
            await until_a_statement_waits(desk.engine)
            task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await connection.rollback()


async def by_operator(desk: Desk, job: Job, move: str) -> None:
    with suppress(JobNotMovable):
        await getattr(desk.jobs, move)(job.id)
