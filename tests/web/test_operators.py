"""What operators are shown: events, decisions and enrollments, the reload, health, readiness and metrics."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import text

from app.hubspot.api.faults import faults
from tests.support.service import ADMIN_TOKEN, RULES, Running, client_of, close_database, open_database, running, write

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import httpx

    from tests.support.postgres import Databases

METRICS = Path(__file__).parents[2] / "docs" / "metrics.md"
LISTS = ("events", "decisions", "enrollments")
NOT_VALID = [
    ("limit", "0"),
    ("limit", "201"),
    ("limit", "many"),
    ("cursor", "evt_01'; --"),
    ("cursor", "x" * 65),
    ("source", "\x00"),
]
NO_PERSON = ["a" * 321, "a\x00b", "", "\u3000\t"]
CLOSED = [("GET", "/api/v1/events"), ("GET", "/api/v1/decisions/x"), ("POST", "/-/reload")]


def signup(number: int, email: str = "ada@corp.example", employees: int = 80) -> dict[str, Any]:
    return {"type": "signup", "data": {"n": number, "email": email, "employees": employees}}


def is_problem(answer: httpx.Response, status: int, kind: str) -> bool:
    """Whether an answer is a whole problem document (RFC 9457)."""
    document = answer.json()
    assert answer.headers["content-type"] == "application/problem+json"
    assert document["title"]
    assert document["detail"]
    shown = (answer.status_code, document["status"], document["type"].partition("#")[2])
    return shown == (status, status, kind)


async def reload(web: Running, token: str | None = ADMIN_TOKEN) -> httpx.Response:
    headers = {"authorization": f"Bearer {token}"} if token else {}
    return await web.client.post("/-/reload", headers=headers)


async def test_the_routes_of_operators_are_made_for_the_first_request_of_one(web: Running) -> None:
    begun = len(web.operators.routes)
    await web.client.get("/healthz")
    await web.client.get("/api/v1/events")
    assert len(web.operators.routes) == begun  # a scanner has no token
    assert (await web.get("/api/v1/events")).json()["items"] == []
    made = len(web.operators.routes)
    assert made > begun
    await web.get("/api/v1/events")
    assert len(web.operators.routes) == made


async def test_a_delivery_is_followed_by_its_ids_from_the_event_to_the_journal(web: Running) -> None:
    delivery = (await web.deliver("crm", signup(1))).json()["id"]

    (listed,) = (await web.get("/api/v1/events")).json()["items"]
    event = (await web.get(f"/api/v1/events/{listed['id']}")).json()
    decision = (await web.get(f"/api/v1/decisions/{event['decisions'][0]}")).json()
    enrollment = (await web.get(f"/api/v1/enrollments/{decision['enrollment_id']}")).json()

    assert {row["delivery_id"] for row in (event, decision, enrollment)} == {delivery}
    assert "data" not in listed
    assert event["data"] == signup(1)
    assert (decision["verdict"], decision["rule"], decision["facts"][0]["matched"]) == ("enroll", "signup", True)
    assert (enrollment["state"], enrollment["plan"], enrollment["sequence"]) == ("ready", {"sender": "anna"}, "310001")
    assert [line["after"] for line in enrollment["journal"]] == ["ready"]
    assert (decision["sender"], decision["assignment"], enrollment["what_to_do"]) == (None, None, None)


async def test_a_decision_tells_who_was_thought_of_and_a_refusal_what_to_do(web: Running) -> None:
    await web.deliver("crm", signup(1))
    async with web.process.engine.begin() as connection:
        thought = '[{"sender": "anna", "chosen": true, "because": "its turn"}]'
        refused = (
            "UPDATE enrollments SET state = 'refused', reason = 'UNSUBSCRIBED', assignment = CAST(:thought AS jsonb)"
        )
        await connection.execute(text(refused), {"thought": thought})
    (listed,) = (await web.get("/api/v1/decisions")).json()["items"]
    decision = (await web.get(f"/api/v1/decisions/{listed['id']}")).json()
    assert decision["assignment"] == [{"sender": "anna", "chosen": True, "because": "its turn"}]
    enrollment = (await web.get(f"/api/v1/enrollments/{decision['enrollment_id']}")).json()
    assert enrollment["what_to_do"] == faults()["UNSUBSCRIBED"].do


async def test_a_payload_with_numbers_of_any_size_is_shown_as_it_came(web: Running) -> None:
    body = b'{"type": "ping", "big": 1%s, "small": 1e-300, "deep": [[[[[{"x": null}]]]]]}' % (b"0" * 400)

    await web.deliver("open", body)

    (listed,) = (await web.get("/api/v1/events")).json()["items"]
    data = (await web.get(f"/api/v1/events/{listed['id']}")).json()["data"]
    assert data == {"type": "ping", "big": 10**400, "small": 1e-300, "deep": [[[[[{"x": None}]]]]]}


async def test_an_id_that_nothing_has_is_a_problem_document(web: Running) -> None:
    for kind in LISTS:
        for identity in ("evt_none", "'; --", "%ff", "x" * 5000):
            assert is_problem(await web.get(f"/api/v1/{kind}/{identity}"), 404, "not-found")
        assert is_problem(await web.get(f"/api/v1/{kind}/%00"), 422, "invalid-request")


async def test_lists_are_narrowed_to_person_source_rule_verdict_and_state(web: Running) -> None:
    await web.deliver("crm", signup(1))
    await web.deliver("crm", signup(2, "bob@corp.example", employees=1))
    await web.deliver("open", {"type": "ping", "id": "p1", "email": "ada@corp.example"})

    async def sources(path: str, **filters: str) -> list[str]:
        answer = await (
            web.post(f"/api/v1/{path}/search", **filters)
            if "email" in filters
            else web.get(f"/api/v1/{path}", **filters)
        )
        return [row["source"] for row in answer.json()["items"]]

    assert await sources("events") == ["open", "crm", "crm"]
    assert await sources("events", email=" ADA@corp.example") == ["open", "crm"]
    assert await sources("events", email="ada@corp.example", source="crm") == ["crm"]
    assert await sources("events", email="missing@corp.example") == []
    assert await sources("decisions", verdict="none") == ["crm"]
    assert await sources("decisions", rule="anything") == ["open"]
    assert await sources("enrollments", state="ready", source="open") == ["open"]
    assert await sources("enrollments", state="parked") == []


@pytest.mark.parametrize("kind", LISTS)
async def test_pages_show_every_row_exactly_once_while_new_ones_arrive(web: Running, kind: str) -> None:
    for number in range(7):
        await web.deliver("crm", signup(number, f"p{number}@corp.example"))
    expected = [row["id"] for row in await web.rows(f"SELECT id FROM {kind} ORDER BY id DESC")]  # noqa: S608  # our tables
    seen: list[str] = []
    cursor: dict[str, str] = {}
    for page in range(7, 11):
        answer = (await web.get(f"/api/v1/{kind}", limit=2, **cursor)).json()
        seen += [row["id"] for row in answer["items"]]
        await web.deliver("crm", signup(page, f"p{page}@corp.example"))
        if answer["next_cursor"] is None:
            break
        cursor = {"cursor": answer["next_cursor"]}

    assert len(expected) == 7
    assert seen == expected


async def test_a_parameter_that_is_not_valid_is_named_in_a_problem_document(web: Running) -> None:
    for kind in LISTS:
        for name, value in NOT_VALID:
            answer = await web.get(f"/api/v1/{kind}", **{name: value})

            assert is_problem(answer, 422, "invalid-request")
            assert [mistake["where"] for mistake in answer.json()["mistakes"]] == [f"query.{name}"]
        for email in NO_PERSON:
            answer = await web.post(f"/api/v1/{kind}/search", email=email)
            assert is_problem(answer, 422, "invalid-request")
            assert [mistake["where"] for mistake in answer.json()["mistakes"]] == ["body.email"]
        assert is_problem(await web.get(f"/api/v1/{kind}", email="ada@corp.example"), 422, "invalid-request")


@pytest.mark.parametrize(("path", "name"), [("enrollments", "state"), ("decisions", "verdict")])
async def test_a_state_or_verdict_that_does_not_exist_is_a_problem(web: Running, path: str, name: str) -> None:
    assert is_problem(await web.get(f"/api/v1/{path}", **{name: "asleep"}), 422, "invalid-request")


async def test_without_a_configured_token_operators_routes_are_closed_to_everybody(
    database_url: str, rules: Path
) -> None:
    async with running(database_url, rules, tokens="") as web:
        for method, path in CLOSED:
            for token in ("", "None", ADMIN_TOKEN):
                answer = await web.client.request(method, path, headers={"authorization": f"Bearer {token}"})
                assert is_problem(answer, 403, "admin-closed")


async def test_a_missing_or_wrong_token_gets_401(web: Running) -> None:
    wrong = [b"Bearer wrong", b"Bearer ", b"Basic " + ADMIN_TOKEN.encode(), b"Bearer \xff\xfe", b"\xff"]
    for method, path in CLOSED:
        for headers in ({}, *({b"authorization": value} for value in wrong)):
            answer = await web.client.request(method, path, headers=headers)
            assert is_problem(answer, 401, "not-authorised")
            assert answer.headers["www-authenticate"] == 'Bearer realm="segue"'


async def test_a_reload_puts_the_file_in_force(web: Running, rules: Path) -> None:
    write(rules, RULES.replace(">= 50", ">= 10"))

    answer = await reload(web)

    assert answer.status_code == 200
    book = web.process.rulebook.current
    assert book is not None
    assert answer.json() == {"revision": book.revision, "rules": 4, "sources": 4}
    await web.deliver("crm", signup(1, employees=20))
    (decision,) = await web.rows("SELECT verdict, revision FROM decisions")
    assert decision == {"verdict": "enroll", "revision": book.revision}


async def test_a_reload_of_a_broken_file_lists_every_mistake_and_changes_nothing(web: Running, rules: Path) -> None:
    before = web.process.rulebook.current
    broken = RULES.replace("type: signup", "typ: signup").replace(
        "sender: anna}\n    dedupe", "sender: bob}\n    dedupe"
    )
    write(rules, broken.replace("${ZOOM_SECRET}", "${NOT_SET}"))

    answer = await reload(web)

    assert is_problem(answer, 422, "rules-rejected")
    mistakes = answer.json()["mistakes"]
    assert {mistake["file"] for mistake in mistakes} == {str(rules)}
    lines = broken.splitlines()
    found = [(lines[mistake["line"] - 1].strip().split(":")[0], mistake["message"]) for mistake in mistakes]
    assert [place for place, _ in found if place in {"webinar", "typ"}] == ["webinar", "typ"]
    assert "NOT_SET" in found[0][1]
    assert web.process.rulebook.current is before
    assert web.counted("config_last_reload_successful") == 0


async def test_a_reload_without_the_token_does_not_even_read_the_file(web: Running, rules: Path) -> None:
    before = web.process.rulebook.current
    write(rules, "broken")

    assert [(await reload(web, token)).status_code for token in (None, "wrong")] == [401, 401]
    assert web.process.rulebook.current is before
    assert web.counted("config_last_reload_successful") == 1


async def test_alive_asks_nothing_and_ready_names_what_is_missing(
    web: Running, postgres: Databases, database_url: str
) -> None:
    ready = await web.client.get("/readyz")
    assert (ready.status_code, ready.json()["checks"]) == (
        200,
        {"database": "ok", "rulebook": "ok", "service": "ok"},
    )
    await close_database(postgres.url, database_url)

    unready, alive, metrics = [await web.get(path) for path in ("/readyz", "/healthz", "/metrics")]
    asked = [await web.get("/api/v1/events"), await web.get("/api/v1/enrollments/enr_1"), await reload(web)]

    assert unready.status_code == 503
    wrong = {name for name, result in unready.json()["checks"].items() if result != "ok"}
    assert wrong == {"database"}
    assert unready.json()["checks"]["database"] == "unavailable"
    assert (alive.status_code, alive.json()) == (200, {"status": "ok", "practice": False})
    assert metrics.status_code == 200
    assert [(reply.status_code, "retry-after" in reply.headers) for reply in asked] == [(503, True)] * 3
    await open_database(postgres.url, database_url)
    assert (await web.client.get("/readyz")).status_code == 200


async def test_a_service_that_stops_is_not_ready_and_asks_senders_to_send_again(web: Running) -> None:
    web.process.stopping.set()

    ready = await web.client.get("/readyz")

    assert (ready.status_code, ready.json()["checks"]["service"]) == (503, "stopping")
    refused = await web.deliver("crm", signup(1))
    assert refused.status_code == 503
    assert int(refused.headers["retry-after"]) > 0


async def test_metrics_are_those_that_are_documented_and_name_no_person(web: Running) -> None:
    await web.deliver("crm", signup(1))
    await web.client.post("/webhooks/ada@corp.example", content=b"{}")

    answer = await web.get("/metrics")

    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    families = [
        family for family in text_string_to_metric_families(answer.text) if not family.name.endswith("_created")
    ]
    shown = {family.name + ("_total" if family.type == "counter" else "") for family in families}
    assert shown == set(re.findall(r"^\| `(segue_\w+)`", METRICS.read_text(), re.MULTILINE))
    samples = {(sample.name, *sample.labels.values()): sample.value for f in families for sample in f.samples}
    assert samples["segue_jobs", "ready"] == 1
    assert samples["segue_sender_budget_remaining", "main", "anna"] == 1000
    assert samples["segue_config_last_reload_successful",] == 1
    assert not re.search("ada|@|(dlv|evt|dec|enr)_", answer.text)


async def test_a_state_that_nothing_is_in_any_more_counts_none(web: Running) -> None:
    await web.deliver("crm", signup(1))
    assert 'segue_jobs{state="ready"} 1.0' in (await web.get("/metrics")).text
    (row,) = (await web.get("/api/v1/enrollments")).json()["items"]
    await post(web, f"/api/v1/enrollments/{row['id']}/cancel")
    assert 'segue_jobs{state="ready"} 0.0' in (await web.get("/metrics")).text


async def test_with_a_port_of_their_own_operators_routes_are_there_only(database_url: str, rules: Path) -> None:
    async with running(database_url, rules, admin_port="0") as web, client_of(web.operators) as operators:
        described = [("GET", "/docs"), ("GET", "/openapi.json")]
        for method, path in [*CLOSED, *described, ("GET", "/metrics"), ("GET", "/api/v1/enrollments")]:
            assert (await web.client.request(method, path)).status_code == 404
            assert (await operators.request(method, path)).status_code in {200, 401}
            assert (path.startswith(("/api/", "/-/"))) == ((await operators.request(method, path)).status_code == 401)
        assert {"/metrics", "/-/reload"} <= set((await operators.get("/openapi.json")).json()["paths"])
        assert (await operators.post("/webhooks/open", content=b'{"type": "ping"}')).status_code == 404
        assert (await web.deliver("open", {"type": "ping"})).status_code == 200


BODIES = ["/api/v1/enrollments/cancel", "/api/v1/enrollments/release", "/api/v1/suppressions"]


@pytest.mark.parametrize("path", [*BODIES, "/api/v1/outbound/replay"])
@pytest.mark.parametrize("begins", [b'{"email": "ada@corp.example"', b"{bad", b"\xff" * 65_537])
async def test_a_caller_without_access_is_refused_before_a_byte_of_the_body_is_read(
    web: Running, path: str, begins: bytes
) -> None:
    read: list[bytes] = []

    async def body() -> AsyncIterator[bytes]:
        read.append(begins)
        yield begins

    answer = await web.client.post(path, content=body(), headers={"content-type": "application/json"})
    assert is_problem(answer, 401, "not-authorised")
    assert read == []


@pytest.mark.parametrize("path", BODIES)
async def test_a_body_has_a_largest_size_whether_its_length_is_announced_or_not(web: Running, path: str) -> None:
    pieces = 0

    async def without_end() -> AsyncIterator[bytes]:
        nonlocal pieces
        while True:
            pieces += 1
            yield b" " * 16_384

    headers = {"authorization": f"Bearer {ADMIN_TOKEN}", "content-type": "application/json"}
    for content in (b" " * 65_537, without_end()):
        answer = await web.client.post(path, content=content, headers=headers)
        assert is_problem(answer, 413, "content-too-large")
    assert pieces <= 6


async def test_an_unknown_path_is_a_problem_document_and_never_a_redirect(web: Running) -> None:
    for path in ("/nothing", "/healthz/", "/api/v1/events/", "/webhooks", "/%00"):
        assert is_problem(await web.get(path), 404, "not-found")


async def test_a_misspelt_filter_is_refused_and_shows_no_rows(web: Running) -> None:
    await web.deliver("crm", signup(1))
    for name in LISTS:
        answer = await web.get(f"/api/v1/{name}", emial="missing@corp.example")
        assert is_problem(answer, 422, "invalid-request")
        assert answer.json()["mistakes"] == [{"where": "query.emial", "what": "there is no such parameter"}]


async def post(web: Running, path: str) -> httpx.Response:
    return await web.client.post(path, headers={"authorization": f"Bearer {ADMIN_TOKEN}"})


async def test_an_operator_cancels_what_has_not_been_sent_and_sees_it(web: Running) -> None:
    await web.deliver("crm", signup(1))
    (row,) = (await web.get("/api/v1/enrollments")).json()["items"]

    cancelled = await post(web, f"/api/v1/enrollments/{row['id']}/cancel")

    assert (cancelled.status_code, cancelled.json()["state"]) == (200, "cancelled")
    assert [line["after"] for line in cancelled.json()["journal"]] == ["ready", "cancelled"]
    for act in ("cancel", "release"):
        assert is_problem(await post(web, f"/api/v1/enrollments/{row['id']}/{act}"), 409, "wrong-state")
        assert is_problem(await post(web, f"/api/v1/enrollments/enr_0/{act}"), 404, "not-found")
        assert (await web.client.post(f"/api/v1/enrollments/{row['id']}/{act}")).status_code == 401
    # The intent is free: the next reason to contact the person counts again.
    again = (await web.deliver("crm", signup(2))).json()
    (decision, *_) = (await web.get("/api/v1/decisions")).json()["items"]
    assert (decision["delivery_id"], decision["verdict"]) == (again["id"], "enroll")


@pytest.mark.parametrize(
    ("sent", "asked"),
    [
        ("Bob@Corp.example", "bob@corp.example"),
        ("bob@corp.example", " BOB@corp.example "),
        ("bob@b\u00fccher.example", "bob@B\u00dcCHER.example"),
        ("not an address", "NOT an address"),
        ("x" * 1000, "x" * 254),
    ],
)
async def test_a_no_is_found_by_the_address_however_it_is_written(web: Running, sent: str, asked: str) -> None:
    assert (await web.deliver("crm", signup(1, sent, employees=1))).status_code == 200
    (decision,) = (await web.post("/api/v1/decisions/search", email=asked)).json()["items"]
    assert decision["verdict"] == "none"
    assert len((await web.post("/api/v1/events/search", email=asked)).json()["items"]) == 1


async def test_senders_are_listed_paused_and_resumed(web: Running) -> None:
    (anna,) = (await web.get("/api/v1/senders")).json()["items"]
    assert anna == {
        "account": "main",
        "name": "anna",
        "user_id": "7001",
        "inbox": "anna@acme.example",
        "alias": None,
        "limit": 1000,
        "left": 1000,
        "waiting": 0,
        "paused_at": None,
        "paused_by": None,
        "reason": None,
        "full_until": None,
    }
    headers = {"authorization": f"Bearer {ADMIN_TOKEN}"}
    paused = await web.client.post("/api/v1/senders/anna/pause?account=main", headers=headers)
    assert paused.json()["items"][0]["reason"] == "by an operator"
    assert 'segue_sender_paused{account="main",sender="anna"} 1.0' in (await web.get("/metrics")).text
    resumed = await web.client.post("/api/v1/senders/anna/resume", headers=headers)
    assert resumed.json()["items"] == [anna]
    for path in ("/api/v1/senders/missing/pause", "/api/v1/senders/anna/pause?account=other"):
        assert is_problem(await web.client.post(path, headers=headers), 404, "not-found")


async def test_what_waits_is_cancelled_by_person_or_rule_and_never_without_either(web: Running) -> None:
    await web.deliver("crm", signup(1))
    await web.deliver("crm", signup(2, "bob@corp.example"))
    headers = {"authorization": f"Bearer {ADMIN_TOKEN}"}

    async def cancel(**whose: str) -> httpx.Response:
        return await web.client.post("/api/v1/enrollments/cancel", json=whose, headers=headers)

    assert is_problem(await cancel(), 422, "invalid-request")
    assert is_problem(await cancel(mail="ada@corp.example"), 422, "invalid-request")
    assert (await cancel(email=" ADA@corp.example")).json() == {"cancelled": 1}
    assert (await cancel(rule="signup", email="ada@corp.example")).json() == {"cancelled": 0}
    assert (await cancel(rule="signup")).json() == {"cancelled": 1}
    listed = (await web.get("/api/v1/enrollments", reason="by_operator")).json()["items"]
    assert {row["state"] for row in listed} == {"cancelled"}
    assert len(listed) == 2


@pytest.mark.parametrize("blank", ["", " ", "\t", "\u00a0", "\u3000", "ada", "@corp.example", None])
async def test_an_address_that_is_none_cancels_no_enrollment(web: Running, blank: str | None) -> None:
    await web.deliver("crm", signup(1))
    headers = {"authorization": f"Bearer {ADMIN_TOKEN}"}
    for whose in ({"email": blank}, *([{"email": blank, "rule": "signup"}] if blank is not None else [])):
        answer = await web.client.post("/api/v1/enrollments/cancel", json=whose, headers=headers)
        assert is_problem(answer, 422, "invalid-request")
    assert await web.rows("SELECT state FROM enrollments") == [{"state": "ready"}]


async def test_what_is_parked_is_released_by_what_it_has_in_common(web: Running) -> None:
    for number in (1, 2):
        await web.deliver("crm", signup(number, f"p{number}@corp.example"))
    async with web.process.engine.begin() as connection:
        await connection.execute(text("UPDATE enrollments SET state = 'parked', reason = 'DISCONNECTED_INBOX'"))
    headers = {"authorization": f"Bearer {ADMIN_TOKEN}"}

    async def release(**which: str) -> httpx.Response:
        return await web.client.post("/api/v1/enrollments/release", json=which, headers=headers)

    assert is_problem(await release(), 422, "invalid-request")
    assert is_problem(await release(reasons="DISCONNECTED_INBOX"), 422, "invalid-request")
    assert is_problem(await release(reason="no_outcome"), 422, "invalid-request")
    assert (await release(reason="DISCONNECTED_INBOX", rule="other")).json() == {"released": 0}
    assert (await release(reason="DISCONNECTED_INBOX", rule="signup")).json() == {"released": 2}
    assert (await release(reason="DISCONNECTED_INBOX")).json() == {"released": 0}


async def test_the_suppression_list_is_kept_in_one_form_and_paged(web: Running) -> None:
    headers = {"authorization": f"Bearer {ADMIN_TOKEN}"}
    path = "/api/v1/suppressions"
    for value in ("Ada@Corp.example", "@rival.example", "*.rival.example"):
        added = await web.client.post(path, json={"value": value, "reason": "legal"}, headers=headers)
        assert (added.status_code, added.json()["reason"]) == (200, "legal")
    assert is_problem(await web.client.post(path, json={"value": "*"}, headers=headers), 422, "invalid-request")
    first = (await web.get(path, limit=2)).json()
    second = (await web.get(path, limit=2, cursor=first["next_cursor"])).json()
    listed = [(row["kind"], row["value"]) for row in first["items"] + second["items"]]
    assert listed == [
        ("pattern", "*@*.rival.example"),
        ("domain", "rival.example"),
        ("address", "ada@corp.example"),
    ]
    assert second["next_cursor"] is None
    assert (await web.post(f"{path}/remove", value="ADA@corp.example")).status_code == 204
    assert is_problem(await web.post(f"{path}/remove", value="ada@corp.example"), 404, "not-found")


async def test_adding_to_the_suppression_list_tells_what_is_kept(web: Running) -> None:
    headers = {"authorization": f"Bearer {ADMIN_TOKEN}"}

    async def add(value: str, reason: str | None) -> dict[str, Any]:
        entry = {"value": value, "reason": reason}
        added = await web.client.post("/api/v1/suppressions", json=entry, headers=headers)
        assert added.status_code == 200
        return dict(added.json())

    first = await add("*@B\u00fccher.example", "asked by legal")
    assert (first["kind"], first["value"]) == ("pattern", "*@xn--bcher-kva.example")
    assert (first["reason"], first["added"]) == ("asked by legal", True)
    (listed,) = (await web.get("/api/v1/suppressions")).json()["items"]
    assert listed | {"added": True} == first
    assert await add("*@b\u00fccher.example", None) == first | {"added": False}
    assert await add("*@xn--bcher-kva.example", "a rival") == first | {"reason": "a rival", "added": False}


async def test_an_entry_is_taken_out_as_it_is_listed_or_however_it_was_written(web: Running) -> None:
    headers = {"authorization": f"Bearer {ADMIN_TOKEN}"}

    async def remove(value: str) -> httpx.Response:
        return await web.post("/api/v1/suppressions/remove", value=value)

    await web.client.post("/api/v1/suppressions", json={"value": "b\u00fccher.example"}, headers=headers)
    assert (await remove("B\u00fccher.example")).status_code == 204
    # As an earlier version kept it: there is no address that it would hold.
    early = "INSERT INTO suppressions (kind, value, created_at) VALUES ('pattern', '*@b\u00fc*.example', now())"
    async with web.process.engine.begin() as connection:
        await connection.execute(text(early))
    assert (await remove("*@b\u00fc*.example")).status_code == 204
    assert is_problem(await remove("*@b\u00fc*.example"), 422, "invalid-request")
