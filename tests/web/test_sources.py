"""Sources over HTTP: where each posts to, why deliveries were rejected and whether they would pass now, and samples."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from app.errors import Busy
from tests.support.service import BASE, OPERATOR_TOKEN, RULES, SECRETS, VIEWER_TOKEN, Running, running, write

if TYPE_CHECKING:
    from pathlib import Path

SIGNUP = b'{"type": "signup", "data": {"email": "ada@corp.example", "employees": 80}}'
IN_URL = """
  hook: {provider: json, credential: {kind: url}, secrets: ["${HOOK_PATH_SECRET}"], fields: {type: $.type, id: $.id}}
senders:"""
HOOK = {"HOOK_PATH_SECRET": "made-up-secret-of-the-url"}
REJECTED = "SELECT id FROM refused_deliveries WHERE source = 'crm'"


async def rejected(web: Running) -> str:
    """Deliver what was signed with another secret; return the id under which it is kept."""
    headers = {**web.signed("crm", SIGNUP), "webhook-signature": "v1,AAAA"}
    answer = await web.client.post("/webhooks/crm", content=SIGNUP, headers=headers)
    assert answer.status_code == 401
    (row,) = await web.rows_once_there(REJECTED)
    return str(row["id"])


async def checked(web: Running, id_: str, source: str = "crm") -> Any:
    answer = await web.post(f"/api/v1/sources/{source}/rejected/{id_}/check", token=VIEWER_TOKEN)
    return answer.json() if answer.status_code == 200 else answer.status_code


async def test_sources_say_where_their_senders_post_to_and_show_no_secret(database_url: str, rules: Path) -> None:
    write(rules, RULES.replace("\nsenders:", IN_URL))
    async with running(database_url, rules, secrets=SECRETS | HOOK, public_url=f"{BASE}/in/") as web:
        listed = (await web.get("/api/v1/sources")).json()["items"]
        one = await web.get("/api/v1/sources/hook")
        crm = (await web.get("/api/v1/sources/crm")).json()
        missing = await web.get("/api/v1/sources/none")
        unknown_paths = await web.get("/api/v1/sources/unknown-paths")
    assert [(row["name"], row["url"]) for row in listed] == [
        ("crm", f"{BASE}/in/webhooks/crm"),
        ("open", f"{BASE}/in/webhooks/open"),
        ("webinar", f"{BASE}/in/webhooks/webinar"),
        ("portal", f"{BASE}/in/webhooks/portal"),
        ("hook", f"{BASE}/in/webhooks/hook/SECRET"),
    ]
    assert [row["rules"] for row in listed] == [["signup"], ["anything"], ["registered"], ["made"], []]
    assert (one.json()["path"], HOOK["HOOK_PATH_SECRET"] in one.text) == ("/webhooks/hook/SECRET", False)
    assert crm["secrets"] == [{"number": 1, "not_after": None, "expired": False}]
    assert (crm["proof"], len(crm["samples"]) > 0) == ("HMAC-SHA256 or ed25519 in webhook-signature", True)
    assert (missing.status_code, unknown_paths.json()) == (404, {"items": []})


async def test_a_source_says_when_something_came_and_was_rejected(web: Running) -> None:
    before = (await web.get("/api/v1/sources/crm")).json()
    assert [before[name] for name in ("url", "received_at", "rejected_at", "rejected")] == [None, None, None, 0]
    await web.deliver("crm", SIGNUP)
    await rejected(web)
    after = (await web.get("/api/v1/sources/crm")).json()
    assert after["received_at"] < after["rejected_at"]
    others = [row["received_at"] for row in (await web.get("/api/v1/sources")).json()["items"] if row["name"] != "crm"]
    assert others == [None] * 3  # also for those whose names come behind
    assert (after["rejected"], after["rejected_status"], after["rejected_reason"]) == (1, 401, "signature_mismatch")
    (row,) = (await web.get("/api/v1/sources/crm/rejected")).json()["items"]
    assert (row["status"], row["reason"], row["bytes"]) == (401, "signature_mismatch", len(SIGNUP))
    assert (await web.get("/api/v1/sources/none/rejected")).status_code == 404


async def test_a_rejected_delivery_is_checked_again_with_the_secrets_of_today_and_stays_rejected(
    web: Running, rules: Path
) -> None:
    right = web.signed("crm", SIGNUP)
    old = SECRETS["CRM_SECRET"]
    write(rules, RULES.replace('"${CRM_SECRET}"', '"whsec_b3RoZXItbWFkZS11cC1zZWNyZXQ="'))
    await web.post("/-/reload")
    assert (await web.client.post("/webhooks/crm", content=SIGNUP, headers=right)).status_code == 401
    (row,) = await web.rows_once_there(REJECTED)
    then = await checked(web, row["id"])
    assert (then["accepted_now"], then["reason"]) == (False, "signature_mismatch")
    assert [one["passed"] for one in then["checks"] if one["check"] == "secret 1"] == [False]
    write(rules, RULES)
    await web.post("/-/reload")
    now = await checked(web, row["id"])
    assert (now["accepted_now"], now["status"]) == (True, 401)
    assert old not in str(now)
    assert await web.rows("SELECT id FROM events") == []
    assert len(await web.rows(REJECTED)) == 1
    assert await checked(web, row["id"], "open") == 404
    assert await checked(web, "dlv_1") == 404


async def test_what_was_accepted_is_no_rejected_delivery(web: Running) -> None:
    await web.deliver("crm", SIGNUP)
    (row,) = await web.rows("SELECT id FROM deliveries")
    assert await checked(web, row["id"]) == 404


async def test_a_sample_goes_through_the_intake_as_any_delivery(web: Running) -> None:
    for _ in range(2):
        answer = await web.post("/api/v1/sources/webinar/sample", token=OPERATOR_TOKEN, email="me@acme.example")
        sent = answer.json()
        assert (answer.status_code, sent["status"], sent["reason"]) == (200, 200, None)
    assert sent["foreseen"] == ["the rules say of me@acme.example: enroll 310003 by rule registered"]
    events = await web.rows("SELECT delivery_id, email FROM events ORDER BY id")
    assert [row["email"] for row in events] == ["me@acme.example"] * 2  # a new event each time
    assert events[1]["delivery_id"] == sent["delivery_id"]
    assert len(await web.rows("SELECT id FROM enrollments")) == 1  # and one intent
    rows = await web.rows("SELECT target, after FROM audit WHERE who = 'olga' ORDER BY at")
    assert [row["target"] for row in rows] == ["webinar"] * 4  # each asked for, and then what came of it
    assert rows[2]["after"]["delivery"] == sent["delivery_id"]
    assert rows[2]["after"]["asked"].startswith("send ")
    assert rows[3]["after"] == {"delivery": sent["delivery_id"], "status": 200}


async def test_a_dry_run_of_a_sample_writes_nothing(web: Running) -> None:
    sent = (await web.post("/api/v1/sources/webinar/sample", email="me@acme.example", dry_run=True)).json()
    assert (sent["status"], sent["delivery_id"], len(sent["foreseen"])) == (None, None, 1)
    assert await web.rows("SELECT id FROM events") == []


async def test_a_sample_that_the_intake_rejects_says_why(web: Running) -> None:
    async def full(_: object) -> Any:
        raise Busy("queue_full", "full")

    web.process.receive = full
    sent = (await web.post("/api/v1/sources/webinar/sample", email="me@acme.example")).json()
    assert (sent["status"], sent["reason"]) == (503, "queue_full: full")


async def test_a_sample_that_cannot_be_sent_says_what_is_wrong(web: Running) -> None:
    for body, said in (
        ({"sample": "nothing begins so"}, "sample: no sample of zoom begins with"),
        ({"email": "nobody"}, "email: 'nobody' is no e-mail address"),
    ):
        answer = await web.post("/api/v1/sources/webinar/sample", **body)
        assert answer.status_code == 409
        assert said in answer.json()["detail"]
    assert await web.rows("SELECT id FROM events") == []
    assert (await web.post("/api/v1/sources/none/sample")).status_code == 404
    web.process.receive = None
    assert (await web.post("/api/v1/sources/webinar/sample")).status_code == 503
