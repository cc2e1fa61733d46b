"""`decide` and `release` as an operator runs them, beside a service over a real database."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from typing import TYPE_CHECKING

import pytest
from structlog.testing import capture_logs

from tests.support.commands import run
from tests.support.service import RULES, SECRETS, Running, running, write
from tests.web.test_operators import signup

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from typer.testing import Result

PARKED = "state = 'parked', reason = 'SEQUENCE_ID_INVALID'"
SINCE = ("--since", "2026-01-01")


@pytest.fixture
async def web(database_url: str, tmp_path: Path) -> AsyncIterator[Running]:
    rules = tmp_path / "rules.yaml"
    write(rules, RULES)
    async with running(database_url, rules) as web:
        await web.deliver("crm", signup(1))
        await web.deliver("crm", signup(2, "bob@corp.example", employees=10))
        async with web.process.engine.begin() as connection:
            await connection.exec_driver_sql(f"UPDATE enrollments SET {PARKED}")  # noqa: S608  # ours
        write(rules, RULES.replace("310001", "310009").replace(">= 50", ">= 5"))
        await web.process.rulebook.reload()
        yield web


async def segue(web: Running, *arguments: str) -> Result:
    with capture_logs():
        return await asyncio.to_thread(run, *arguments, SEGUE_DATABASE_URL=url_of(web), **SECRETS)


def url_of(web: Running) -> str:
    return web.process.engine.url.render_as_string(hide_password=False)


async def states(web: Running) -> list[tuple[str, str]]:
    rows = await web.rows("SELECT sequence, state FROM enrollments ORDER BY id")
    return [(row["sequence"], row["state"]) for row in rows]


async def test_a_dry_run_counts_and_says_of_each_event_what_would_follow(web: Running) -> None:
    result = await segue(web, "decide", "--rule", "signup", *SINCE, "--dry-run")
    ids = [row["id"] for row in await web.rows("SELECT id FROM events ORDER BY id")]
    assert (result.exit_code, result.stdout.splitlines()) == (
        0,
        [
            f"{ids[0]}  parked (SEQUENCE_ID_INVALID) -> enroll: matched (signup)",
            f"{ids[1]}  none -> enroll: matched (signup)",
            "2 events: 2 decided, 1 replaced, 2 enroll (nothing was written)",
        ],
    )
    assert await states(web) == [("310001", "parked")]


async def test_all_events_of_a_rule_are_decided_and_a_second_time_stand(web: Running) -> None:
    first = await segue(web, "decide", "--rule", "signup", *SINCE, "--json")
    second = await segue(web, "decide", "--rule", "signup", *SINCE, "--json")
    assert json.loads(first.stdout)["counts"] == {"decided": 2, "replaced": 1, "enroll": 2}
    assert json.loads(second.stdout)["counts"] == {"decided": 2, "replaced": 0, "duplicate": 2}
    assert await states(web) == [("310001", "cancelled"), ("310009", "ready"), ("310009", "ready")]


async def test_of_one_event_that_no_rule_matches_the_values_are_shown(web: Running) -> None:
    write(web.process.settings.config, RULES.replace("employees", "employes"))
    await web.process.rulebook.reload()
    (event,) = await web.rows("SELECT id FROM events WHERE email = 'bob@corp.example'")
    result = await segue(web, "decide", "--event", event["id"], "--dry-run")
    (line, why, counts) = result.stdout.splitlines()
    assert line.startswith(f"{event['id']}  none -> none: signup: its condition")
    assert "has no `employes`; it has: employees" in why
    assert counts == "1 event: 1 decided, 1 none (nothing was written)"
    many = await segue(web, "decide", "--rule", "signup", *SINCE, "--dry-run", "--json")
    details = [one["details"] for shown in json.loads(many.stdout)["events"] for one in shown["decisions"]]
    assert len(details) == 2
    assert all("it has: employees" in detail for (detail,) in details)


async def test_who_decided_is_in_the_log_and_the_journal_and_no_address_is_shown(web: Running) -> None:
    (event,) = await web.rows("SELECT id FROM events WHERE email = 'ada@corp.example'")
    command = [sys.executable, "-m", "app", "decide", "--event", event["id"]]
    environment = {**os.environ, **SECRETS, "SEGUE_DATABASE_URL": url_of(web), "SEGUE_HUBSPOT_TOKEN": "pat-sandbox"}
    process = await asyncio.create_subprocess_exec(
        *command, env=environment, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    said, logged = await process.communicate()
    (line,) = [line for line in map(json.loads, logged.splitlines()) if line["event"] == "event.decided_again"]
    assert (process.returncode, line["by"], line["event_id"]) == (0, "cli", event["id"])
    assert b"@" not in said + logged
    details = [row["detail"] for row in await web.rows("SELECT detail FROM journal WHERE cause = 'accepted'")]
    assert "decided again (cli)" in details


async def test_a_parked_one_is_released_with_its_old_plan_or_by_the_rules_of_now(web: Running) -> None:
    (parked,) = await web.rows("SELECT id FROM enrollments")
    replaced = await segue(web, "release", parked["id"], "--as-rules-now")
    (_, new) = await web.rows("SELECT id, state FROM enrollments ORDER BY id")
    assert (replaced.exit_code, replaced.stdout) == (0, f"{parked['id']} is replaced by {new['id']}\n")
    again = await segue(web, "release", parked["id"], "--as-rules-now")
    assert (again.exit_code, "it is cancelled" in again.stderr) == (1, True)
    async with web.process.engine.begin() as connection:
        await connection.exec_driver_sql(f"UPDATE enrollments SET {PARKED} WHERE state = 'ready'")  # noqa: S608  # ours
    released = await segue(web, "release", new["id"])
    assert (released.exit_code, await states(web)) == (0, [("310001", "cancelled"), ("310009", "ready")])
    assert (await segue(web, "release", new["id"])).exit_code == 1


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        ([], 2, "--event"),
        (["--event", "evt_1", "--rule", "signup"], 2, "--event"),
        (["--rule", "signup"], 2, "--since"),
        (["--event", "evt_1", "--since", "2026-01-01"], 2, "--since"),
        (["--rule", "signup", "--since", "last week"], 2, "--since: 'last week'"),
        (["--rule", "nobody", "--since", "2026-01-01"], 2, "there is no rule 'nobody'"),
        (["--event", "evt_none"], 1, "there is no event 'evt_none'"),
    ],
)
async def test_what_cannot_be_meant_is_an_error_that_names_the_option(
    web: Running, arguments: list[str], code: int, said: str
) -> None:
    result = await segue(web, "decide", *arguments)
    assert (getattr(result.exception, "exit_code", result.exit_code), said in str(result.exception)) == (code, True)
    assert await states(web) == [("310001", "parked")]


async def test_an_event_that_cannot_be_decided_again_says_why(web: Running) -> None:
    async with web.process.engine.begin() as connection:
        await connection.exec_driver_sql("UPDATE events SET data = NULL")
    (event,) = await web.rows("SELECT id FROM events WHERE email = 'ada@corp.example'")
    result = await segue(web, "decide", "--event", event["id"])
    assert result.exit_code == 1
    assert "not possible: its payload has passed the retention" in result.stdout


@pytest.mark.parametrize("command", [["decide", "--rule", "signup", *SINCE], ["release", "--as-rules-now"]])
async def test_practice_decides_nothing_in_a_database_of_real_leads(web: Running, command: list[str]) -> None:
    (parked,) = await web.rows("SELECT id FROM enrollments")
    more = [parked["id"]] if command[0] == "release" else []
    result = await segue(web, *command, *more, "--sandbox")
    assert "this database was used for real, and this would be practice" in str(result.exception)
    assert await states(web) == [("310001", "parked")]


async def test_real_accounts_get_nothing_of_a_database_of_practice(web: Running) -> None:
    async with web.process.engine.begin() as connection:
        await connection.exec_driver_sql("UPDATE enrollments SET account = 'sandbox'")
        await connection.exec_driver_sql("UPDATE rulebooks SET accounts = '{sandbox}'")
    result = await segue(web, "decide", "--rule", "signup", *SINCE)
    assert "this database was practised on" in str(result.exception)
    assert "`--sandbox`" in str(result.exception)
    assert await states(web) == [("310001", "parked")]


async def test_without_rules_in_force_nothing_is_decided(database_url: str) -> None:
    result = await asyncio.to_thread(run, "decide", "--event", "evt_1", SEGUE_DATABASE_URL=database_url)
    assert "no rules are in force yet" in str(result.exception)
