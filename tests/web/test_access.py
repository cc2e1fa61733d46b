"""Who may: each route has a role, and lets in no lower one; what a viewer is shown holds no address."""

from __future__ import annotations

import base64
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import httpx
import pytest
from sqlalchemy import text
from structlog.testing import capture_logs

from app.errors import VariableError
from app.observability.logs import masked
from app.operators import Role, digest_of
from app.web.access.attempts import FREE
from app.web.access.routes import guarded_routes
from app.web.access.tokens import Tokens
from app.web.wiring import _resources
from tests.support.service import (
    ADMIN_TOKEN,
    BASE,
    OPERATOR_TOKEN,
    VIEWER_TOKEN,
    Running,
    client_of,
    running,
)

if TYPE_CHECKING:
    from pathlib import Path

    from fastapi import FastAPI
    from starlette.types import Message

    from app.web.access.routes import GuardedRoute

TOKEN_OF = {Role.VIEWER: VIEWER_TOKEN, Role.OPERATOR: OPERATOR_TOKEN, Role.ADMIN: ADMIN_TOKEN}
ADMINS = {
    "POST /-/reload",
    "POST /api/v1/accounts/{account}/doctor",
    "POST /api/v1/accounts/{account}/install",
    "POST /api/v1/people/export",
    "POST /api/v1/people/forget",
    "POST /api/v1/people/lift",
}
READING_POSTS = {
    "POST /api/v1/events/search",
    "POST /api/v1/decisions/search",
    "POST /api/v1/enrollments/search",
    "POST /api/v1/contacts/enrollment",
    "POST /api/v1/rules/try",
    "POST /api/v1/jobs/preview",
    "POST /api/v1/outbound/replay/count",
    "POST /api/v1/suppressions/check",
    "POST /api/v1/sources/{name}/rejected/{delivery_id}/check",
}
WRONG = "wrong-0123456789abcdefghijklmnopqrstuvwx"
ADDRESSES = re.compile(r"[^*\s\"]@|[^*]%40")


def routes_of(web: Running) -> tuple[GuardedRoute, ...]:
    gate = web.operators.gate  # type: ignore[attr-defined]  # the application of our own
    assert gate is not None
    routes: tuple[GuardedRoute, ...] = gate.routes()
    return routes


def path_of(route: GuardedRoute) -> str:
    return re.sub(r"\{\w+\}", "1", route.path)


async def asked(web: Running, route: GuardedRoute, token: str | None, **more: Any) -> httpx.Response:
    headers = {"authorization": f"Bearer {token}"} if token else {}
    return await web.client.request(route.method, path_of(route), headers=headers, **more)


def from_address(app: FastAPI, address: str) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app, client=(address, 1234)), base_url=BASE)


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


async def test_each_route_has_a_role_and_the_document_names_it(web: Running) -> None:
    document = web.public.openapi()["paths"]
    operations = {f"{verb.upper()} {path}": it for path, verbs in document.items() for verb, it in verbs.items()}
    guarded = {name: it for name, it in operations.items() if name.split()[1].startswith(("/api/", "/-/"))}
    routes = {route.name: route for route in routes_of(web)}
    assert set(routes) == set(guarded)
    assert {name: it["x-role"] for name, it in guarded.items()} == {name: it.role for name, it in routes.items()}
    assert {name for name, route in routes.items() if route.role is Role.ADMIN} == ADMINS
    reading = {name for name, route in routes.items() if route.role is Role.VIEWER}
    assert reading == {name for name in routes if name.startswith("GET ")} | READING_POSTS


async def test_no_route_answers_without_a_token_of_its_role(web: Running) -> None:
    for route in routes_of(web):
        assert (await asked(web, route, None)).status_code == 401
        lower = [role for role in Role if not role.may(route.role)]
        for role in lower:
            answer = await asked(web, route, TOKEN_OF[role], content=b"{")
            assert (answer.status_code, answer.json()["type"].partition("#")[2]) == (403, "role-too-low")


