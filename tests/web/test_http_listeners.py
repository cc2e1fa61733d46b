"""Every port that a process of Segue opens has the limits, and its routes answer through them as they do without."""

from __future__ import annotations

import asyncio
import re
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

import httpx
import pytest

from app.web.wiring import bind, listeners, worker_listener
from tests.support.processes import Process
from tests.support.service import ADMIN_TOKEN, SECRETS, Running, running
from tests.web.wire import Wire, exchanged, serving, statuses

if TYPE_CHECKING:
    from pathlib import Path

MANY = b"POST /webhooks/nosuch HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n" + b"X-A: b\r\n" * 200 + b"\r\n"


async def test_both_ports_of_serve_and_the_one_of_a_worker_refuse_too_many_headers(
    database_url: str, rules: Path
) -> None:
    async with running(database_url, rules, admin_port="0") as web, AsyncExitStack() as stack:
        served = dict(zip(listeners(web.process, bind(web.process.settings)), (web.public, web.operators), strict=True))
        served |= worker_listener(web.process)
        for listener, app in served.items():
            await stack.enter_async_context(serving(listener, app))
            assert statuses(await exchanged(listener.port, MANY)) == [431]
        assert len(served) == 3
        assert web.counted("requests_rejected_total", reason="too_many_headers") == 3
        assert web.counted("webhooks_received_total", source="unknown", result="rejected") == 0


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("HEAD", "/webhooks/crm"),
        ("GET", "/webhooks/crm"),
        ("OPTIONS", "/webhooks/crm"),
        ("POST", "/webhooks/crm"),
        ("GET", "/healthz"),
        ("HEAD", "/healthz"),
        ("GET", "/api/v1/events"),
        ("GET", "/nowhere"),
    ],
)
async def test_routes_answer_as_they_do_without_a_port(web: Running, method: str, path: str) -> None:
    (listener,) = listeners(web.process, bind(web.process.settings))
    async with serving(listener, web.public), httpx.AsyncClient(base_url=f"http://127.0.0.1:{listener.port}") as client:
        found, expected = await client.request(method, path), await web.client.request(method, path)
    assert without_id(found) == without_id(expected)


async def test_a_signed_delivery_is_taken_over_a_port(web: Running) -> None:
    (listener,) = listeners(web.process, bind(web.process.settings))
    body = b'{"type": "signup", "data": {"email": "ada@corp.example", "employees": 80}}'
    async with serving(listener, web.public), httpx.AsyncClient() as client:
        url = f"http://127.0.0.1:{listener.port}/webhooks/crm"
        answer = await client.post(url, content=body, headers=web.signed("crm", body))
    assert answer.status_code == 200
    assert [row["body"] for row in await web.rows("SELECT body FROM deliveries")] == [body]


async def test_the_date_of_answers_goes_on_while_nothing_else_wakes_the_server(web: Running) -> None:
    (listener,) = listeners(web.process, bind(web.process.settings))
    async with serving(listener, web.public), httpx.AsyncClient(base_url=f"http://127.0.0.1:{listener.port}") as client:
        first = (await client.get("/healthz")).headers["date"]
        async with asyncio.timeout(300):
            while (await client.get("/healthz")).headers["date"] == first:
                pass


def without_id(answer: httpx.Response) -> tuple[int, str | None, bytes]:
    kind, body = answer.headers.get("content-type"), re.sub(rb"dlv_[0-9a-f]{32}", b"dlv", answer.content)
    return answer.status_code, kind, body


async def test_a_process_cuts_off_headers_without_end_and_counts_them(database_url: str, rules: Path) -> None:
    environment = SECRETS | {
        "SEGUE_DATABASE_URL": database_url,
        "SEGUE_CONFIG": str(rules),
        "SEGUE_HUBSPOT_TOKEN": "pat-made-up",
        "SEGUE_TOKENS": f"tests admin {ADMIN_TOKEN}",
        "SEGUE_PORT": "0",
        "SEGUE_ADMIN_PORT": "0",
        "SEGUE_LOG_FORMAT": "json",
    }
    process = Process(["-m", "app", "serve", "--no-worker"], environment, r'"ports":\[(\d+),(\d+)\]')
    try:
        ports = [int(port) for port in (await process.wait_until_up()).groups()]
        for port in ports:
            wire = Wire(port, send_buffer=65536)
            await wire.send(b"POST /webhooks/nosuch HTTP/1.1\r\n")
            while await wire.send(b"X-1: " + b"a" * 65536 + b"\r\n"):
                assert wire.sent < 64 * 1024 * 1024
            assert statuses(await wire.rest()) == [431]
        async with httpx.AsyncClient() as client:
            page = (await client.get(f"http://127.0.0.1:{ports[1]}/metrics")).text
            assert 'segue_requests_rejected_total{reason="headers_too_large"} 2.0' in page
            assert (await client.get(f"http://127.0.0.1:{ports[0]}/healthz")).status_code == 200
        assert '"reason":"headers_too_large"' in process.log()
    finally:
        process.end()
