"""`tally` says how far the count is; `--rebuild` makes it anew, beside a service, and stands in the audit log."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

import pytest
from structlog.testing import capture_logs

from app.clock import utc_now
from app.tallies import wiring
from app.tallies.silences import silences
from tests.support.commands import run
from tests.support.service import RULES, SECRETS, Running, running, write
from tests.web.test_operators import signup

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from typer.testing import Result

WITHOUT_ROWS = "INSERT INTO tallies VALUES ('2026-06-01 12:00Z', 'verified', 'crm', '', '', '', '', 'signup', true, 77)"


@pytest.fixture
async def web(database_url: str, tmp_path: Path) -> AsyncIterator[Running]:
    rules = tmp_path / "rules.yaml"
    write(rules, RULES)
    async with running(database_url, rules) as web:
        await web.deliver("crm", signup(1))
        yield web


async def segue(web: Running, *arguments: str) -> Result:
    url = web.process.engine.url.render_as_string(hide_password=False)
    with capture_logs():
        return await asyncio.to_thread(run, "tally", *arguments, SEGUE_DATABASE_URL=url, **SECRETS)


async def test_a_rebuild_counts_all_hours_and_is_audited(web: Running) -> None:
    assert (await segue(web)).stdout == "nothing is counted yet\n"
    shown = await segue(web, "--rebuild", "--json")
    assert shown.exit_code == 0
    state = json.loads(shown.stdout)
    assert (state["rebuilding_from"], state["counted_until"] is None) == (None, False)
    cells = await web.rows("SELECT stage, n FROM tallies ORDER BY stage")
    assert cells == [{"stage": "verified", "n": 1}, {"stage": "waiting", "n": 1}]
    audited = await web.rows("SELECT who, what, outcome FROM audit WHERE what LIKE '%tally%'")
    assert audited == [{"who": "cli", "what": "segue tally --rebuild", "outcome": "done"}]


async def test_a_rebuild_begins_where_it_is_told(web: Running) -> None:
    await segue(web, "--rebuild")
    async with web.process.engine.begin() as connection:
        await connection.exec_driver_sql(WITHOUT_ROWS)
    shown = await segue(web, "--rebuild", "--from", "2026-06-02")
    assert "counted until" in shown.stdout
    assert {"n": 77} in await web.rows("SELECT DISTINCT n FROM tallies")
    await segue(web, "--rebuild", "--from", "2026-06-01")
    assert await web.rows("SELECT DISTINCT n FROM tallies") == [{"n": 1}]


async def test_a_begin_without_a_rebuild_is_refused(web: Running) -> None:
    assert "--from needs --rebuild" in str((await segue(web, "--from", "2026-01-01")).exception)
    assert "2026-11-23" in str((await segue(web, "--rebuild", "--from", "monday")).exception)


async def test_a_working_process_counts_and_judges_all_sources(web: Running) -> None:
    await wiring.start(web.process)
    cells = await web.rows_once_there("SELECT stage FROM tallies WHERE stage = 'waiting'")
    assert len(cells) == 1
    judged = await silences(web.process.engine, web.process.current_rulebook(), utc_now())
    assert {source: one.silent for source, one in judged.items()} == dict.fromkeys(
        ("crm", "open", "webinar", "portal"), False
    )