async def test_no_route_answers_to_a_wrong_token(web: Running) -> None:
    for number, route in enumerate(routes_of(web)):
        async with from_address(web.public, f"192.0.2.{number}") as client:
            answer = await client.request(route.method, path_of(route), headers=bearer(WRONG))
            assert (answer.status_code, answer.headers["www-authenticate"]) == (401, 'Bearer realm="segue"')


async def test_a_route_that_the_gate_did_not_judge_is_closed(web: Running) -> None:
    web.public.gate = None  # type: ignore[attr-defined]  # the application of our own
    for route in routes_of_app(web):
        answer = await web.client.request(route.method, path_of(route), headers=bearer(ADMIN_TOKEN), json={})
        assert answer.status_code == 403


def routes_of_app(web: Running) -> list[GuardedRoute]:
    return list(guarded_routes(_resources(web.process)))


async def fill(web: Running) -> None:
    """People in every table that the API shows."""
    for number, email in enumerate(("ada@corp.example", "bob.o'hara+x@sub.corp.example")):
        data = {"n": number, "email": email, "employees": 80, "cc": [f"Bob <{email}>"]}
        data[f"about {email}"] = f"https://x.example/?e={email.replace('@', '%40')}&y"
        assert (await web.deliver("crm", {"type": "signup", "data": data})).status_code == 200
    async with web.process.engine.begin() as connection:
        await connection.execute(
            text("UPDATE enrollments SET state = 'parked', reason = 'odd', detail = 'HubSpot says ada@corp.example'")
        )
        await connection.execute(
            text("UPDATE journal SET detail = 'for ada@corp.example'"),
        )
        await connection.execute(
            text("""UPDATE decisions SET facts = CAST('[{"detail": "ada@corp.example is no customer"}]' AS jsonb)""")
        )
        await connection.execute(
            text("""
                INSERT INTO outbound (id, endpoint, kind, body, state, due_at, attempts, created_at, updated_at)
                VALUES ('out_1', 'crm-back', 'enrolled', convert_to('{"email":"ada@corp.example"}', 'UTF8'), 'failed',
                        now(), CAST('[{"at": "2026-11-23T09:00:00Z", "status": 500, "error": "e", "milliseconds": 1,
                        "answer": "no ada@corp.example"}]' AS jsonb), now(), now())
            """)
        )
    for value in ("ada@corp.example", "*bob*@corp.example"):
        assert (await web.post("/api/v1/suppressions", value=value, reason="asked ada@corp.example")).status_code == 200
    assert (await web.post("/api/v1/enrollments/cancel", email="ada@corp.example")).status_code == 200


async def test_a_viewer_reads_everything_and_no_address(web: Running) -> None:
    await fill(web)
    parked = {"kind": "cancel", "filter": {"rule": "signup", "states": ["parked"]}}
    asked = {**parked, "expected_count": 10_001, "reason": "asked ada@corp.example"}
    job = await web.client.post("/api/v1/jobs", json=asked, headers=bearer(ADMIN_TOKEN))
    ids = {
        "job_id": job.json()["id"],
        "event_id": (await web.rows("SELECT id FROM events ORDER BY id LIMIT 1"))[0]["id"],
        "decision_id": (await web.rows("SELECT id FROM decisions ORDER BY id LIMIT 1"))[0]["id"],
        "enrollment_id": (await web.rows("SELECT id FROM enrollments ORDER BY id LIMIT 1"))[0]["id"],
        "outbound_id": "out_1",
        "sequence_id": "310001",
        "forgetting_id": "fgt_1",
        "account": "main",
        "name": "crm",
        "sender_id": "anna",
        "delivery_id": "dlv_1",
        "revision": web.process.current_rulebook().revision,
    }
    shown = 0
    for route in routes_of(web):
        if route.role is not Role.VIEWER:
            continue
        body: dict[str, Any] | None = {"email": "ada@corp.example"} if route.method == "POST" else None
        if route.path.endswith("/preview"):
            body = parked
        path = route.path.format_map(ids)
        answers = [
            await web.client.request(route.method, path, headers=bearer(token), json=body)
            for token in (VIEWER_TOKEN, ADMIN_TOKEN)
        ]
        viewed, whole = answers
        assert viewed.status_code == whole.status_code
        assert int(viewed.headers["content-length"]) == len(viewed.content)
        assert not ADDRESSES.search(viewed.text), (route.name, viewed.text)
        shown += "ada@corp.example" in whole.text
    assert shown >= 9
    (event,) = (await web.client.get("/api/v1/events?limit=1", headers=bearer(VIEWER_TOKEN))).json()["items"]
    assert event["email"] == "b***@sub.corp.example"
    wrong = await web.client.get("/api/v1/events?cursor=ada@corp.example", headers=bearer(VIEWER_TOKEN))
    assert wrong.status_code == 422
    unknown = await web.client.get("/api/v1/events/ada@corp.example", headers=bearer(VIEWER_TOKEN))
    assert (unknown.status_code, "a***@corp.example" in unknown.text) == (404, True)


