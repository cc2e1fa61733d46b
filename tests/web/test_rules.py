"""The rules over HTTP: in force, before, rejected, and tried with an event; no secret and nothing written."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import text

from app.audit.act import SYSTEM
from app.errors import Mistake, RulebookError
from tests.support.service import OPERATOR_TOKEN, RULES, SECRETS, VIEWER_TOKEN, Running, running, write

if TYPE_CHECKING:
    from pathlib import Path

COUNTS = "SELECT (SELECT count(*) FROM events) + (SELECT count(*) FROM decisions) + (SELECT count(*) FROM audit) AS n"
SIGNUP = {"source": "crm", "type": "signup", "email": "ada@corp.example", "data": {"data": {"employees": 80}}}
LITERAL = "whsec_bGl0ZXJhbC1tYWRlLXVwLXNlY3JldA=="


async def tried(web: Running, **body: Any) -> Any:
    answer = await web.post("/api/v1/rules/try", token=VIEWER_TOKEN, **body)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_the_rules_in_force_say_who_put_them_there_and_whether_their_examples_pass(
    web: Running, rules: Path
) -> None:
    first = (await web.get("/api/v1/rules")).json()
    assert (first["revision"], first["installed_by"]) == (web.process.current_rulebook().revision, SYSTEM)
    assert [rule["id"] for rule in first["rules"]] == ["signup", "anything", "registered", "made"]
    signup = first["rules"][0]
    assert (signup["line"], signup["when"]) == (16, "event.data.data.employees >= 50")
    assert signup["does"]["enroll"] == {"sequence": "310001", "sender": "anna"}
    example = '\n    examples: [{name: small, event: {data: {data: {employees: 5}}}, expect: {enroll: "310001"}}]'
    write(rules, RULES.replace("dedupe: {intent: demo, for: 30d}", "dedupe: {intent: demo, for: 30d}" + example))
    assert (await web.post("/-/reload")).status_code == 200
    second = (await web.get("/api/v1/rules")).json()
    assert (second["installed_by"], second["examples"], second["failing"]) == ("ada", 1, 1)
    (failing,) = second["rules"][0]["failing"]
    assert failing["difference"].startswith("expected enroll 310001, got none")


async def test_a_rejected_reload_is_kept_until_the_next_good_one(web: Running, rules: Path) -> None:
    assert (await web.get("/api/v1/rules")).json()["rejected"] is None
    write(rules, RULES.replace("sender: anna", "sender: nobody"))
    answer = await web.post("/-/reload")
    assert answer.status_code == 422
    kept = (await web.get("/api/v1/rules")).json()["rejected"]
    assert (kept["rejected_by"], kept["origin"]) == ("ada", "127.0.0.1")
    listed = [{name: value for name, value in mistake.items() if name != "level"} for mistake in kept["mistakes"]]
    assert listed == answer.json()["mistakes"]
    assert len(listed) == 3
    write(rules, RULES)  # the text that is in force
    assert (await web.post("/-/reload")).status_code == 200
    assert (await web.get("/api/v1/rules")).json()["rejected"] is None


async def test_a_replica_that_cannot_follow_says_so(web: Running, rules: Path, database_url: str) -> None:
    write(rules, RULES.replace(">= 50", ">= 10"))
    async with running(database_url, rules, secrets=SECRETS) as other:
        assert other.process.current_rulebook().revision != web.process.current_rulebook().revision
    web.process.rulebook._load = _rejecting
    await web.process.rulebook.follow()
    kept = (await web.get("/api/v1/rules")).json()["rejected"]
    assert (kept["rejected_by"], kept["mistakes"][0]["message"]) == (SYSTEM, "the variable is not set here")


def _rejecting(_: object) -> Any:
    raise RulebookError((Mistake("rules.yaml", 3, 5, "the variable is not set here"),))


async def test_revisions_are_listed_and_compared_without_secrets(web: Running, rules: Path) -> None:
    first = web.process.current_rulebook().revision
    changed = RULES.replace(">= 50", ">= 10").replace('"${CRM_SECRET}"', f'"{LITERAL}"')
    write(rules, changed)
    assert (await web.post("/-/reload")).status_code == 200
    second = web.process.current_rulebook().revision
    page = (await web.get("/api/v1/rulebooks", limit=1)).json()
    assert [row["revision"] for row in page["items"]] == [second]
    older = (await web.get("/api/v1/rulebooks", cursor=page["next_cursor"])).json()["items"]
    assert [(row["revision"], row["installed_by"]) for row in older] == [(first, SYSTEM)]
    one = (await web.get(f"/api/v1/rulebooks/{second}")).json()
    assert one["against"] == first
    assert [line for line in one["diff"] if "employees" in line] == [
        "-    when: event.data.data.employees >= 50",
        "+    when: event.data.data.employees >= 10",
    ]
    assert LITERAL not in str(one)
    assert not any(secret in str(one) for secret in SECRETS.values())
    assert one["documents"][0]["text"] == changed.replace(LITERAL, "***")
    back = (await web.get(f"/api/v1/rulebooks/{first}", against=second)).json()
    assert "+    when: event.data.data.employees >= 50" in back["diff"]
    assert (await web.get(f"/api/v1/rulebooks/{first}")).json()["diff"] == []
    assert (await web.get("/api/v1/rulebooks/unknown")).status_code == 404
    assert (await web.get(f"/api/v1/rulebooks/{first}", against="unknown")).status_code == 404


async def test_an_event_is_tried_and_nothing_is_written(web: Running) -> None:
    before = await web.rows(COUNTS)
    found = await tried(web, event=SIGNUP)
    (decision,) = found["decisions"]
    assert (decision["verdict"], decision["target"], decision["sender"]) == ("enroll", "310001", "anna")
    assert [(one["rule"], one["looked"]) for one in found["rules"]] == [("signup", "matched")]
    low = await tried(web, event=SIGNUP | {"data": {"data": {"employees": 5}}})
    assert low["decisions"][0]["verdict"] == "none"
    assert low["rules"][0]["detail"] == "event.data.data.employees is 5"
    assert not (await tried(web, event=SIGNUP | {"type": "other"}))["heard"]
    assert await web.rows(COUNTS) == before


async def test_a_stored_event_is_tried_as_long_as_its_payload_is_there(web: Running) -> None:
    await web.deliver("crm", {"type": "signup", "data": {"email": "ada@corp.example", "employees": 20}})
    (row,) = await web.rows("SELECT id FROM events")
    found = await tried(web, event_id=row["id"])
    assert [one["detail"] for one in found["rules"]] == ["event.data.data.employees is 20"]
    async with web.process.engine.begin() as connection:
        await connection.execute(text("UPDATE events SET data = NULL"))
    gone = await web.post("/api/v1/rules/try", event_id=row["id"])
    assert (gone.status_code, gone.json()["type"].partition("#")[2]) == (409, "payload-gone")
    assert (await web.post("/api/v1/rules/try", event_id="evt_1")).status_code == 404


async def test_what_is_no_event_is_not_tried(web: Running) -> None:
    both: dict[str, Any] = {"event": SIGNUP, "event_id": "evt_1"}
    deep: Any = {}
    for _ in range(300):
        deep = {"a": deep}
    for body in ({}, both, {"event": {"source": "nowhere"}}, {"event": SIGNUP | {"data": deep}}):
        answer = await web.post("/api/v1/rules/try", token=OPERATOR_TOKEN, **body)
        assert answer.status_code == 422, body


async def test_no_value_of_a_variable_is_shown(database_url: str, rules: Path) -> None:
    key = RULES.replace("employees >= 50", 'employees >= 50 && event.data.key == "${HOOK_PATH}"')
    key = key.replace("dedupe: {intent: demo", "contact: {set: {lead: '\"${HOOK_PATH}\"'}}\n    dedupe: {intent: demo")
    write(rules, key)
    async with running(database_url, rules) as web:
        event = SIGNUP | {"data": {"key": SECRETS["HOOK_PATH"], "data": {"employees": 80}}}
        found = await web.post("/api/v1/rules/try", event=event)
        listed = await web.get("/api/v1/rules")
    assert found.json()["decisions"][0]["properties"] == {"lead": "${HOOK_PATH}"}
    for answer in (found, listed):
        assert SECRETS["HOOK_PATH"] not in answer.text
