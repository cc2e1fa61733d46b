"""`new-token` prints what SEGUE_TOKENS takes; commands that change something stand in what `audit` lists."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from app.operators import Role, digest_of, read_tokens
from tests.cli.test_decide import segue, web
from tests.support.commands import run

if TYPE_CHECKING:
    from tests.support.service import Running

__all__ = ["web"]


@pytest.mark.parametrize("role", Role)
def test_a_new_token_is_a_line_for_the_setting(role: Role) -> None:
    lines = [run("new-token", "anna", role).stdout.strip() for _ in range(2)]
    (token,) = read_tokens(lines[0])
    assert (token.name, token.role, token.digest) == ("anna", role, digest_of(lines[0].split()[2]))
    assert lines[0] != lines[1]


def test_a_name_that_no_token_may_have_is_refused() -> None:
    assert "its name must be" in str(run("new-token", "cli").exception)


async def test_a_command_that_changes_something_is_in_the_audit_log(web: Running) -> None:
    event, other = await web.rows("SELECT event_id, id FROM enrollments ORDER BY id LIMIT 2") * 2
    await segue(web, "decide", "--event", event["event_id"], "--dry-run")
    assert await listed(web, "--who", "cli") == []
    await segue(web, "decide", "--event", event["event_id"])
    (decided,) = await listed(web, "--who", "cli")
    assert (decided["what"], decided["target"]) == ("segue decide", event["event_id"])
    assert decided["after"]["replaced"] == {other["id"]: decided["after"]["enrollments"][0]}
    table = await segue(web, "audit", "--what", "segue decide")
    assert (table.exit_code, "segue decide" in table.stdout) == (0, True)
    assert await listed(web, "--since", "2999-01-01") == []


async def listed(web: Running, *arguments: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = json.loads((await segue(web, "audit", "--json", *arguments)).stdout)
    return rows