@pytest.mark.parametrize("path", ["/metrics", "/docs", "/openapi.json"])
async def test_what_is_on_the_public_port_needs_a_token_and_takes_a_password(web: Running, path: str) -> None:
    bare = await web.client.get(path)
    assert (bare.status_code, bare.headers["www-authenticate"].split()[0]) == (401, "Basic")
    for name, token in (("vera", VIEWER_TOKEN), ("", ADMIN_TOKEN)):
        basic = base64.b64encode(f"{name}:{token}".encode()).decode()
        assert (await web.client.get(path, headers={"authorization": f"Basic {basic}"})).status_code == 200
        assert (await web.client.get(path, headers=bearer(token))).status_code == 200
    # A browser sends a password with every request to the host, also with one that another site began.
    api = await web.client.get("/api/v1/events", headers={"authorization": f"Basic {basic}"})
    assert api.status_code == 401


@pytest.mark.parametrize("path", ["/metrics", "/docs", "/openapi.json", "/api/v1/events", "/-/reload"])
@pytest.mark.parametrize(
    "spelling", ["{}%0A", "{}%0D%0A", "{}/", "/{}", "{}%2f", "{}%00", "{};x", "http://h{}", "/.{}"]
)
async def test_no_other_spelling_of_a_path_is_a_way_in(web: Running, path: str, spelling: str) -> None:
    scope = {"type": "http", "http_version": "1.1", "method": "GET", "headers": [(b"host", b"h")], "query_string": b""}
    target = unquote(spelling.format(path).removeprefix("http://h"))
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": b""}

    async def send(message: Message) -> None:
        sent.append(message)

    await web.public(
        scope | {"path": target, "raw_path": target.encode(), "root_path": "", "scheme": "http"}, receive, send
    )
    assert sent[0]["status"] in {401, 403, 404}


@pytest.mark.parametrize(
    "value", ["Basic \u00e9\u00e9", "Basic a", "Basic /w==", "Basic", "Bearer", "Bearer \u00e9" * 4000]
)
async def test_what_is_no_token_is_refused_as_none(web: Running, value: str) -> None:
    for path in ("/metrics", "/api/v1/events"):
        answer = await web.client.get(path, headers=[(b"authorization", value.encode("latin-1"))])
        assert answer.status_code == 401


@pytest.mark.parametrize("tokens", [(ADMIN_TOKEN, WRONG), (WRONG, ADMIN_TOKEN), (ADMIN_TOKEN, ADMIN_TOKEN)])
async def test_of_two_tokens_none_is_taken(web: Running, tokens: tuple[str, str]) -> None:
    headers = [("authorization", f"Bearer {token}") for token in tokens]
    assert (await web.client.get("/api/v1/events", headers=headers)).status_code == 401


async def test_on_the_operators_port_they_need_none(database_url: str, rules: Path) -> None:
    async with running(database_url, rules, admin_port="0") as web, client_of(web.operators) as operators:
        for path in ("/metrics", "/docs", "/openapi.json"):
            assert (await operators.get(path)).status_code == 200
        assert (await operators.get("/api/v1/events")).status_code == 401


