"""Deliveries on the short way without ASGI: the same answers, limits and order as on uvicorn's way."""

from __future__ import annotations

import asyncio
import re
import socket
from functools import partial
from typing import TYPE_CHECKING, Any

import orjson
import pytest
from sqlalchemy import text
from structlog.testing import capture_logs

from app.model import Response
from app.web.direct import DeliveryProtocol, DirectCycle
from app.web.limits import Limits
from app.web.requests import Request
from app.web.server import Listener, bind
from app.web.webhooks import Webhooks
from tests.support.service import Running, running
from tests.web.wire import Wire, exchanged, serving, statuses, until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

# A header that only uvicorn's way reads; from this machine it changes nothing here.
LONG_WAY = b"X-Forwarded-Proto: http\r\n"
CLOSE = b"Connection: close\r\n"


@pytest.fixture
async def listener(web: Running) -> AsyncIterator[Listener]:
    """What listens for the service, with its own protocol."""
    listener = listening(web)
    async with serving(listener, web.public):
        yield listener


def listening(web: Running) -> Listener:
    protocol = partial(DeliveryProtocol, limits=Limits(), rejected=web.process.metrics.request_rejected)
    return Listener(bind("127.0.0.1", 0, "a test's"), protocol=protocol)


@pytest.fixture
def port(listener: Listener) -> int:
    """Where it listens."""
    return listener.port


def connections(listener: Listener) -> list[Any]:
    assert listener._server is not None
    return list(listener._server.server_state.connections)


