"""The audit log: its sentence, what each line says, and how it is narrowed and turned over."""

from __future__ import annotations

import ast
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from app.accounts.connect import CALLBACK, INSTALL
from app.bulk.kinds import KINDS
from app.clock import utc_now
from app.console.act_words import ACTS, UNKNOWN, act_words
from app.console.audit_words import all_in_words, line_of
from app.console.signin.paths import SIGN_OUT
from app.operators import Role
from tests.conftest import NOON
from tests.console.places import served
from tests.support.console import signed_in
from tests.web.test_access import routes_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tests.support.console import Browser
    from tests.support.service import Running

ADD = """
    INSERT INTO audit (id, at, who, role, origin, what, target, before, after, revision, outcome, status)
    SELECT 'aud_' || lpad(to_hex(CAST(EXTRACT(epoch FROM at) * 1000 AS bigint)), 12, '0') || lpad(to_hex(n), 20, '0'),
           at, CASE WHEN n % 2 = 0 THEN 'marta' ELSE 'jonas' END, 'operator', '192.0.2.14', :what, :target,
           '{"paused": false}', '{"paused": true, "reason": "on leave"}', '9b1e07d2',
           CASE WHEN n % 10 = 0 THEN 'refused' ELSE 'done' END, NULL
    FROM generate_series(1, :rows) AS n
    CROSS JOIN LATERAL (SELECT CAST(:at AS timestamptz) + n * interval '1 second' AS at) AS made
"""
ROOT = Path(__file__).parents[2]
# Where the name of an act stands among the arguments of what takes it.
NAMING = {"command_act": 0, "system_act": 0, "note": 1, "redecider_of": 1}
MOVES = ("one", "pause", "resume", "cancel")
OTHERS = {"sign-in", f"POST {SIGN_OUT}", f"POST {INSTALL}", f"GET {CALLBACK}"}
PAUSE = "POST /admin/senders/{sender}/pause"


@pytest.mark.parametrize(
    ("counts", "narrowed", "said"),
    [
        ({}, False, "No line in the last 24 hours."),
        ({}, True, "No line of these in the last 24 hours."),
        ({"done": 1}, False, "1 act in the last 24 hours, 1 done."),
        (
            {"failed": 1, "refused": 2, "done": 1204},
            False,
            "1,207 acts in the last 24 hours: 1,204 done, 2 refused, 1 failed.",
        ),
        (
            {"done": 9990, "refused": 11},
            True,
            "More than 10,000 acts in the last 24 hours: of the newest 9,990 done, 11 refused.",
        ),
    ],
)
def test_the_sentence_counts_what_was_done_and_refused(counts: dict[str, int], said: str, *, narrowed: bool) -> None:
    assert all_in_words(counts, "in the last 24 hours", narrowed=narrowed) == said


def row(**more: Any) -> dict[str, Any]:
    """Return one row of the log."""
    usual = dict.fromkeys(("role", "target", "before", "after", "revision", "status"))
    return {"id": "aud_1", "at": NOON, "who": "marta", "origin": "x", "what": PAUSE, "outcome": "done", **usual, **more}


def test_a_line_says_the_reason_apart_from_what_changed() -> None:
    line = line_of(row(before={"paused": False}, after={"paused": True, "reason": "on leave"}))
    assert (line.reason, line.before, line.after) == ("on leave", '{\n  "paused": false\n}', '{\n  "paused": true\n}')


def test_a_line_that_changed_nothing_shows_no_change() -> None:
    line = line_of(row(after={"reason": "on leave"}))
    assert (line.reason, line.before, line.after) == ("on leave", "", "")
    assert line_of(row(after=[1])).after == "[\n  1\n]"


async def test_every_act_that_the_log_may_hold_has_words(web: Running) -> None:
    pages = {one.name for one in served(web) if one.changes or (one.method == "POST" and one.role is not Role.VIEWER)}
    api = {route.name for route in routes_of(web) if route.changes}
    jobs = {f"job {kind}" for kind in KINDS}
    assert ACTS.keys() >= pages | api | jobs | OTHERS | set(acts_of_commands())
    names = [one.name for one in served(web)] + [one.name for one in routes_of(web)]
    assert not [name for name in names if name.startswith("GET ") and act_words(name) == UNKNOWN]


def acts_of_commands() -> Iterator[str]:
    """Yield what commands, and the service itself, call their acts: by the calls that name them."""
    for path in (ROOT / "app").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in NAMING:
                if node.func.id == "note" and path.parent.name != "cli":
                    continue  # those of stores, which take no name
                prefix = "" if node.func.id == "system_act" else "segue "
                yield from (prefix + name for name in named_by(node.args[NAMING[node.func.id]]))


