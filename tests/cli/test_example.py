"""`example`: a stored event as an example for the rules file, without its person."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

import pytest
import yaml
from structlog.testing import capture_logs

from tests.support.commands import run
from tests.support.service import RULES, SECRETS, Running, running, write
from tests.web.test_operators import signup

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from typer.testing import Result


@pytest.fixture
async def web(database_url: str, tmp_path: Path) -> AsyncIterator[Running]:
    rules = tmp_path / "rules.yaml"
    write(rules, RULES)
    async with running(database_url, rules) as web:
        await web.deliver("crm", signup(1))
        yield web


async def example(web: Running, *more: str) -> Result:
    (row,) = await web.rows("SELECT id FROM events")
    url = web.process.engine.url.render_as_string(hide_password=False)
    with capture_logs():
        return await asyncio.to_thread(run, "example", row["id"], *more, SEGUE_DATABASE_URL=url, **SECRETS)


async def test_the_example_is_printed_as_the_file_has_it(web: Running) -> None:
    result = await example(web)
    assert result.exit_code == 0
    assert result.stdout.startswith("# Below `examples:` of signup, which begins on line ")
    (entry,) = yaml.safe_load(result.stdout)
    assert entry["expect"] == {"enroll": "310001"}
    assert entry["event"]["email"] == "ada@corp.example"
    assert json.loads((await example(web, "--json")).stdout)["rule"] == "signup"


async def test_why_there_is_none(web: Running) -> None:
    await web.execute("UPDATE events SET data = NULL")
    result = await example(web)
    assert result.exit_code == 1
    assert "its payload has passed the retention" in result.stderr
    assert json.loads((await example(web, "--json")).stdout)["text"] == ""


async def test_an_event_that_is_not_there(web: Running) -> None:
    await web.execute("UPDATE events SET id = 'evt_1'")
    url = web.process.engine.url.render_as_string(hide_password=False)
    with capture_logs():
        result = await asyncio.to_thread(run, "example", "evt_0", SEGUE_DATABASE_URL=url, **SECRETS)
    assert "there is no event 'evt_0'" in str(result.exception)
