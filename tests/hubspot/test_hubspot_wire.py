"""What happens on the wire, byte by byte, with a server of raw bytes on the other end."""

from __future__ import annotations

import asyncio
import os
import socket
from contextlib import aclosing, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from app.errors import FenceLost, NotSent, OutcomeUnknown, StoreSlow
from app.hubspot.batched import BatchedHubSpot
from app.hubspot.first_byte import UNACKNOWLEDGED_MS
from app.model import Sender

if TYPE_CHECKING:
    from collections.abc import Callable

    from app.hubspot.client import CallRecord, HubSpotClient

ANNA = Sender("anna", "7001", "anna@acme.example")
YES = b'{"id":"9","toEmail":"ada@corp.example","enrolledAt":"2026-11-23T09:00:00.000Z"}'
WATCHDOG_SECONDS = 300


def http(body: bytes, *, status: str = "200 OK", length: int | None = None) -> bytes:
    size = len(body) if length is None else length
    return f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {size}\r\n\r\n".encode() + body


async def nothing() -> None:
    """Agree to everything."""


async def test_before_send_is_asked_before_a_connection_is_taken_and_again_before_the_first_byte(
    far_end: Any, new_client: Callable[..., aclosing[HubSpotClient]]
) -> None:
    far_end.answers.append(http(YES))
    seen: list[tuple[int, bytes]] = []

    async def before_send() -> None:
        if seen:
            async with asyncio.timeout(WATCHDOG_SECONDS):
                await far_end.connected.wait()
        seen.append((far_end.connections, far_end.received))

    async with new_client(base_url=far_end.url) as client:
        enrolled = await BatchedHubSpot(client).enroll("501", "310001", ANNA, before_send=before_send)
    assert seen == [(0, b""), (1, b"")]
    assert enrolled.id == "9"
    head = far_end.received.split(b"\r\n")[0]
    assert head == b"POST /automation/sequences/2026-03/enrollments?userId=7001 HTTP/1.1"


async def test_a_request_that_waits_for_the_store_holds_no_connection(
    far_end: Any, new_client: Callable[..., aclosing[HubSpotClient]]
) -> None:
    far_end.answers.extend([http(YES), http(YES)])
    committed, waiting = asyncio.Event(), asyncio.Event()

    async def slow() -> None:
        waiting.set()
        await committed.wait()

    one = httpx.AsyncHTTPTransport(limits=httpx.Limits(max_connections=1))
    async with new_client(one, base_url=far_end.url) as client:
        first = asyncio.create_task(BatchedHubSpot(client).enroll("501", "310001", ANNA, before_send=slow))
        async with asyncio.timeout(WATCHDOG_SECONDS):
            await waiting.wait()
            await BatchedHubSpot(client).enroll("502", "310001", ANNA, before_send=nothing)
        committed.set()
        await first
    assert (far_end.connections, far_end.requests) == (1, 2)


async def test_when_before_send_raises_not_one_byte_leaves(
    far_end: Any, new_client: Callable[..., aclosing[HubSpotClient]], records: list[CallRecord]
) -> None:
    lost = FenceLost("another worker has it")
    asked = 0

    async def before_send() -> None:
        nonlocal asked
        asked += 1
        if asked == 2:
            raise lost

    async with new_client(base_url=far_end.url) as client:
        with pytest.raises(FenceLost) as raised:
            await BatchedHubSpot(client).enroll("501", "310001", ANNA, before_send=before_send)
        assert raised.value is lost
        assert records == []
        far_end.answers.append(http(YES))
        assert (await BatchedHubSpot(client).enroll("502", "310001", ANNA, before_send=nothing)).id == "9"
    assert b'"501"' not in far_end.received
    assert (far_end.connections, far_end.requests) == (1, 1)


async def test_a_connection_closed_while_idle_costs_nothing(
    far_end: Any, new_client: Callable[..., aclosing[HubSpotClient]]
) -> None:
    far_end.answers.extend([http(YES), http(YES)])
    far_end.close_after_answer = True
    async with new_client(base_url=far_end.url) as client:
        await BatchedHubSpot(client).enroll("501", "310001", ANNA, before_send=nothing)
        async with asyncio.timeout(WATCHDOG_SECONDS):
            await far_end.disconnected.wait()
        await BatchedHubSpot(client).enroll("502", "310001", ANNA, before_send=nothing)
    assert (far_end.connections, far_end.requests) == (2, 2)


async def test_a_warm_connection_is_used_again(
    far_end: Any, new_client: Callable[..., aclosing[HubSpotClient]]
) -> None:
    far_end.answers.extend([http(YES), http(YES)])
    async with new_client(base_url=far_end.url) as client:
        await BatchedHubSpot(client).enroll("501", "310001", ANNA, before_send=nothing)
        await BatchedHubSpot(client).enroll("502", "310001", ANNA, before_send=nothing)
    assert (far_end.connections, far_end.requests) == (1, 2)


