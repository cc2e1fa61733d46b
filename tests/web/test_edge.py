"""What connections hold together is bounded; who waits for its client gives way to who has something to say."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text
from structlog.testing import capture_logs

from app.web.direct import DeliveryProtocol
from app.web.edge import Edge
from app.web.limits import Limits
from app.web.server import Listener, bind
from app.web.wiring import bind as bind_all
from app.web.wiring import listeners
from tests.support.service import Running, running
from tests.web.test_http_deadlines import Clock
from tests.web.wire import Wire, exchanged, server, serving, statuses, until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

HEALTH = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
HALF = b"GET / HTTP/1.1\r\nX-A: "
LAST = b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n"
HELD = b"GET /held HTTP/1.1\r\nHost: x\r\n\r\n"
KIB = 1024


def listening(web: Running, limits: Limits) -> Listener:
    rejected = web.process.metrics.request_rejected
    edge = Edge(limits, rejected=rejected)
    protocol = partial(DeliveryProtocol, limits=limits, rejected=rejected, edge=edge)
    return Listener(bind("127.0.0.1", 0, "a test's"), protocol=protocol, edge=edge)


@pytest.fixture
async def listener(web: Running) -> AsyncIterator[Listener]:
    """A listener with room for two connections of senders, and 4 KiB of bodies that have not come whole."""
    listener = listening(web, Limits(connections=2, reserve=1, body_bytes=4 * KIB))
    async with serving(listener, web.public):
        yield listener


def post(source: str, length: int, lines: str = "") -> bytes:
    return f"POST /webhooks/{source} HTTP/1.1\r\nHost: x\r\n{lines}Content-Length: {length}\r\n\r\n".encode()


async def begun(*data: bytes, port: int) -> list[Wire]:
    wires = [Wire(port) for _ in data]
    for wire, each in zip(wires, data, strict=True):
        await wire.send(each)
    return wires


async def test_a_body_that_is_not_complete_in_time_is_answered_408(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    monkeypatch.setattr(asyncio.get_running_loop(), "time", clock.time)
    async with server(Limits(body_seconds=3600)) as http:
        wire = Wire(http.port)
        await wire.send(b"POST /slow HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{")
        await until(lambda: any(each.held for each in http.connections))
        clock.advance(3601)
        answered = await wire.rest()
        assert statuses(answered) == [408]
        assert b"within 1 hour" in answered
        assert http.rejected("body_too_slow") == 1
        await until(lambda: http.gone == ["/slow"])


async def test_a_slow_delivery_is_answered_408_and_noted(listener: Listener, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    monkeypatch.setattr(asyncio.get_running_loop(), "time", clock.time)
    wire = Wire(listener.port)
    with capture_logs() as logs:
        await wire.send(post("open", 10) + b"{")
        await until(lambda: any(each.held for each in connections(listener)))
        clock.advance(31)
        assert statuses(await wire.rest()) == [408]
    (noted,) = [line for line in logs if line["event"] == "delivery.refused"]
    assert (noted["source"], noted["status"], noted["reason"]) == ("open", 408, "body_too_slow")


def connections(listener: Listener) -> list[DeliveryProtocol]:
    assert listener._server is not None
    return list(listener._server.server_state.connections)  # type: ignore[arg-type]  # all are


async def test_who_has_waited_longest_for_its_client_gives_way_with_503() -> None:
    async with server(Limits(connections=2)) as http:
        first, second = await begun(HALF, HALF, port=http.port)
        await until(lambda: len([each for each in http.connections if each._begun()]) == 2)
        assert statuses(await exchanged(http.port, LAST)) == [200]
        answered = await first.rest()
        assert statuses(answered) == [503]
        assert b"retry-after: 5" in answered
        assert http.rejected("too_many_connections") == 1
        await second.send(b"b\r\nConnection: close\r\n\r\n")
        assert statuses(await second.rest()) == [200]


async def test_a_connection_that_rests_is_closed_without_an_answer() -> None:
    async with server(Limits(connections=1)) as http:
        wire = Wire(http.port)
        await wire.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert statuses(await wire.receive(b"\r\n\r\nok")) == [200]
        assert statuses(await exchanged(http.port, LAST)) == [200]
        assert await wire.rest() == b""


async def test_a_request_that_is_being_answered_never_gives_way() -> None:
    async with server(Limits(connections=1, reserve=0)) as http:
        (held,) = await begun(HELD, port=http.port)
        await until(lambda: len(http.requests) == 1)
        assert statuses(await exchanged(http.port, LAST)) in ([503], [])  # the system may cut off what was not read
        assert http.rejected("too_many_connections") == 1
        http.held.set()
        assert statuses(await held.receive(b"\r\n\r\nok")) == [200]
        held.close()


async def test_while_senders_have_all_connections_health_is_answered_and_deliveries_are_not(
    web: Running, listener: Listener
) -> None:
    async with web.process.engine.begin() as connection:
        await connection.execute(text("LOCK TABLE event_keys"))
        events = [b'{"id": "%d", "type": "form", "email": "p%d@corp.example"}' % (n, n) for n in range(2)]
        wires = await begun(*(post("open", len(body)) + body for body in events), port=listener.port)
        await until(lambda: sum(each._is_answering() for each in connections(listener)) == 2)
        for path, status in ((b"healthz", 200), (b"webhooks/open", 503)):
            answered = await exchanged(listener.port, b"GET /%b HTTP/1.1\r\nHost: x\r\n\r\n" % path)
            assert statuses(answered) == [status]
            assert b"connection: close" in answered
            assert (b"retry-after: 5" in answered) == (status == 503)
            await until(lambda: len(connections(listener)) == 2)
    for wire in wires:
        assert statuses(await wire.receive(b"\r\n\r\n")) == [200]
        wire.close()


async def test_the_body_that_takes_the_most_gives_way(web: Running, listener: Listener) -> None:
    large, small = await begun(post("open", 4000) + b" " * 3500, post("open", 1000) + b" ", port=listener.port)
    await until(lambda: sum(each.held > 0 for each in connections(listener)) == 2)
    await small.send(b" " * 600)
    answered = await large.rest()
    assert statuses(answered) == [503]
    assert b"retry-after: 5" in answered
    assert web.counted("requests_rejected_total", reason="too_many_bodies") == 1
    assert web.counted("webhooks_rejected_total", source="open", reason="too_many_bodies") == 1
    body = b'{"type": "other"}'
    await small.send(b" " * (399 - len(body)) + body)
    assert statuses(await small.receive(b"\r\n\r\n")) == [200]
    small.close()
    assert listener._edge is not None
    assert listener._edge._held == 0


@pytest.mark.parametrize("lines", ["", "X-Forwarded-Proto: http\r\n"], ids=["short", "long"])
@pytest.mark.parametrize(("source", "status"), [("nosuch", 404), ("crm", 401)])
async def test_a_refusal_that_the_headers_show_does_not_wait_for_the_body(
    web: Running, listener: Listener, lines: str, source: str, status: int
) -> None:
    wire = Wire(listener.port)
    await wire.send(post(source, 1000, lines) + b"begun")
    answered = await wire.receive(b"\r\n\r\n")
    assert statuses(answered) == [status]
    # The rest is thrown away, and the connection goes on.
    await wire.send(b" " * 995 + post("nosuch", 0, "Connection: close\r\n"))
    assert statuses(await wire.rest()) == [404]
    if source == "crm":
        (kept,) = await web.rows_once_there("SELECT source, reason, body FROM refused_deliveries")
        assert (kept["reason"], bytes(kept["body"])) == ("missing_signature", b"begun")


async def test_a_proof_in_the_url_or_none_at_all_lets_the_body_come(database_url: str, tmp_path: Path) -> None:
    rules = tmp_path / "rules.yaml"
    secret = "a-secret-in-the-url-of-a-sender"
    source = "json, credential: {kind: url}, secrets: ['${IN_URL}'], fields: {id: $.id, type: $.type, email: $.email}"
    rules.write_text(f"version: 1\nsources:\n  form: {{provider: {source}}}\nrules: []\n")
    async with running(database_url, rules, secrets={"IN_URL": secret}) as service:
        listener = listening(service, Limits())
        async with serving(listener, service.public):
            wire = Wire(listener.port)
            await wire.send(post(f"form/{secret}", 17) + b"{")
            await until(lambda: any(each.held for each in connections(listener)))
            await wire.send(b'"type": "other"}')
            assert statuses(await wire.receive(b"\r\n\r\n")) == [200]
            wire.close()


async def test_once_draining_what_rests_is_closed_and_each_answer_is_the_last_one(
    web: Running, listener: Listener
) -> None:
    rests, begins = Wire(listener.port), Wire(listener.port)
    await rests.send(HEALTH)
    await rests.receive(b"\r\n\r\n")
    await begins.connect()
    web.process.stopping.set()
    listener.drain()
    await rests.rest()
    begins.close()
    body = b'{"id": "1", "type": "form", "email": "p@corp.example"}'
    answered = await exchanged(listener.port, post("open", len(body)) + body)
    assert statuses(answered) == [503]
    assert b"retry-after: 5" in answered
    assert b"connection: close" in answered
    assert statuses(await exchanged(listener.port, b"GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n")) == [503]
    assert web.counted("webhooks_rejected_total", source="open", reason="stopping") == 1


async def test_between_large_bodies_what_else_has_come_has_its_turn() -> None:
    loop, done = asyncio.get_running_loop(), list[str]()

    def large(number: int) -> None:
        done.append(f"large {number}")
        loop.call_soon(done.append, f"other {number}")

    edge = Edge(Limits(), rejected=done.append)
    for number in range(3):
        edge.later(100, partial(large, number))
    assert edge._held == 300
    await until(lambda: len(done) == 6)
    assert done == ["large 0", "other 0", "large 1", "other 1", "large 2", "other 2"]
    assert edge._held == 0


async def test_a_large_body_that_could_not_wait_for_its_commit_is_not_even_read(database_url: str, rules: Path) -> None:
    body = b'{"id": "1", "type": "form", "email": "p@corp.example"}'
    large = b"no JSON" * 20_000
    sent = post("open", len(large), "Connection: close\r\n") + large
    async with running(database_url, rules, queue_limit="1") as service:
        listener = listening(service, Limits())
        async with serving(listener, service.public):
            async with service.process.engine.begin() as connection:
                await connection.execute(text("LOCK TABLE event_keys"))
                # Two lanes commit, and one more waits.
                wires = await begun(*[post("open", len(body)) + body] * 4, port=listener.port)
                await until(lambda: service.counted("webhooks_rejected_total", source="open", reason="queue_full") > 0)
                assert statuses(await exchanged(listener.port, sent)) == [503]
            for wire in wires:
                wire.close()
            while (found := statuses(await exchanged(listener.port, sent))) == [503]:
                pass  # what waits is being committed
            assert found == [400]


async def test_bodies_of_the_largest_size_have_room(database_url: str, rules: Path) -> None:
    async with running(database_url, rules, max_body_bytes="67108864") as service:
        (listener,) = listeners(service.process, bind_all(service.process.settings))
        assert listener._edge is not None
        assert listener._edge._limits.body_bytes == 2 * 67_108_864
        listener._socket.close()
