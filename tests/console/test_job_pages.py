"""The pages of jobs: the list, one job while it goes on and when it is over, and what an operator does with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from app.bulk.run import BulkRunner
from app.bulk.work_store import BulkWorkStore
from app.intake.wiring import redecider
from tests.console.bulk import begun, has, states, work

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

    from app.intake.redecide import Redecider
    from tests.support.console import Browser
    from tests.support.service import Running

JOBS = """
    INSERT INTO bulk_jobs (id, kind, state, asked_by, role, origin, filter, total, done, outcomes, created_at, due_at)
    SELECT 'job_' || lpad(CAST(n AS text), 32, '0'), 'cancel', 'done', 'ada', 'admin', '192.0.2.8',
           '{"rule": "demo", "states": ["held", "ready"]}', 4, 4, '{"cancelled": 4}', now(), now()
    FROM generate_series(1, :rows) AS n
"""


async def chunk(web: Running) -> None:
    """Let a worker do one chunk."""

    async def within(connection: AsyncConnection) -> Redecider:
        return await redecider(web.process, within=connection)

    assert await BulkRunner(BulkWorkStore(web.process.engine, "one", within)).once() == 0.0


async def test_no_job_yet_says_what_would_be_one(viewer: Browser) -> None:
    page = (await viewer.get("/jobs")).text
    assert "Nothing was asked for many at once yet." in page
    assert "/admin/parked" in page


async def test_jobs_are_listed_newest_first_by_pages(web: Running, viewer: Browser) -> None:
    await web.execute(JOBS, rows=120)
    first = await viewer.json("/jobs")
    assert first["sentence"] == "On this page: 50 done."
    line = first["lines"]["items"][0]
    assert (line["title"], line["about"], line["word"], line["done"], line["total"], line["asked_by"]) == (
        "Cancel enrollments", "rule demo", "done", 4, 4, "ada",
    )  # fmt: skip
    second = (await viewer.client.get(first["lines"]["older"])).json()
    last = (await viewer.client.get(second["lines"]["older"])).json()
    found = [one["id"] for page in (first, second, last) for one in page["lines"]["items"]]
    assert len(found) == len(set(found)) == 120
    assert found == sorted(found, reverse=True)
    assert last["lines"]["older"] is None
    back = (await viewer.client.get(last["lines"]["newer"])).json()
    assert back["lines"]["items"] == second["lines"]["items"]


async def test_a_job_shows_how_far_it_is_and_refreshes_itself_until_it_is_over(web: Running, operator: Browser) -> None:
    await has(web, 150)
    job = await begun(operator, "/parked/release", {"reason": "connected"}, sender="ben")
    await chunk(web)
    shown = await operator.json(job)
    assert shown["sentence"].startswith("100 of 150 released; done at about ")
    assert (shown["word"], shown["over"], shown["moves"]) == ("running", False, ["pause", "cancel"])
    assert [(one["label"], one["words"]) for one in shown["narrowing"]] == [("Sender", "ben"), ("State", "parked")]
    page = (await operator.get(job)).text
    assert 'hx-trigger="every 2s"' in page
    assert "stop refreshing" in page
    assert 'role="img" aria-label="100 of 150 done"' in page
    assert "refresh by itself" in (await operator.get(job, still="1")).text
    await web.execute("UPDATE bulk_jobs SET leased_until = now(), due_at = now()")
    await work(web)
    over = await operator.json(job)
    assert (over["sentence"], over["over"], over["moves"]) == ("Done: 150 enrollments released.", True, [])
    for page in ((await operator.get(job)).text, (await operator.get(job, still="1")).text):
        assert "hx-trigger" not in page
        assert "refresh" not in page.partition("<main")[2].partition("<h1")[0]


async def test_a_job_is_paused_resumed_and_cancelled_each_with_its_reason(web: Running, operator: Browser) -> None:
    await has(web, 150)
    job = await begun(operator, "/parked/release", sender="ben")
    await chunk(web)
    page = (await operator.get(f"{job}/pause")).text
    assert "Pause the job “Release what is parked”?" in page
    assert "100 of 150 released" in page
    for move, state, reason in (
        ("pause", "paused", "too fast"), ("resume", "waiting", "calm again"), ("cancel", "cancelled", "not wanted"),
    ):  # fmt: skip
        answer = await operator.confirm(f"{job}/{move}", {"reason": reason})
        assert (answer.status_code, answer.headers["location"]) == (303, f"/admin{job}")
        assert (await operator.json(job))["word"] == state
        (line,) = await web.rows("SELECT who, target, after FROM audit WHERE what LIKE :what", what=f"POST %/{move}")
        assert (line["who"], line["target"]) == ("olga", job.rpartition("/")[2])
        assert (line["after"]["state"], line["after"]["reason"]) == (state, reason)
    assert (await operator.json(job))["sentence"] == (
        "Cancelled: 100 of 150 released before that, and what is done stays done."
    )
    assert await states(web) == {"ready": 100, "parked": 50}


@pytest.mark.parametrize(("state", "moves"), [
    ("waiting", {"pause", "cancel"}), ("running", {"pause", "cancel"}), ("paused", {"resume", "cancel"}),
    ("failed", {"resume", "cancel"}), ("done", set()), ("cancelled", set()),
])  # fmt: skip
async def test_what_the_state_of_a_job_does_not_allow_is_refused(
    web: Running, operator: Browser, state: str, moves: set[str]
) -> None:
    await web.execute(JOBS, rows=1)
    await web.execute("UPDATE bulk_jobs SET state = :state", state=state)
    job = f"/jobs/job_{1:032}"
    assert set((await operator.json(job))["moves"]) == moves
    for move in {"pause", "resume", "cancel"} - moves:
        assert f"The job is {state}: {move} is not possible." in (await operator.get(f"{job}/{move}")).text
        assert (await operator.post(f"{job}/{move}")).status_code == 409
    assert await web.rows("SELECT state FROM bulk_jobs") == [{"state": state}]


async def test_a_viewer_sees_a_job_and_no_change(web: Running, viewer: Browser) -> None:
    await web.execute(JOBS, rows=1)
    await web.execute("UPDATE bulk_jobs SET state = 'paused'")
    assert (await viewer.json(f"/jobs/job_{1:032}"))["moves"] == []


async def test_a_job_of_a_newer_version_is_shown_as_it_is_called(web: Running, viewer: Browser) -> None:
    await web.execute(JOBS, rows=1)
    await web.execute("UPDATE bulk_jobs SET kind = 'mend_odd_ones', outcomes = '{\"as_new\": 4}'")
    page = await viewer.json(f"/jobs/job_{1:032}")
    assert (page["title"], page["sentence"]) == ("Mend odd ones", "Done: 4 rows done.")
    assert page["outcomes"] == [{"words": "as new", "count": 4, "code": "as_new"}]


@pytest.mark.parametrize("path", ["/jobs/job_1", "/jobs/job_1/pause"])
async def test_a_job_that_is_not_there_is_said_to_be_none(operator: Browser, path: str) -> None:
    answer = await operator.get(path)
    assert answer.status_code == 404
    assert "There is no job with this id." in answer.text
    if path.endswith("pause"):
        assert (await operator.post(path)).status_code == 404