@pytest.fixture
def long_ways(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The paths of deliveries that came by ASGI."""
    paths: list[str] = []
    usual = Webhooks.__call__

    async def noting(self: Webhooks, scope: Any, *others: Any) -> None:
        paths.append(scope["path"])
        await usual(self, scope, *others)

    monkeypatch.setattr(Webhooks, "__call__", noting)
    return paths


def request(body: bytes, *lines: bytes, path: bytes = b"open", method: bytes = b"POST") -> bytes:
    head = b"%b /webhooks/%b HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n" % (method, path, len(body))
    return head + b"".join(lines) + b"\r\n" + body


def event(number: int = 1, kind: str = "form") -> bytes:
    return orjson.dumps({"id": f"e{number}", "type": kind, "email": f"p{number}@corp.example"})


def without_what_differs(answer: bytes) -> bytes:
    return re.sub(rb"dlv_[0-9a-f]{32}|(?:date|content-length): [^\r]*", b"-", answer)


SENT = {
    "an event that no rule listens to": request(event(kind="other"), CLOSE),
    "a matching event": request(event(), CLOSE),
    "an unknown source": request(event(), CLOSE, path=b"nosuch"),
    "a body that is no JSON": request(b"{", CLOSE),
    "a wrong signature": request(event(), CLOSE, path=b"crm"),
    "another method": request(event(), CLOSE, path=b"crm", method=b"PUT"),
    "a sign of life": request(b"", CLOSE, path=b"crm", method=b"GET"),
    "a sign of life without a body": request(b"", CLOSE, path=b"crm", method=b"HEAD"),
    "a challenge": request(b'{"event":"endpoint.url_validation","payload":{"plainToken":"a"}}', CLOSE, path=b"webinar"),
    "a query": request(event(kind="other"), CLOSE, path=b"open?a=1"),
    "HTTP/1.0": request(event(kind="other")).replace(b"HTTP/1.1", b"HTTP/1.0"),
    "a repeated header": request(event(kind="other"), CLOSE, b"X-A: 1\r\nX-A: 2\r\n"),
}


@pytest.mark.parametrize("what", SENT)
async def test_both_ways_give_the_same_answer(port: int, what: str, long_ways: list[str]) -> None:
    short = await exchanged(port, SENT[what])
    assert long_ways == []
    long = await exchanged(port, SENT[what].replace(b"Host: x\r\n", b"Host: x\r\n" + LONG_WAY))
    assert len(long_ways) == 1
    if what == "a matching event":
        long = long.replace(b',"duplicate":true', b"")
    assert without_what_differs(short) == without_what_differs(long)


async def test_what_is_stored_is_the_same_by_both_ways(web: Running, port: int) -> None:
    lines = (CLOSE, b"X-First-Name: Ada\r\n", b"X-Request-Id: 1\r\n", b"x-request-id: 2\r\n")
    await exchanged(port, request(event(1), *lines, path=b"open?a=%b&c="))
    await exchanged(port, request(event(2), *lines, LONG_WAY, path=b"open?a=%b&c="))
    short, long = await web.rows("SELECT method, url, headers FROM deliveries ORDER BY id")
    del long["headers"]["x-forwarded-proto"]
    assert short == long
    assert short["headers"]["x-request-id"] == "1, 2"


async def test_behind_a_proxy_the_public_url_is_the_one_that_was_called(
    database_url: str, rules: Path, long_ways: list[str]
) -> None:
    async with running(database_url, rules, public_url="https://hooks.example") as service:
        listener = listening(service)
        async with serving(listener, service.public):
            await exchanged(listener.port, request(event(), CLOSE, LONG_WAY, path=b"open?a=1"))
        assert long_ways == []
        (stored,) = await service.rows("SELECT url FROM deliveries")
        assert stored["url"] == "https://hooks.example/webhooks/open?a=1"


async def test_a_delivery_under_way_is_answered_when_the_service_stops(web: Running, listener: Listener) -> None:
    wire = Wire(listener.port)
    async with web.process.engine.begin() as connection:
        await connection.execute(text("LOCK TABLE event_keys"))
        await wire.send(request(event()))
        await until(lambda: any(each._is_answering() for each in connections(listener)))
        listener.stop()
        for _ in range(10):
            await asyncio.sleep(0)
    assert statuses(await wire.rest()) == [200]


@pytest.mark.parametrize(
    "lines",
    [
        b"Expect: 100-continue\r\nContent-Length: %d\r\n",
        b"Transfer-Encoding: chunked\r\n",
        b"Upgrade: h2c\r\nConnection: Upgrade\r\nContent-Length: %d\r\n",
    ],
)
async def test_a_request_of_another_form_takes_the_long_way(port: int, lines: bytes, long_ways: list[str]) -> None:
    body = event(kind="other")
    if b"chunked" in lines:
        sent = lines + CLOSE + b"\r\n%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)
    else:
        sent = lines % len(body) + CLOSE + b"\r\n" + body
    await exchanged(port, b"POST /webhooks/open HTTP/1.1\r\nHost: x\r\n" + sent)
    assert long_ways == ["/webhooks/open"]


async def test_a_body_beyond_the_maximum_is_refused_before_it_has_come(port: int) -> None:
    wire = Wire(port)
    await wire.send(b"POST /webhooks/open HTTP/1.1\r\nHost: x\r\nContent-Length: 5000\r\n\r\n")
    assert statuses(await wire.receive(b"\r\n\r\n")) == [413]
    wire._socket.close()


async def test_what_follows_the_headers_of_a_connect_is_no_request(web: Running, port: int) -> None:
    hidden = request(event())
    answered = await exchanged(port, request(hidden, method=b"CONNECT"))
    assert statuses(answered) == [405]
    assert await web.rows("SELECT id FROM events") == []


async def test_what_is_no_http_is_refused_after_the_answers_to_the_deliveries_before_it(
    web: Running, port: int
) -> None:
    answered = await exchanged(port, request(event(1)) + request(event(2)) + b"no request\r\n\r\n")
    assert statuses(answered) == [200, 200, 400]
    assert len(await web.rows("SELECT id FROM events")) == 2


@pytest.mark.parametrize("by", [None, 1, 50])
async def test_requests_sent_at_once_are_answered_in_their_order(web: Running, port: int, by: int | None) -> None:
    kinds = ["form", "other", "form", "other", "other", "form"]
    sent = b"".join(request(event(number, kind)) for number, kind in enumerate(kinds))
    answered = await exchanged(port, sent + request(event(9, "other"), CLOSE), by=by)
    assert statuses(answered) == [200] * 7
    flags = [b'"filtered":true' in each for each in answered.split(b"HTTP/1.1 200")[1:]]
    assert flags == [False, True, False, True, True, False, True]
    (stored,) = await web.rows("SELECT count(*) AS events FROM events")
    assert stored["events"] == 3


async def test_what_comes_whole_is_answered_and_stored_as_what_comes_in_pieces(
    web: Running, listener: Listener
) -> None:
    wire = Wire(listener.port)
    answers = []
    for number, by in ((1, None), (2, 40), (3, None)):
        await wire.send(request(event(number), b"X-First-Name: Ada\r\n", path=b"open?a=1"), by=by)
        answers.append(await wire.receive(b"}"))
    assert len({without_what_differs(answer) for answer in answers}) == 1
    stored = await web.rows(
        "SELECT method, url, headers, events.email FROM deliveries, events "
        "WHERE delivery_id = deliveries.id ORDER BY events.id"
    )
    assert [row.pop("email") for row in stored] == ["p1@corp.example", "p2@corp.example", "p3@corp.example"]
    assert stored[0] == stored[1] == stored[2]
    (connection,) = connections(listener)
    assert connection._deadline is None  # the connection waits as long for its next request as after any other one
    wire._socket.close()


async def test_a_sender_that_goes_before_its_body_has_come_is_noted(web: Running, port: int) -> None:
    wire = Wire(port)
    with capture_logs() as logs:
        await wire.send(request(event())[:-5])
        await until(lambda: web.counted("webhooks_received_total", source="open", result="rejected") == 0)
        wire._socket.close()
        await until(lambda: web.counted("webhooks_rejected_total", source="open", reason="client_gone") == 1)
    (noted,) = [entry for entry in logs if entry["event"] == "delivery.refused"]
    assert (noted["reason"], noted["status"]) == ("client_gone", 503)


async def test_a_sender_that_goes_before_its_answer_has_left_its_event_here(web: Running, port: int) -> None:
    wire = Wire(port)
    await wire.send(request(event()))
    wire._socket.close()
    assert len(await web.rows_once_there("SELECT id FROM events")) == 1


async def test_a_sender_that_reads_no_answers_is_not_read_from_either(listener: Listener) -> None:
    listener._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)  # of each connection that it accepts
    wire = Wire(listener.port)
    wire._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    sending = asyncio.create_task(wire.send(request(event(kind="other")) * 5000))
    await until(lambda: any(connection.flow.write_paused for connection in connections(listener)))
    (connection,) = connections(listener)
    # What has been read by then is answered. What comes after it takes uvicorn's way: it waits, and may not be much.
    assert connection.transport.get_write_buffer_size() < 1024 * 1024
    answered = statuses(await wire.rest())
    assert answered[-1] == 429
    assert set(answered[:-1]) == {200}
    await sending


@pytest.mark.parametrize("value", ["a\r\nset-cookie: b", "a\0b", "\u20ac"])
def test_a_header_that_http_cannot_carry_is_never_written(value: str) -> None:
    cycle = DirectCycle(Request("dlv_1", "POST", "/webhooks/x", "http://x/webhooks/x", {}, 0.0), keep_alive=True)
    with pytest.raises(ValueError, match=r"carry|encode"):
        cycle.written(Response(headers={"x-echo": value}), [])
