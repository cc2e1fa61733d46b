"""How many connections the client opens, which of them it uses again, and how it reads replies from them."""

from __future__ import annotations

import asyncio
import gzip
import socket
from typing import TYPE_CHECKING

import httpx
import pytest

from app.errors import NotSent, OutcomeUnknown, StoreSlow
from app.hubspot import lanes
from app.hubspot.api import sequences
from app.hubspot.api.contacts import read_contacts
from app.hubspot.batched import BatchedHubSpot
from app.hubspot.connections import IDLE_SECONDS, Connections
from app.hubspot.lanes import LANES
from app.model import Sender
from app.tls import tls_context
from tests.hubspot.conftest import ScriptedPermit, ScriptedRateLimit

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from contextlib import aclosing

    from app.hubspot.client import CallRecord, HubSpotClient
    from tests.hubspot.conftest import FarEnd

    Clients = Callable[..., aclosing[HubSpotClient]]

ANNA = Sender("anna", "7001", "anna@acme.example")
YES = b'{"id":"9","toEmail":"ada@corp.example","enrolledAt":"2026-11-23T09:00:00.000Z"}'
WINDOW, WINDOW_SECONDS = 190, 10.0
WATCHDOG_SECONDS = 300


def http(body: bytes, *headers: str, status: str = "200 OK") -> bytes:
    lines = [f"HTTP/1.1 {status}", "Content-Type: application/json", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


REPLY = http(YES, f"Content-Length: {len(YES)}")
STATUS = http(b"{}", "Content-Length: 2", status="404 Not Found")


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def client(far_end: FarEnd, new_client: Clients, clock: Clock) -> AsyncIterator[HubSpotClient]:
    async with new_client(Connections(httpx.URL(far_end.url), tls_context(), now=clock), base_url=far_end.url) as one:
        yield one


async def nothing() -> None:
    """Agree to everything."""


async def enroll(client: HubSpotClient) -> str:
    return (await BatchedHubSpot(client).enroll("501", "310001", ANNA, before_send=nothing)).id


async def together(client: HubSpotClient, count: int) -> None:
    async with asyncio.timeout(WATCHDOG_SECONDS):
        await asyncio.gather(*(enroll(client) for _ in range(count)))


class Windows(ScriptedRateLimit):
    """A whole window of permits at once, and the next ones when it has passed."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self._clock = clock

    async def acquire(self, kind: str = "general", *, again: bool = False) -> ScriptedPermit:
        permit = await super().acquire(kind, again=again)
        self._clock.now = max(self._clock.now, (self.acquired - 1) // WINDOW * WINDOW_SECONDS)
        return permit


async def test_a_backlog_that_uses_up_each_window_at_once_needs_ten_connections(
    far_end: FarEnd, new_client: Clients, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lanes, "SLOW_SECONDS", WATCHDOG_SECONDS)  # a busy machine is not a slow HubSpot
    far_end.answers.extend([REPLY] * 3 * WINDOW)
    connections = Connections(httpx.URL(far_end.url), tls_context(), now=clock)
    async with new_client(connections, base_url=far_end.url, rate_limit=Windows(clock)) as client:
        await together(client, 3 * WINDOW)
    assert far_end.requests == 3 * WINDOW
    assert far_end.connections <= LANES <= 20 * 3 * WINDOW / 1000


async def test_one_enrollment_after_the_other_needs_one_connection(
    far_end: FarEnd, client: HubSpotClient, clock: Clock
) -> None:
    far_end.answers.extend([REPLY] * 1000)
    for _ in range(1000):
        await enroll(client)
        clock.now += 0.05  # 20 a second
    assert (far_end.connections, far_end.requests) == (1, 1000)


async def test_the_connection_used_last_is_used_first_and_the_others_expire(
    far_end: FarEnd, client: HubSpotClient, clock: Clock
) -> None:
    far_end.answers.extend([REPLY] * 5)
    await together(client, 2)
    assert far_end.connections == 2
    for _ in range(2):
        clock.now += IDLE_SECONDS - 1
        await enroll(client)
    async with asyncio.timeout(WATCHDOG_SECONDS):
        await far_end.disconnected.wait()
    await enroll(client)
    assert far_end.connections == 2


async def test_a_connection_that_a_request_was_not_sent_on_is_as_old_as_its_last_reply(
    far_end: FarEnd, client: HubSpotClient, clock: Clock
) -> None:
    async def before_send() -> None:
        raise StoreSlow

    far_end.answers.extend([REPLY] * 2)
    await enroll(client)
    clock.now += IDLE_SECONDS - 1
    with pytest.raises(StoreSlow):
        await client.send(sequences.enrollment_status("501"), before_send=before_send)
    clock.now += 2
    await enroll(client)
    assert far_end.connections == 2


async def test_when_hubspot_closes_idle_connections_sooner_later_ones_are_given_up_before_that(
    far_end: FarEnd, client: HubSpotClient, clock: Clock
) -> None:
    far_end.answers.extend([REPLY] * 4)
    await enroll(client)
    clock.now += 15
    await far_end.close_connections()
    await enroll(client)
    clock.now += 13.9
    await enroll(client)
    assert far_end.connections == 2
    clock.now += 14.1
    await enroll(client)
    assert far_end.connections == 3


async def test_a_connection_closed_at_once_is_no_measure_for_the_others(
    far_end: FarEnd, client: HubSpotClient, clock: Clock
) -> None:
    far_end.answers.extend([REPLY] * 3)
    await enroll(client)
    await far_end.close_connections()
    await enroll(client)
    clock.now += 3.9
    await enroll(client)
    assert far_end.connections == 2


async def test_a_kept_connection_that_closes_before_the_first_byte_is_replaced(
    far_end: FarEnd, client: HubSpotClient
) -> None:
    far_end.answers.extend([REPLY] * 2)
    await enroll(client)
    asked = 0

    async def before_send() -> None:
        nonlocal asked
        asked += 1
        if asked == 2:  # with the connection in hand
            await far_end.close_connections()

    await BatchedHubSpot(client).enroll("502", "310001", ANNA, before_send=before_send)
    assert (far_end.connections, far_end.requests) == (2, 2)


async def test_a_new_connection_that_closes_before_the_first_byte_means_not_sent(
    far_end: FarEnd, client: HubSpotClient, records: list[CallRecord]
) -> None:
    asked = 0

    async def before_send() -> None:
        nonlocal asked
        asked += 1
        if asked == 2:
            await far_end.close_connections()

    with pytest.raises(NotSent):
        await BatchedHubSpot(client).enroll("501", "310001", ANNA, before_send=before_send)
    assert (far_end.received, [record.error_type for record in records]) == (b"", ["ConnectError"])


async def test_without_room_for_another_request_nothing_was_sent(far_end: FarEnd, new_client: Clients) -> None:
    far_end.answers.append(None)
    one = Connections(httpx.URL(far_end.url), tls_context(), most=1)
    async with new_client(one, base_url=far_end.url, timeout=httpx.Timeout(WATCHDOG_SECONDS, pool=0.05)) as client:
        busy = asyncio.create_task(enroll(client))
        async with asyncio.timeout(WATCHDOG_SECONDS):
            await far_end.connected.wait()
        with pytest.raises(NotSent, match="PoolTimeout"):
            await enroll(client)
        busy.cancel()
        await asyncio.gather(busy, return_exceptions=True)
    assert far_end.connections == 1


@pytest.mark.parametrize(
    ("reply", "connections"),
    [
        (http(b"%x\r\n%b\r\n0\r\n\r\n" % (len(YES), YES), "Transfer-Encoding: chunked"), 1),
        (b"HTTP/1.1 100 Continue\r\n\r\n" + REPLY, 1),
        (b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + REPLY, 1),
        (http(gzip.compress(YES), "Content-Encoding: gzip", f"Content-Length: {len(gzip.compress(YES))}"), 1),
        (http(YES, "Connection: close", f"Content-Length: {len(YES)}"), 2),
        (REPLY.replace(b"HTTP/1.1", b"HTTP/1.0"), 2),
        (REPLY + b"more", 2),
        (REPLY + REPLY, 2),
    ],
    ids=["chunked", "100", "103", "gzip", "close", "http-1.0", "more", "twice"],
)
async def test_a_reply_is_read_whole_and_its_connection_used_again_where_it_may_be(
    far_end: FarEnd, client: HubSpotClient, reply: bytes, connections: int
) -> None:
    far_end.answers.extend([reply, REPLY])
    assert [await enroll(client), await enroll(client)] == ["9", "9"]
    assert (far_end.connections, far_end.requests) == (connections, 2)


@pytest.mark.parametrize("status", ["101 Switching Protocols", "000 Nothing", "099 Nothing"])
async def test_a_status_that_answers_no_request_is_ambiguous(
    far_end: FarEnd, client: HubSpotClient, status: str
) -> None:
    far_end.answers.extend([http(b"", "Content-Length: 0", status=status), REPLY])
    with pytest.raises(OutcomeUnknown):
        await enroll(client)
    assert await enroll(client) == "9"
    assert far_end.connections == 2


async def test_a_reply_without_a_length_ends_with_its_connection(far_end: FarEnd, client: HubSpotClient) -> None:
    far_end.answers.append(http(YES))
    far_end.close_after_answer = True
    assert await enroll(client) == "9"


async def test_a_reply_that_comes_in_pieces_is_read_whole(far_end: FarEnd, client: HubSpotClient) -> None:
    entries = b",".join(b'{"id":"%d","properties":{"email":"%d@corp.example"}}' % (n, n) for n in range(100))
    body = b'{"results":[%b],"padding":"%b"}' % (entries, b"x" * 1_000_000)
    far_end.answers.append(http(body, f"Content-Length: {len(body)}"))
    found = await client.send(read_contacts([str(number) for number in range(100)], ["email"]))
    assert len(found) == 100


async def test_a_cancelled_request_takes_its_connection_with_it(far_end: FarEnd, client: HubSpotClient) -> None:
    far_end.answers.extend([None, REPLY])
    cancelled = asyncio.create_task(enroll(client))
    async with asyncio.timeout(WATCHDOG_SECONDS):
        await far_end.asked.wait()
        cancelled.cancel()
        await asyncio.gather(cancelled, return_exceptions=True)
        await far_end.disconnected.wait()
    assert await enroll(client) == "9"
    assert (far_end.connections, far_end.requests) == (2, 2)


async def test_an_address_that_refuses_is_followed_by_the_next(
    far_end: FarEnd, new_client: Clients, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = far_end.address[1]
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # bound and not listening: it refuses
        found = [
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", (host, at))
            for host, at in (closed.getsockname(), far_end.address)
        ]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
        async with new_client(base_url=f"http://hubspot.invalid:{port}") as client:
            far_end.answers.append(REPLY)
            assert await enroll(client) == "9"


async def test_a_proxy_that_the_environment_names_is_used(
    far_end: FarEnd, new_client: Clients, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", far_end.url)
    far_end.answers.append(REPLY)
    async with new_client(base_url="http://hubspot.invalid") as client:
        assert await enroll(client) == "9"
    assert far_end.received.startswith(b"POST http://hubspot.invalid/automation/")


async def test_without_a_tunnel_through_the_proxy_nothing_was_sent(
    far_end: FarEnd, new_client: Clients, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", far_end.url)
    far_end.answers.append(http(b"", "Content-Length: 0", status="403 Forbidden"))
    asked: list[None] = []

    async def before_send() -> None:
        asked.append(None)

    async with new_client(base_url="https://hubspot.invalid") as client:
        with pytest.raises(NotSent, match="ProxyError"):
            await BatchedHubSpot(client).enroll("501", "310001", ANNA, before_send=before_send)
    assert far_end.received.startswith(b"CONNECT hubspot.invalid:443")
    assert asked == [None]  # before a connection is taken, and never with one


async def test_slow_replies_do_not_hold_up_the_requests_behind_them(
    far_end: FarEnd, client: HubSpotClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lanes, "SLOW_SECONDS", 0.001)
    far_end.answers.extend([*[None] * LANES, REPLY])
    sent = [asyncio.create_task(enroll(client)) for _ in range(LANES + 1)]
    async with asyncio.timeout(WATCHDOG_SECONDS):
        answered, slow = await asyncio.wait(sent, return_when=asyncio.FIRST_COMPLETED)
    assert [task.result() for task in answered] == ["9"]
    for task in slow:
        task.cancel()
    await asyncio.gather(*slow, return_exceptions=True)


async def test_what_happens_before_a_request_may_itself_ask_hubspot(far_end: FarEnd, client: HubSpotClient) -> None:
    far_end.answers.extend([STATUS] * LANES + [REPLY] * LANES)
    asking = asyncio.Barrier(LANES)

    async def before_connection() -> None:
        await asking.wait()  # every lane is taken
        await client.send(sequences.enrollment_status("501"))
        await asking.wait()  # the far end answers in the order of requests

    call = sequences.enroll("501", "310001", ANNA)
    async with asyncio.timeout(WATCHDOG_SECONDS):
        await asyncio.gather(*(client.send(call, before_connection=before_connection) for _ in range(LANES)))
    assert far_end.requests == 2 * LANES


@pytest.mark.parametrize("bad", ["7001\r\nX: y", "7001\n"])
async def test_nothing_that_a_caller_gives_becomes_a_line_of_the_request(
    far_end: FarEnd, client: HubSpotClient, bad: str
) -> None:
    far_end.answers.append(REPLY)
    sender = Sender("anna", bad, "anna@acme.example")
    await BatchedHubSpot(client).enroll("501", "310001", sender, before_send=nothing)
    assert far_end.received.partition(b"\r\n\r\n")[0].count(b"\r\n") == 7
    assert b"\nX: y" not in far_end.received


async def test_an_end_in_the_middle_of_a_reply_is_ambiguous(far_end: FarEnd, client: HubSpotClient) -> None:
    far_end.answers.append(REPLY[:-5])
    far_end.close_after_answer = True
    with pytest.raises(OutcomeUnknown):
        await enroll(client)
