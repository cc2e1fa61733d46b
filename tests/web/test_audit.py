"""Who did: every route that changes something writes a row of the audit log, and so does a refusal."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import text

from app.audit.act import Act, acting, command_act
from app.audit.store import AuditFilters, AuditStore, note
from app.cli.catalogue import show
from tests.console.test_every_route import UNCHANGED_TABLES, contents
from tests.support.audit import NOT_WRITTEN, broken_log
from tests.support.service import ADMIN_TOKEN, OPERATOR_TOKEN, RULES, VIEWER_TOKEN, Running, running, write
from tests.web.test_access import bearer, routes_of

if TYPE_CHECKING:
    from pathlib import Path

SIGNUP = {"type": "signup", "data": {"email": "ada@corp.example", "employees": 80}}
# What is sent to each route that changes something, so that it does.
CHANGES: dict[str, tuple[str, dict[str, Any] | None]] = {
    "POST /-/reload": ("/-/reload", None),
    "POST /api/v1/enrollments/{enrollment_id}/cancel": ("/api/v1/enrollments/{enrollment}/cancel", None),
    "POST /api/v1/enrollments/{enrollment_id}/release": ("/api/v1/enrollments/{parked}/release", None),
    "POST /api/v1/enrollments/cancel": ("/api/v1/enrollments/cancel", {"email": "ada@corp.example"}),
    "POST /api/v1/enrollments/release": ("/api/v1/enrollments/release", {"reason": "odd"}),
    "POST /api/v1/jobs": (
        "/api/v1/jobs",
        {"kind": "release_parked", "filter": {"reason": "odd"}, "expected_count": 1, "reason": "eve@corp.example"},
    ),
    "POST /api/v1/jobs/{job_id}/pause": ("/api/v1/jobs/job_waiting/pause", None),
    "POST /api/v1/jobs/{job_id}/resume": ("/api/v1/jobs/job_paused/resume", None),
    "POST /api/v1/jobs/{job_id}/cancel": ("/api/v1/jobs/job_paused/cancel", None),
    "POST /api/v1/senders/{sender_id}/pause": ("/api/v1/senders/anna/pause", None),
    "POST /api/v1/senders/{sender_id}/resume": ("/api/v1/senders/anna/resume", None),
    "POST /api/v1/suppressions": ("/api/v1/suppressions", {"value": "eve@corp.example", "reason": "eve@corp.example"}),
    "POST /api/v1/suppressions/import": ("/api/v1/suppressions/import", {"lines": "eve@corp.example"}),
    "POST /api/v1/suppressions/remove": ("/api/v1/suppressions/remove", {"value": "kept@corp.example"}),
    "POST /api/v1/endpoints/{name}/enable": ("/api/v1/endpoints/crm-back/enable", None),
    "POST /api/v1/endpoints/{name}/test": ("/api/v1/endpoints/crm-back/test", None),
    "POST /api/v1/outbound/{outbound_id}/replay": ("/api/v1/outbound/out_1/replay", None),
    "POST /api/v1/outbound/replay": (
        "/api/v1/outbound/replay",
        {"endpoint": "crm-back", "since": "2026-01-01T00:00:00Z", "state": "all"},
    ),
    "POST /api/v1/people/forget": ("/api/v1/people/forget", {"email": "ada@corp.example", "dry_run": False}),
    "POST /api/v1/people/lift": ("/api/v1/people/lift", {"email": "kept@corp.example"}),
    "POST /api/v1/people/export": ("/api/v1/people/export", {"email": "ada@corp.example"}),
    "POST /api/v1/events/{event_id}/decide": ("/api/v1/events/{event}/decide", None),
    "POST /api/v1/accounts/{account}/doctor": ("/api/v1/accounts/main/doctor", None),
    "POST /api/v1/sources/{name}/sample": ("/api/v1/sources/webinar/sample", {"email": "me@acme.example"}),
    "POST /api/v1/events/decide": ("/api/v1/events/decide", {"rule": "signup", "since": "2026-01-01T00:00:00Z"}),
}
# OAuth is not configured here: tests/accounts has it.
NOT_HERE = {"POST /api/v1/accounts/{account}/install"}
UNCHANGED = {
    "POST /api/v1/senders/{sender_id}/resume",  # it is not paused
    "POST /api/v1/endpoints/{name}/enable",  # there is no breaker to close yet
    "POST /api/v1/people/lift",  # no person was forgotten yet
    "POST /api/v1/people/export",  # it reads
}
NOTHING_TO_DO = UNCHANGED - {"POST /api/v1/people/export"}
TABLES = (*UNCHANGED_TABLES, "doctor_runs", "forgotten", "outbound_endpoints", "rejected_rules")


async def prepared(web: Running, rules: Path) -> dict[str, str]:
    await web.deliver("crm", SIGNUP)
    other = {**SIGNUP, "data": {**SIGNUP["data"], "email": "bob@corp.example"}}  # type: ignore[dict-item]
    await web.deliver("crm", other)
    async with web.process.engine.begin() as connection:
        parked = "UPDATE enrollments SET state = 'parked', reason = 'odd' WHERE email = 'bob@corp.example'"
        await connection.execute(text(parked))
        await connection.execute(
            text("""
                INSERT INTO outbound (id, endpoint, kind, body, state, due_at, created_at, updated_at)
                VALUES ('out_1', 'crm-back', 'enrolled', 'x', 'failed', now(), now(), now())
            """)
        )
        await connection.execute(
            text("""
                INSERT INTO bulk_jobs (id, kind, state, asked_by, origin, filter, total, created_at, due_at)
                SELECT 'job_' || state, 'cancel', state, 'ada', '127.0.0.1', '{"rule": "x"}', 3, now(), now()
                FROM unnest(ARRAY['waiting', 'paused']) AS state
            """)
        )
    await web.post("/api/v1/suppressions", value="kept@corp.example")
    write(rules, RULES.replace(">= 50", ">= 10").replace("intent: demo", "intent: other"))
    rows = {row["email"]: row for row in await web.rows("SELECT id, email, event_id FROM enrollments")}
    return {
        "enrollment": rows["ada@corp.example"]["id"],
        "parked": rows["bob@corp.example"]["id"],
        "event": rows["bob@corp.example"]["event_id"],
    }


async def test_every_route_that_changes_something_is_tried_here(web: Running) -> None:
    assert set(CHANGES) | NOT_HERE == {route.name for route in routes_of(web) if route.changes}


@pytest.mark.parametrize("name", CHANGES)
async def test_a_change_and_its_row_are_there_together(web: Running, rules: Path, name: str) -> None:
    ids = await prepared(web, rules)
    if "decide" in name:
        await web.post("/-/reload")
    async with web.process.engine.begin() as connection:
        await connection.execute(text("DELETE FROM audit"))
    path, body = CHANGES[name]
    answer = await web.client.post(path.format_map(ids), json=body, headers=bearer(ADMIN_TOKEN))
    assert answer.status_code < 300, answer.text
    rows = await web.rows("SELECT * FROM audit ORDER BY id")
    assert rows != []
    for row in rows:
        assert (row["who"], row["role"], row["origin"], row["what"]) == ("ada", "admin", "127.0.0.1", name)
        assert (row["outcome"], row["revision"] is not None) == ("done", True)
        assert (row["before"] is row["after"] is None) == (name in UNCHANGED)
    assert "@" not in str(rows).replace("***@", "")


async def test_nothing_is_done_that_the_audit_log_does_not_take(web: Running, rules: Path) -> None:
    ids = await prepared(web, rules)
    for name, (path, body) in CHANGES.items():
        before = await contents(web, TABLES)
        async with broken_log(web):
            answer = await web.client.post(path.format_map(ids), json=body, headers=bearer(ADMIN_TOKEN))
        refused = answer.status_code == 503 and NOT_WRITTEN in answer.json()["detail"]
        assert refused or name in NOTHING_TO_DO, (name, answer.text)
        assert await contents(web, TABLES) == before, name


@pytest.mark.parametrize("act", ["{enrollment}/cancel", "{parked}/release", "{parked}/release?as_rules_now=true"])
async def test_a_row_says_why_it_was_done_where_the_operator_said_it(web: Running, rules: Path, act: str) -> None:
    ids = await prepared(web, rules)
    await web.process.rulebook.reload()
    path = f"/api/v1/enrollments/{act.format_map(ids)}"
    answer = await web.post(path, token=OPERATOR_TOKEN, reason="asked by eve@corp.example")
    assert answer.status_code == 200, answer.text
    (row,) = await web.rows("SELECT after FROM audit WHERE who = 'olga'")
    assert row["after"]["reason"] == "asked by e***@corp.example"


async def test_a_row_says_what_was_before(web: Running, rules: Path) -> None:
    await prepared(web, rules)
    async with web.process.engine.begin() as connection:
        await connection.execute(
            text("""
                INSERT INTO outbound_endpoints (endpoint, fingerprint, failures, openings, disabled_at)
                VALUES ('crm-back', 'a', 0, 0, NULL), ('crm-back', 'b', 1, 0, '2026-11-23T09:00:00Z')
            """)
        )
    many = {"endpoint": "crm-back", "since": "2026-01-01T00:00:00Z", "state": "all"}
    await web.post("/api/v1/outbound/replay", token=OPERATOR_TOKEN, **many)
    await web.post("/api/v1/outbound/out_1/replay", token=OPERATOR_TOKEN)
    await web.post("/api/v1/endpoints/crm-back/enable", token=OPERATOR_TOKEN)
    first, second, third = await web.rows("SELECT before, after FROM audit WHERE who = 'olga' ORDER BY id")
    assert (first["before"], first["after"]["replayed"]) == ({"failed": 1}, 1)
    assert second == {"before": {"state": "waiting", "tries": 0}, "after": {"state": "waiting", "tries": 0}}
    assert (third["before"]["open_until"], third["before"]["disabled_at"][:16]) == (None, "2026-11-23T09:00")


@pytest.mark.parametrize("name", sorted({*CHANGES, *NOT_HERE}))
async def test_a_role_that_does_not_suffice_is_a_row_too(web: Running, name: str) -> None:
    path = name.split()[1].replace("{", "").replace("}", "")
    answer = await web.client.post(path, json={}, headers=bearer(VIEWER_TOKEN))
    assert answer.status_code == 403
    (row,) = await web.rows("SELECT * FROM audit WHERE who = 'vera'")
    assert (row["what"], row["outcome"], row["status"], row["role"]) == (name, "refused", 403, "viewer")


async def test_what_was_not_possible_is_a_row_without_a_change(web: Running) -> None:
    for path, status in (("/api/v1/enrollments/enr_1/cancel", 404), ("/api/v1/enrollments/cancel", 422)):
        assert (await web.client.post(path, json={}, headers=bearer(OPERATOR_TOKEN))).status_code == status
    rows = await web.rows("SELECT target, outcome, status, before, after FROM audit WHERE who = 'olga' ORDER BY id")
    assert [(row["target"], row["outcome"], row["status"]) for row in rows] == [
        ("enr_1", "refused", 404),
        (None, "refused", 422),
    ]
    assert {(row["before"], row["after"]) for row in rows} == {(None, None)}


async def test_a_row_holds_no_control_characters(web: Running, capsys: pytest.CaptureFixture[str]) -> None:
    await web.client.post("/api/v1/enrollments/%1B]0;x%07%00/cancel", headers=bearer(OPERATOR_TOKEN))
    await web.client.get("/api/%1B[2J%00", headers=bearer("wrong"))
    rows = await web.rows("SELECT target FROM audit WHERE who <> 'system' ORDER BY id")
    assert [row["target"] for row in rows] == [r"\x1b]0;x\x07\x00", r"GET /api/\x1b[2J\x00"]
    show([{"target": "\x1b[2J"}], as_json=False)
    assert "\x1b" not in capsys.readouterr().out


async def test_a_dry_run_changed_nothing(web: Running, rules: Path) -> None:
    ids = await prepared(web, rules)
    await web.post("/-/reload")
    await web.client.post(f"/api/v1/events/{ids['event']}/decide?dry_run=true", headers=bearer(OPERATOR_TOKEN))
    (row,) = await web.rows("SELECT target, before, after, outcome FROM audit WHERE who = 'olga'")
    assert row == {"target": ids["event"], "before": None, "after": None, "outcome": "done"}


async def test_a_change_that_is_rolled_back_has_no_row(web: Running) -> None:
    with acting(Act("olga", "operator", "192.0.2.1", "POST /x")):
        async with web.process.engine.connect() as connection, connection.begin() as transaction:
            await note(connection, after={"x": 1})
            await transaction.rollback()
    assert await web.rows("SELECT id FROM audit WHERE who = 'olga'") == []


async def test_a_start_puts_rules_in_force_in_the_name_of_the_system(web: Running) -> None:
    (row,) = await web.rows("SELECT * FROM audit")
    revision = web.process.current_rulebook().revision
    assert (row["who"], row["what"], row["after"]) == ("system", "rules put in force", {"revision": revision})


async def test_the_log_is_paged_and_narrowed(web: Running) -> None:
    for number in range(5):
        await web.post("/api/v1/suppressions", value=f"p{number}.example", token=OPERATOR_TOKEN)
    seen: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        page = (await web.get("/api/v1/audit", who="olga", limit=2, **cursor)).json()
        seen += [row["after"]["value"] for row in page["items"]]
        if page["next_cursor"] is None:
            break
        cursor = {"cursor": page["next_cursor"]}
    assert seen == [f"p{number}.example" for number in (4, 3, 2, 1, 0)]
    by_target = (await web.get("/api/v1/audit", target="p3@x.example")).json()["items"]
    assert by_target == []
    await web.post("/api/v1/senders/anna/pause", token=OPERATOR_TOKEN)
    (about,) = (await web.get("/api/v1/audit", target="anna")).json()["items"]
    assert (about["what"], about["who"]) == ("POST /api/v1/senders/{sender_id}/pause", "olga")
    by_what = (await web.get("/api/v1/audit", what="rules put in force")).json()["items"]
    assert {row["who"] for row in by_what} == {"system"}
    now = datetime.now(UTC)
    later, earlier = (now + timedelta(hours=1)).isoformat(), (now - timedelta(hours=1)).isoformat()
    assert (await web.get("/api/v1/audit", since=later)).json()["items"] == []
    assert (await web.get("/api/v1/audit", until=earlier)).json()["items"] == []
    assert len((await web.get("/api/v1/audit", since=earlier, until=later)).json()["items"]) == 7


async def test_a_command_names_its_user(web: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.setenv(name, "another-user")
    act = command_act("release")
    with acting(act):
        async with web.process.engine.begin() as connection:
            await note(connection, target="enr_1", after={"state": "ready", "for": "ada@corp.example"})
    (row,) = await AuditStore(web.process.engine).page(AuditFilters(who="cli"))
    assert (row["what"], row["target"], " on " in row["origin"]) == ("segue release", "enr_1", True)
    assert "another-user" not in row["origin"]
    assert row["after"] == {"state": "ready", "for": "a***@corp.example"}


async def test_without_tokens_nothing_is_written(database_url: str, rules: Path) -> None:
    async with running(database_url, rules, tokens="") as web:
        await web.post("/-/reload")
        assert {row["who"] for row in await web.rows("SELECT who FROM audit")} == {"system"}