class Wrapped(httpx.AsyncBaseTransport):
    """A transport that is not httpx's own, and has it inside."""

    def __init__(self) -> None:
        self.inside = httpx.AsyncHTTPTransport()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        return await self.inside.handle_async_request(request)

    async def aclose(self) -> None:
        await self.inside.aclose()


async def test_before_send_is_asked_before_the_first_byte_whatever_the_transport(
    far_end: Any, new_client: Callable[..., aclosing[HubSpotClient]]
) -> None:
    far_end.answers.append(http(YES))
    asked: list[bytes] = []

    async def before_send() -> None:
        asked.append(far_end.received)

    async with new_client(Wrapped(), base_url=far_end.url) as client:
        await BatchedHubSpot(client).enroll("501", "310001", ANNA, before_send=before_send)
    assert asked == [b"", b""]


async def test_a_fresh_connection_waits_for_a_fresh_grant(
    far_end: Any, new_client: Callable[..., aclosing[HubSpotClient]], rate_limit: Any
) -> None:
    far_end.answers.append(http(YES))
    calls: list[int] = []

    async def before_send() -> None:
        calls.append(rate_limit.acquired)
        if len(calls) == 2:  # with the connection in hand
            rate_limit.permits[-1].is_spent = True
            rate_limit.spent_first = 1

    async with new_client(base_url=far_end.url) as client:
        await BatchedHubSpot(client).enroll("501", "310001", ANNA, before_send=before_send)
    assert calls == [1, 1, 3]
    assert (far_end.connections, far_end.requests) == (1, 1)


async def test_a_kept_connection_is_left_to_others_when_the_grant_is_spent(
    far_end: Any, new_client: Callable[..., aclosing[HubSpotClient]], rate_limit: Any, records: list[CallRecord]
) -> None:
    far_end.answers.extend([http(YES), http(YES)])
    asked = 0

    async def before_send() -> None:
        nonlocal asked
        asked += 1
        if asked == 2:
            rate_limit.permits[-1].is_spent = True

    async with new_client(base_url=far_end.url) as client:
        await BatchedHubSpot(client).enroll("501", "310001", ANNA, before_send=nothing)
        await BatchedHubSpot(client).enroll("502", "310001", ANNA, before_send=before_send)
    assert rate_limit.acquired == 3
    assert (far_end.connections, far_end.requests) == (1, 2)
    assert len(records) == 2


async def test_no_connection_is_taken_for_a_grant_that_was_spent_while_the_store_was_slow(
    far_end: Any, new_client: Callable[..., aclosing[HubSpotClient]], rate_limit: Any
) -> None:
    far_end.answers.extend([http(YES), http(YES)])
    async with new_client(base_url=far_end.url) as client:
        await BatchedHubSpot(client).enroll("501", "310001", ANNA, before_send=nothing)
        rate_limit.spent_first = 2
        await BatchedHubSpot(client).enroll("502", "310001", ANNA, before_send=nothing)
    assert rate_limit.acquired == 4
    assert (far_end.connections, far_end.requests) == (1, 2)


async def test_without_any_fresh_grant_nothing_is_sent(
    far_end: Any, new_client: Callable[..., aclosing[HubSpotClient]], rate_limit: Any
) -> None:
    rate_limit.spent_first = 1000
    async with new_client(base_url=far_end.url) as client:
        with pytest.raises(StoreSlow):
            await BatchedHubSpot(client).enroll("501", "310001", ANNA, before_send=nothing)
    assert far_end.connections == 0


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        http(YES, length=1000),
        http(YES[:20]),
        http(b"<html>"),
        http(b"[]"),
        b"nonsense\r\n\r\n",
        http(b"", status="204 No"),
    ],
    ids=["closed", "torn", "half", "html", "list", "not-http", "empty"],
)
async def test_a_request_without_a_readable_yes_is_ambiguous(
    far_end: Any, new_client: Callable[..., aclosing[HubSpotClient]], records: list[CallRecord], answer: bytes
) -> None:
    far_end.answers.append(answer)
    far_end.close_after_answer = True
    async with new_client(base_url=far_end.url) as client:
        with pytest.raises(OutcomeUnknown):
            await BatchedHubSpot(client).enroll("501", "310001", ANNA, before_send=nothing)
    assert far_end.requests == 1
    assert len(records) == 1


async def test_a_timeout_after_the_first_byte_is_ambiguous(
    far_end: Any, new_client: Callable[..., aclosing[HubSpotClient]], records: list[CallRecord]
) -> None:
    far_end.answers.append(None)
    async with new_client(base_url=far_end.url, timeout=httpx.Timeout(5, read=0.05)) as client:
        with pytest.raises(OutcomeUnknown):
            await BatchedHubSpot(client).enroll("501", "310001", ANNA, before_send=nothing)
    assert [(record.status, record.error_type) for record in records] == [(None, "ReadTimeout")]


