"""The sandbox as a process: trouble on request is real trouble on a real connection."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.support.processes import Process
from tests.support.sandbox_account import ANNA, ANNAS_ADDRESS, CONTACTS, ENROLL

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

EMAIL = "ada@corp.example"
STARTER = """
import os, subprocess, sys
child = subprocess.Popen([sys.executable, "-m", "app.sandbox", "--port", "0", "--parent", str(os.getpid())])
print(child.pid, flush=True)
sys.stdin.read()
os._exit(0)
"""


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    process = Process(["-m", "app.sandbox", "--port", "0"], {}, r"http://\S+")
    try:
        url = (await process.wait_until_up()).group()
        headers = {"Authorization": "Bearer pat-sandbox"}
        async with httpx.AsyncClient(base_url=url, headers=headers, trust_env=False, timeout=300) as client:
            yield client
    finally:
        process.end()


async def contact_of(client: httpx.AsyncClient) -> str:
    wanted = {"idProperty": "email", "id": EMAIL, "properties": {"email": EMAIL}}
    reply = await client.post(f"{CONTACTS}/batch/upsert", json={"inputs": [wanted]})
    identity: str = reply.json()["results"][0]["id"]
    return identity


async def enroll(client: httpx.AsyncClient, contact: str) -> httpx.Response:
    body = {"contactId": contact, "sequenceId": "310001", "senderEmail": ANNAS_ADDRESS}
    return await client.post(ENROLL, params=ANNA, json=body)


async def troubled(client: httpx.AsyncClient, **fault: Any) -> tuple[Any, dict[str, Any]]:
    """Enroll under one fault; return the trouble or the reply, and what the ledger says of the request."""
    contact = await contact_of(client)
    await client.post("/_sandbox/faults", json=[fault])
    met: Any
    try:
        met = await enroll(client, contact)
    except httpx.HTTPError as error:
        met = error
    (entry,) = (await client.get("/_sandbox/ledger")).json()
    return met, entry


async def test_dropped_before_processing(client: httpx.AsyncClient) -> None:
    met, entry = await troubled(client, kind="drop_before")
    assert isinstance(met, httpx.RemoteProtocolError)
    assert (entry["outcome"], entry["processed"]) == ("drop_before", False)


async def test_dropped_after_processing(client: httpx.AsyncClient) -> None:
    met, entry = await troubled(client, kind="drop_after")
    assert isinstance(met, httpx.RemoteProtocolError)
    assert entry["processed"] is True
    await client.post("/_sandbox/faults", json=[])
    again = await enroll(client, entry["contact_id"])
    assert "ALREADY_ENROLLED" in again.text
    assert len((await client.get("/_sandbox/ledger")).json()) == 2


async def test_an_answer_broken_off(client: httpx.AsyncClient) -> None:
    met, entry = await troubled(client, kind="torn")
    assert isinstance(met, httpx.RemoteProtocolError)
    assert entry["processed"] is True


async def test_no_answer_at_all(client: httpx.AsyncClient) -> None:
    contact = await contact_of(client)
    await client.post("/_sandbox/faults", json=[{"kind": "hang"}])
    client.timeout = httpx.Timeout(300, read=0.5)
    with pytest.raises(httpx.ReadTimeout):
        await enroll(client, contact)


async def test_a_refusal_on_request(client: httpx.AsyncClient) -> None:
    met, entry = await troubled(client, kind="status", status=503, retry_after="7")
    assert (met.status_code, met.headers["retry-after"]) == (503, "7")
    assert entry["processed"] is False


async def test_trouble_for_one_person_at_one_request(client: httpx.AsyncClient) -> None:
    met, _ = await troubled(client, kind="status", status=500, emails=[EMAIL], nth=2)
    assert met.status_code == 200
    again = await enroll(client, await contact_of(client))
    assert again.status_code == 500


async def test_webhooks_go_out_by_themselves(client: httpx.AsyncClient) -> None:
    received: asyncio.Queue[bytes] = asyncio.Queue()

    async def receive(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = re.search(rb"(?i)content-length: (\d+)", head)
        received.put_nowait(await reader.readexactly(int(length[1])) if length else b"")
        writer.write(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(receive, "127.0.0.1") as server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        subscription = {"url": url, "secret": "s", "subscriptions": ["contact.propertyChange"]}
        assert (await client.post("/_sandbox/webhooks", json=subscription)).status_code == 200
        contact = await contact_of(client)
        await client.patch(f"{CONTACTS}/{contact}", json={"properties": {"company": "Corp"}})
        (event,) = json.loads(await received.get())
    assert (event["objectId"], event["propertyName"], event["propertyValue"]) == (int(contact), "company", "Corp")


async def test_the_page_shows_people_and_requests(client: httpx.AsyncClient) -> None:
    await enroll(client, await contact_of(client))
    page = await client.get("/")
    assert page.headers["content-type"].startswith("text/html")
    assert EMAIL in page.text
    assert "310001" in page.text


def test_it_ends_with_the_process_that_started_it() -> None:
    starter = subprocess.Popen(
        [sys.executable, "-c", STARTER],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert starter.stdout is not None
    printed = starter.stdout.readline(), starter.stdout.readline()
    pid = next(int(line) for line in printed if line.strip().isdigit())
    assert any("http://" in line for line in printed)
    os.kill(starter.pid, signal.SIGKILL)
    # The pipe has two writers, and its end is read when both are gone: the sandbox, too.
    assert starter.stdout.read() == ""
    starter.communicate()
    with pytest.raises(ProcessLookupError):
        os.kill(_reaped(pid), 0)


def _reaped(pid: int) -> int:
    """Collect an orphan where this process adopts orphans (as the first process of a container does)."""
    try:
        os.waitpid(pid, 0)
    except ChildProcessError:
        return _gone(pid)
    return pid


def _gone(pid: int) -> int:
    """Wait until the process that adopted it has collected it."""
    subprocess.run(["/bin/sh", "-c", f"while kill -0 {pid} 2>/dev/null; do sleep 0.05; done"], check=True, timeout=300)
    return pid
