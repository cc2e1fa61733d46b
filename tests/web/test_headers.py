"""Every answer has the headers that keep a browser from running, framing, caching or guessing it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import httpx
import pytest

from app.web.wiring import bind, listeners
from tests.support.service import ADMIN_TOKEN, VIEWER_TOKEN, Running
from tests.web.test_access import bearer, path_of, routes_of
from tests.web.wire import serving

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


def holds(answer: httpx.Response) -> bool:
    headers = answer.headers
    assert headers["x-content-type-options"] == "nosniff", answer.url
    assert headers["referrer-policy"] == "no-referrer", answer.url
    assert headers["cache-control"] == "no-store", answer.url
    assert "default-src 'none'" in headers["content-security-policy"], answer.url
    assert "frame-ancestors 'none'" in headers["content-security-policy"], answer.url
    for name in ("cache-control", "content-security-policy", "referrer-policy", "x-content-type-options"):
        assert len(headers.get_list(name)) == 1, answer.url
    kind = headers.get("content-type", "")
    assert kind or answer.status_code == 204, answer.url
    assert kind.startswith(("application/json", "application/problem+json")) or "charset=" in kind or not kind
    return True


@pytest.fixture
async def served(web: Running) -> AsyncIterator[httpx.AsyncClient]:
    (listener,) = listeners(web.process, bind(web.process.settings.model_copy(update={"port": 0})))
    base = f"http://127.0.0.1:{listener.port}"
    async with serving(listener, web.public), httpx.AsyncClient(trust_env=False, base_url=base) as client:
        yield client


async def test_every_route_of_operators_has_them_let_in_or_not(web: Running, served: httpx.AsyncClient) -> None:
    for route in routes_of(web):
        for token in (ADMIN_TOKEN, VIEWER_TOKEN, None):
            headers = bearer(token) if token else {}
            answer = await served.request(route.method, path_of(route), headers=headers)
            assert holds(answer)


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics", "/docs", "/openapi.json", "/nowhere", "/hooks"])
async def test_every_page_has_them(served: httpx.AsyncClient, path: str) -> None:
    assert holds(await served.get(path, headers=bearer(ADMIN_TOKEN)))
    assert holds(await served.get(path))


@pytest.mark.parametrize("path", ["/oauth/install", "/oauth/callback"])
async def test_the_pages_of_oauth_have_them(served: httpx.AsyncClient, path: str) -> None:
    assert holds(await served.get(path))
    assert holds(await served.post(path))


async def test_answers_to_deliveries_have_them_on_the_short_way_and_on_the_long_one(
    web: Running, served: httpx.AsyncClient
) -> None:
    body = b'{"type": "signup", "data": {"email": "ada@corp.example", "employees": 80}}'
    for extra in ({}, {"x-forwarded-proto": "http"}):
        signed = await served.post("/webhooks/crm", content=body, headers=web.signed("crm", body) | extra)
        assert signed.status_code == 200
        unsigned = await served.post("/webhooks/crm", content=body, headers=extra)
        unknown = await served.post("/webhooks/missing", content=body, headers=extra)
        probed = await served.get("/webhooks/crm", headers=extra)
        assert all(holds(answer) for answer in (signed, unsigned, unknown, probed))


async def test_what_the_parser_refuses_has_them(served: httpx.AsyncClient) -> None:
    answer = await served.get("/healthz", headers={"x-large": "x" * 40_000})
    assert answer.status_code == 431
    assert holds(answer)


async def test_metrics_are_shown_with_old_gauges_while_the_database_does_not_answer(web: Running) -> None:
    await web.deliver("crm", {"type": "signup", "data": {"email": "ada@corp.example", "employees": 80}})
    assert 'segue_jobs{state="ready"} 1.0' in (await web.get("/metrics")).text
    async with web.process.engine.connect() as connection, connection.begin():
        await connection.exec_driver_sql("LOCK TABLE enrollments IN ACCESS EXCLUSIVE MODE")
        async with asyncio.timeout(300):
            answer = await web.get("/metrics")
    assert answer.status_code == 200
    assert 'segue_jobs{state="ready"} 1.0' in answer.text