async def test_without_a_connection_nothing_was_sent_and_before_send_is_not_asked_again(
    new_client: Callable[..., aclosing[HubSpotClient]], records: list[CallRecord], far_end: Any
) -> None:
    asked: list[None] = []

    async def before_send() -> None:
        asked.append(None)

    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # bound and not listening: refuses everybody
        async with new_client(base_url=f"http://127.0.0.1:{closed.getsockname()[1]}") as client:
            with pytest.raises(NotSent):
                await BatchedHubSpot(client).enroll("501", "310001", ANNA, before_send=before_send)
    assert asked == [None]
    assert far_end.connections == 0
    assert [(record.status, record.error_type) for record in records] == [(None, "refused")]


async def test_no_free_connection_means_not_sent(
    far_end: Any, new_client: Callable[..., aclosing[HubSpotClient]]
) -> None:
    far_end.answers.append(None)
    one = httpx.AsyncHTTPTransport(limits=httpx.Limits(max_connections=1))
    async with new_client(one, base_url=far_end.url, timeout=httpx.Timeout(5, pool=0.05)) as client:
        busy = asyncio.create_task(BatchedHubSpot(client).enroll("501", "310001", ANNA, before_send=nothing))
        async with asyncio.timeout(WATCHDOG_SECONDS):
            await far_end.connected.wait()
        with pytest.raises(NotSent):
            await BatchedHubSpot(client).enroll("502", "310001", ANNA, before_send=nothing)
        busy.cancel()
        await asyncio.gather(busy, return_exceptions=True)
    assert far_end.connections == 1


async def test_through_a_proxy_before_send_waits_for_the_tunnel_and_not_for_its_request(
    far_end: Any, new_client: Callable[..., aclosing[HubSpotClient]]
) -> None:
    asked: list[None] = []

    async def before_send() -> None:
        asked.append(None)

    far_end.answers.append(http(b"", status="403 Forbidden"))
    proxied = httpx.AsyncHTTPTransport(proxy=far_end.url)
    async with new_client(proxied, base_url="https://hubspot.invalid") as client:
        with pytest.raises(NotSent):
            await BatchedHubSpot(client).enroll("501", "310001", ANNA, before_send=before_send)
    assert far_end.received.startswith(b"CONNECT hubspot.invalid:443")
    assert asked == [None]


async def test_a_grant_that_grows_old_while_the_store_is_slow_is_not_used(
    far_end: Any, new_client: Callable[..., aclosing[HubSpotClient]], rate_limit: Any
) -> None:
    far_end.answers.append(http(YES))
    asked = 0

    async def before_send() -> None:
        nonlocal asked
        asked += 1
        if asked == 1:
            rate_limit.permits[-1].is_spent = True

    async with new_client(base_url=far_end.url) as client:
        await BatchedHubSpot(client).enroll("501", "310001", ANNA, before_send=before_send)
    assert (asked, rate_limit.acquired, far_end.requests) == (3, 2, 1)
    assert [permit.used for permit in rate_limit.permits] == [0, 1]


async def test_an_answer_that_trickles_in_has_an_end(
    far_end: Any, new_client: Callable[..., aclosing[HubSpotClient]], monkeypatch: pytest.MonkeyPatch
) -> None:
    far_end.answers.append(None)
    monkeypatch.setattr("app.hubspot.client.WHOLE_SECONDS", 0.2)
    async with new_client(base_url=far_end.url) as client:
        with pytest.raises(OutcomeUnknown):
            await BatchedHubSpot(client).enroll("501", "310001", ANNA, before_send=nothing)
    assert far_end.requests == 1


@pytest.mark.skipif(not hasattr(socket, "TCP_USER_TIMEOUT"), reason="Linux alone has this option")
async def test_the_kernel_gives_up_bytes_that_are_not_acknowledged(
    far_end: Any, new_client: Callable[..., aclosing[HubSpotClient]]
) -> None:
    far_end.answers.append(http(YES))
    found: list[int] = []

    async def before_send() -> None:
        found.extend(user_timeouts(far_end.address))

    async with new_client(base_url=far_end.url) as client:
        await BatchedHubSpot(client).enroll("501", "310001", ANNA, before_send=before_send)
    assert found == [UNACKNOWLEDGED_MS]


def user_timeouts(peer: tuple[str, int]) -> list[int]:
    """Return TCP_USER_TIMEOUT, in milliseconds, of this process's connections to `peer`."""
    found = []
    for path in Path("/proc/self/fd").iterdir():
        if path.is_socket():
            with socket.socket(fileno=os.dup(int(path.name))) as same, suppress(OSError):
                if same.getpeername() == peer:
                    found.append(same.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT))
    return found


async def test_a_store_that_does_not_answer_before_the_first_byte_is_not_taken_for_hubspot(
    far_end: Any, new_client: Callable[..., aclosing[HubSpotClient]], records: list[CallRecord]
) -> None:
    asked = 0

    async def before_send() -> None:
        nonlocal asked
        asked += 1
        if asked == 2:
            raise TimeoutError

    async with new_client(base_url=far_end.url) as client:
        with pytest.raises(StoreSlow):
            await BatchedHubSpot(client).enroll("501", "310001", ANNA, before_send=before_send)
    assert (far_end.received, records) == (b"", [])
