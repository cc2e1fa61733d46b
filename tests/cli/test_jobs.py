"""`segue jobs` as an operator runs it, beside a service over a real database."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from app.bulk.run import BulkRunner
from app.bulk.work_store import BulkWorkStore
from app.intake.wiring import redecider
from tests.cli.test_decide import segue
from tests.support.service import RULES, Running, running, write
from tests.web.test_operators import signup

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from sqlalchemy.ext.asyncio import AsyncConnection

    from app.intake.redecide import Redecider

BEN = ("reason=DISCONNECTED_INBOX", "sender=ben")


@pytest.fixture
async def web(database_url: str, tmp_path: Path) -> AsyncIterator[Running]:
    rules = tmp_path / "rules.yaml"
    write(rules, RULES)
    async with running(database_url, rules) as web:
        for number in range(3):
            await web.deliver("crm", signup(number, f"p{number}@corp.example"))
        async with web.process.engine.begin() as connection:
            state = "state = 'parked', reason = 'DISCONNECTED_INBOX', sender = 'ben'"
            await connection.exec_driver_sql(f"UPDATE enrollments SET {state}")  # noqa: S608  # ours
        yield web


async def worked(web: Running) -> None:
    """Do what was asked for, as a worker does."""

    async def within(connection: AsyncConnection) -> Redecider:
        return await redecider(web.process, within=connection)

    while await BulkRunner(BulkWorkStore(web.process.engine, "one", within)).once() == 0.0:
        pass


async def test_groups_are_shown_with_what_to_do(web: Running) -> None:
    ((group),) = json.loads((await segue(web, "jobs", "parked", "--json")).stdout)
    assert (group["cause"], group["count"], group["may_be_released"]) == ("DISCONNECTED_INBOX", 3, True)
    assert "inbox" in group["what_happened"]
    assert "DISCONNECTED_INBOX" in (await segue(web, "jobs", "parked")).stdout


async def test_a_release_is_shown_first_then_begun_done_and_looked_at(web: Running) -> None:
    shown = await segue(web, "jobs", "release", *BEN)
    assert (shown.exit_code, shown.stdout.splitlines()[-2:]) == (
        0,
        ["3 match, done in 1 second", "nothing was changed: repeat it with --yes to begin"],
    )
    assert json.loads((await segue(web, "jobs", "release", *BEN, "--json")).stdout)["count"] == 3
    assert await web.rows("SELECT * FROM bulk_jobs") == []
    begun = await segue(web, "jobs", "release", *BEN, "--yes", "--expect", "3", "--because", "mended", "--json")
    job = json.loads(begun.stdout)
    assert (job["state"], job["total"], job["asked_by"], job["reason"]) == ("waiting", 3, "cli", "mended")
    await worked(web)
    said = await segue(web, "jobs", "show", job["id"])
    assert said.stdout.splitlines() == [f"{job['id']}  release_parked  done: 3 of 3", "  3 released"]
    assert job["id"] in (await segue(web, "jobs", "list")).stdout
    (noted, ended) = await web.rows("SELECT what, after FROM audit WHERE target = :id ORDER BY id", id=job["id"])
    assert (noted["what"], noted["after"]["reason"]) == ("segue jobs release_parked", "mended")
    assert (ended["what"], ended["after"]["outcomes"]) == ("job release_parked", {"released": 3})


async def test_what_waits_is_cancelled_and_what_is_parked_where_it_is_asked_for(web: Running) -> None:
    nothing = await segue(web, "jobs", "cancel-waiting", "rule=signup")
    assert (nothing.exit_code, nothing.stdout) == (1, "0 match\n")
    await segue(web, "jobs", "cancel-waiting", "rule=signup", "since=2026-01-01", "--parked", "--yes")
    await worked(web)
    assert await web.rows("SELECT DISTINCT state FROM enrollments") == [{"state": "cancelled"}]


async def test_a_job_is_paused_resumed_and_cancelled(web: Running) -> None:
    job = json.loads((await segue(web, "jobs", "release", *BEN, "--yes", "--json")).stdout)["id"]
    for move, state in (("pause", "paused"), ("resume", "waiting"), ("cancel", "cancelled")):
        result = await segue(web, "jobs", move, job)
        assert (result.exit_code, state in result.stdout) == (0, True)
    again = await segue(web, "jobs", "resume", job)
    assert (again.exception is not None, "The job is cancelled" in str(again.exception)) == (True, True)
    assert "there is no job" in str((await segue(web, "jobs", "show", "job_1")).exception)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("release", *BEN, "--yes", "--expect", "2"), "3 match by now, and 2 were shown"),
        (("release", "reason=unsettled"), "look at each of them"),
        (("release", "state=parked"), "write NAME=VALUE once"),
        (("release", "reason=a", "reason=b"), "write NAME=VALUE once"),
        (("release", "since=soon"), "is no time such as"),
        (("replay", "rule=signup"), "rule: not a filter of this kind"),
        (("cancel-waiting", "rule=other", "--yes"), "Nothing matches"),
    ],
)
async def test_what_cannot_be_asked_for_says_why(web: Running, arguments: tuple[str, ...], message: str) -> None:
    result = await segue(web, "jobs", *arguments)
    assert message in str(result.exception)
    assert await web.rows("SELECT * FROM bulk_jobs") == []


async def test_a_release_by_its_id_says_why_in_the_log(web: Running) -> None:
    (first, *_) = await web.rows("SELECT id FROM enrollments ORDER BY id")
    assert (await segue(web, "release", first["id"], "--because", "looked at it")).exit_code == 0
    (row,) = await web.rows("SELECT after FROM audit WHERE what = 'segue release'")
    assert row["after"]["reason"] == "looked at it"