def named_by(argument: ast.expr) -> Iterable[str]:
    match argument:
        case ast.Constant(value=str(text)):
            return [text]
        case ast.JoinedStr(values=[ast.Constant(value="jobs "), _]):
            return [f"jobs {one}" for one in (*KINDS, *MOVES)]
        case ast.Name(id="command"):  # of a function that NAMING has, too
            return []
    pytest.fail(f"what does this call the act? {ast.unparse(argument)}")


@pytest.mark.parametrize(
    ("what", "said"),
    [
        (PAUSE, "Pause a sender"),
        ("GET /admin/senders/{sender}/pause", "Open the form: Pause a sender"),
        ("GET /admin/audit.json", "Look at a page"),
        ("GET /api/v1/senders", "Read by the API"),
        ("POST /admin/of/another/version", UNKNOWN),
    ],
)
def test_an_act_is_said_in_words(what: str, said: str) -> None:
    line = line_of(row(what=what))
    assert (line.said, line.what) == (said, what)


async def test_the_log_is_turned_over_in_both_directions(web: Running, admin: Browser) -> None:
    await web.execute(ADD, at=utc_now() - timedelta(hours=2), rows=120, what=PAUSE, target="anna")
    first = await admin.json("/audit", target="anna")
    assert first["sentence"] == "120 acts in the last 24 hours: 108 done, 12 refused."
    second = (await admin.client.get(first["lines"]["older"])).json()
    third = (await admin.client.get(second["lines"]["older"])).json()
    assert [len(page["lines"]["items"]) for page in (first, second, third)] == [50, 50, 20]
    assert (first["lines"]["newer"], third["lines"]["older"]) == (None, None)
    back = (await admin.client.get(third["lines"]["newer"])).json()
    assert _ids(back) == _ids(second)
    again = (await admin.client.get(back["lines"]["newer"])).json()
    assert (_ids(again), again["lines"]["newer"]) == (_ids(first), None)


async def test_the_log_is_narrowed_by_who_what_target_and_day(web: Running, admin: Browser) -> None:
    now = utc_now()
    await web.execute(ADD, at=now - timedelta(hours=1), rows=4, what=PAUSE, target="anna")
    await web.execute(ADD, at=now - timedelta(hours=1, minutes=1), rows=3, what="POST /-/reload", target="rules")
    old = now - timedelta(days=100)
    await web.execute(ADD, at=old.replace(hour=12, minute=0), rows=2, what=PAUSE, target="ben")

    async def found(**query: str) -> int:
        return len((await admin.json("/audit", **query))["lines"]["items"])

    assert await found(who="marta") == 3
    assert await found(what="POST /-/reload") == 3
    assert await found(target="anna", who="jonas") == 2
    assert await found(target="ben") == 0
    assert await found(target="ben", day=old.date().isoformat()) == 2
    page = await admin.json("/audit", day=old.date().isoformat())
    assert page["sentence"].startswith("2 acts on ")
    assert all("day=" not in url for _, url in page["periods"])
    assert (await admin.get("/audit", day="yesterday")).status_code == 422


async def test_what_an_act_changed_is_there_to_unfold(web: Running, admin: Browser) -> None:
    await web.execute(ADD, at=utc_now() - timedelta(hours=1), rows=1, what=PAUSE, target="anna")
    text = (await admin.get("/audit", target="anna")).text
    assert f'<td>Pause a sender<br><span class="id">{PAUSE}</span>' in text
    assert "“on leave”" in text
    assert "<details><summary>What it changed" in text
    assert "&#34;paused&#34;: false" in text


async def test_the_page_of_a_thing_leads_admins_to_what_was_done_about_it(web: Running, admin: Browser) -> None:
    link = "/admin/audit?target=anna&amp;period=30d"
    assert link in (await admin.get("/senders/anna")).text
    operator = await signed_in(web, Role.OPERATOR)
    async with operator.client:
        assert "/admin/audit?" not in (await operator.get("/senders/anna")).text
    await admin.confirm("/senders/anna/pause", {"reason": "on leave"})
    (line,) = (await admin.json("/audit", target="anna"))["lines"]["items"]
    assert (line["who"], line["what"], line["reason"]) == ("ada", PAUSE, "on leave")


def _ids(page: dict[str, Any]) -> list[str]:
    return [line["id"] for line in page["lines"]["items"]]
