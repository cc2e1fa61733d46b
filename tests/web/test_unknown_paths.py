"""Requests of webhooks that miss their path: read as meant where that is clear, else noted for the operator."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from structlog.testing import capture_logs

from app.clock import utc_now
from app.observability.unknown_paths import KEPT, UnknownPaths, shown_path
from app.sources import PROVIDERS
from app.web.wiring import bind, listeners
from tests.support.service import ADMIN_TOKEN, BASE, RULES, Running, running
from tests.web.wire import serving

if TYPE_CHECKING:
    from pathlib import Path

SIGNUP = b'{"type": "signup", "data": {"email": "ada@corp.example", "employees": 80}}'


@pytest.mark.parametrize("path", ["//webhooks/crm", "///webhooks/crm", "/webhooks//crm", "/webhooks/crm/"])
async def test_slashes_too_many_are_read_as_meant(web: Running, path: str) -> None:
    (listener,) = listeners(web.process, bind(web.process.settings))
    headers = web.signed("crm", SIGNUP)
    async with serving(listener, web.public), httpx.AsyncClient(trust_env=False) as client:
        answer = await client.post(f"http://127.0.0.1:{listener.port}{path}", content=SIGNUP, headers=headers)
    assert answer.status_code == 200
    assert [row["source"] for row in await web.rows("SELECT source FROM events")] == ["crm"]
    assert await paths(web) == []


async def test_a_signature_covers_the_url_with_its_slashes(web: Running) -> None:
    body, url = b'[{"eventId":1,"subscriptionType":"company.creation"}]', f"{BASE}//webhooks/portal"
    book = web.process.current_rulebook()
    headers = PROVIDERS["hubspot"].sign(body, book.sources["portal"], utc_now(), method="POST", url=url)
    assert (await web.client.post(url, content=body, headers=headers)).status_code == 200


async def paths(web: Running) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = (await web.get("/api/v1/sources/unknown-paths")).json()["items"]
    return items


async def test_a_path_of_no_source_is_logged_counted_and_shown(web: Running) -> None:
    with capture_logs() as logs:
        for _ in range(2):
            assert (await web.client.post("/webhooks/webinarr?token=x", content=SIGNUP)).status_code == 404
        for path in ("/webhook/crm", "/Webhooks/crm", "/webhooks", "/hooks"):
            assert (await web.client.post(path, content=SIGNUP)).status_code == 404
        await web.client.get("/nowhere")
    shown = await paths(web)
    assert [(one["path"], one["count"], one["near"]) for one in shown] == [
        ("/hooks", 1, None),
        ("/webhooks", 1, None),
        ("/Webhooks/crm", 1, "crm"),
        ("/webhook/crm", 1, "crm"),
        ("/webhooks/webinarr", 2, "webinar"),
    ]
    assert shown[-1]["first_at"] < shown[-1]["last_at"]
    assert web.counted("unknown_paths_total") == 6
    noted = [(line["path"], line["count"]) for line in logs if line["event"] == "request.unknown_path"]
    # What stands in the log is a digest: a sender that leaves the name of its source out puts its secret in this place.
    name = f"sha256:{hashlib.sha256(b'webinarr').hexdigest()[:12]}"
    assert noted[:2] == [(f"/webhooks/{name}", 1), (f"/webhooks/{name}", 2)]


async def test_no_unknown_name_is_logged(web: Running) -> None:
    former = "a-secret-of-last-year"
    with capture_logs() as logs:
        for path in (f"/webhooks/{former}", f"/webhook/{former}/x", f"/hook-{former}"):
            await web.client.post(path, content=b"{}")
    assert former not in str(logs)
    assert sum(line["event"] == "request.unknown_path" for line in logs) == 3


async def test_no_secret_of_a_source_is_shown(web: Running) -> None:
    secret = "whsec_c2VndWUtbWFkZS11cC1zZWNyZXQ="
    with capture_logs() as logs:
        for path in (f"/webhooks/{secret}", f"/webhooks/crmm/{secret}", f"/webhook/{secret}/x"):
            await web.client.post(path, content=b"{}")
    shown = [one["path"] for one in await paths(web)]
    assert shown == ["/webhook/[secret]/...", "/webhooks/crmm/...", "/webhooks/[secret]"]
    assert secret not in str(logs)


def test_a_storm_of_paths_is_bounded() -> None:
    counted: list[None] = []
    unknown = UnknownPaths(secrets=frozenset, counted=lambda: counted.append(None))
    for number in range(100):
        unknown.note("POST", f"/webhooks/{number}/{'x' * 1000}")
    unknown.note("POST", "/webhooks/90/y")
    latest = unknown.latest()
    assert len(latest) == KEPT
    assert (latest[0].path, latest[0].count, latest[1].path) == ("/webhooks/90/...", 2, "/webhooks/99/...")
    assert len(counted) == 101
    assert len(shown_path("/" * 500 + "a" * 500, ())) == 200


async def test_a_name_that_is_no_sources_becomes_no_label(web: Running) -> None:
    await web.client.post("/webhooks/made-up", content=b"x" * 5000)
    assert web.counted("webhooks_rejected_total", source="made-up", reason="too_large") == 0
    assert web.counted("webhooks_rejected_total", source="unknown", reason="too_large") == 1


async def test_a_get_with_data_is_no_sign_of_life(web: Running) -> None:
    bare = await web.client.get("/webhooks/crm")
    queried = await web.client.get("/webhooks/crm?email=ada@corp.example")
    filled = await web.client.request("GET", "/webhooks/crm", content=SIGNUP)
    head = await web.client.head("/webhooks/crm?email=ada@corp.example")
    assert [answer.status_code for answer in (bare, queried, filled, head)] == [200, 405, 405, 200]
    assert queried.headers["allow"] == "POST"
    assert web.counted("webhooks_rejected_total", source="crm", reason="method_not_allowed") == 2


async def test_unknown_paths_are_shown_on_the_operators_port(database_url: str, tmp_path: Path) -> None:
    file = tmp_path / "rules.yaml"
    file.write_text(RULES)
    async with running(database_url, file, admin_port="0") as web:
        await web.client.post("/webhooks/no-such", content=b"{}")
        transport = httpx.ASGITransport(web.operators)
        headers = {"authorization": f"Bearer {ADMIN_TOKEN}"}
        async with httpx.AsyncClient(transport=transport, base_url=BASE, headers=headers) as operators:
            answer = await operators.get("/api/v1/sources/unknown-paths")
    assert [one["path"] for one in answer.json()["items"]] == ["/webhooks/no-such"]