async def test_wrong_tokens_slow_down_their_address_alone(web: Running) -> None:
    known, stranger, elsewhere = (from_address(web.public, a) for a in ("192.0.2.1", "192.0.2.1", "192.0.2.2"))
    async with known, stranger, elsewhere:
        assert (await known.get("/api/v1/events", headers=bearer(OPERATOR_TOKEN))).status_code == 200
        with capture_logs() as logs:
            statuses = [
                (await stranger.get("/api/v1/events", headers=bearer(f"{WRONG}{number}"))).status_code
                for number in range(FREE + 200)
            ]
        assert statuses[:FREE] == [401] * FREE
        assert set(statuses[FREE:]) <= {401, 429}
        assert statuses.count(429) > 100
        throttled = await stranger.get("/api/v1/events", headers=bearer(ADMIN_TOKEN))
        assert (throttled.status_code, throttled.headers["retry-after"]) == (429, "1")
        assert (await known.get("/api/v1/events", headers=bearer(OPERATOR_TOKEN))).status_code == 200
        assert (await elsewhere.get("/api/v1/events", headers=bearer(ADMIN_TOKEN))).status_code == 200
    assert web.counted("admin_refused_total", reason="wrong") == statuses.count(401)
    assert web.counted("admin_refused_total", reason="throttled") == statuses.count(429) + 1
    refused = [line for line in logs if line["event"] == "admin.refused"]
    assert {line["address"] for line in refused} == {"192.0.2.1"}
    assert len(refused) <= 2 * 10
    assert WRONG not in str(logs)
    assert len(await web.rows("SELECT id FROM audit WHERE who = 'stranger'")) <= 2 * 10


def test_what_a_line_names_is_not_taken_for_a_secret() -> None:
    line = {"event": "admin.request", "who": "vera", "role": "viewer", "address": "192.0.2.1"}
    assert masked(None, "info", dict(line)) == line


async def test_every_request_of_an_operator_is_a_line_of_the_log(web: Running) -> None:
    with capture_logs() as logs:
        await web.client.get("/api/v1/events/evt_1", headers=bearer(VIEWER_TOKEN))
    (line,) = [line for line in logs if line["event"] == "admin.request"]
    assert line == {
        "event": "admin.request",
        "log_level": "info",
        "who": "vera",
        "role": "viewer",
        "route": "GET /api/v1/events/{event_id}",
        "status": 404,
        "address": "127.0.0.1",
    }


def test_a_file_that_goes_again_is_said_again() -> None:
    file, now = [f"ada admin {ADMIN_TOKEN}"], [0.0]

    def read(_: str) -> str:
        if not file:
            raise VariableError("cannot read")
        return file[0]

    tokens = Tokens(read, lambda: now[0])
    with capture_logs() as logs:
        for content in ([], file[:], [], ["odd"], []):
            file[:], now[0] = content, now[0] + 1.0
            assert tokens.of(digest_of(ADMIN_TOKEN)) is not None
        file[:], now[0] = [""], now[0] + 1.0
        assert not tokens.any
    events = [line["event"] for line in logs]
    assert events == ["tokens.rejected", "tokens.changed", *["tokens.rejected"] * 3, "tokens.changed"]


async def test_a_token_of_a_file_is_replaced_while_the_service_runs(
    database_url: str, rules: Path, tmp_path: Path
) -> None:
    file, new = tmp_path / "tokens", "new-0123456789abcdefghijklmnopqrstuvwxyz"
    file.write_bytes(f"\ufeffada admin {ADMIN_TOKEN}\r\n".encode())
    async with running(database_url, rules, tokens="", tokens_file=str(file)) as web:
        tokens = web.public.gate.tokens  # type: ignore[attr-defined]  # the application of our own
        now = [0.0]
        tokens._clock, tokens._next = lambda: now[0], 0.0
        assert (await web.get("/api/v1/events")).status_code == 200
        for written, old_status, new_status in (
            (f"ada admin {ADMIN_TOKEN}\nada admin {new}\n", 200, 200),
            (f"ada admin {new}\nbroken\n", 200, 200),
            (f"ada admin {new}\n", 401, 200),
        ):
            file.write_text(written)
            now[0] += 1.0
            assert (await web.get("/api/v1/events")).status_code == old_status
            assert (await web.client.get("/api/v1/events", headers=bearer(new))).status_code == new_status
