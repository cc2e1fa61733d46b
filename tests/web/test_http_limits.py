"""Headers have limits of bytes and lines, counted as they come; a request within them is served as before."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from structlog.testing import capture_logs

from tests.web.wire import Server, Wire, exchanged, server, statuses, until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

KIB = 1024
CUTS = (None, 1, 1000)  # sent at once, byte by byte, and by so many bytes
REQUEST = b"POST /%b HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n%b\r\n%b"
CHUNKED = b"POST /%b HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
LAST = b"GET /last HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"


@pytest.fixture
async def http() -> AsyncIterator[Server]:
    """A server with the usual limits."""
    async with server() as served:
        yield served


def lines(count: int, *, first: int = 0) -> bytes:
    return b"".join(b"X-%d: b\r\n" % number for number in range(first, first + count))


def of_bytes(size: int) -> bytes:
    """Return a request whose headers have `size` bytes, in lines of some kilobytes."""
    head = b"GET /last HTTP/1.1\r\nConnection: close\r\n"
    while size - len(head) > 5 * KIB:
        head += b"X-A: " + b"a" * 4000 + b"\r\n"
    return head + b"X-B: " + b"b" * (size - len(head) - len(b"X-B: \r\n\r\n")) + b"\r\n\r\n"


def of_lines(count: int) -> bytes:
    return b"GET /last HTTP/1.1\r\nConnection: close\r\n" + lines(count - 1) + b"\r\n"


BEYOND = {
    "one line": b"GET / HTTP/1.1\r\nX-A: " + b"a" * 40 * KIB + b"\r\n\r\n",
    "a line without an end": b"GET / HTTP/1.1\r\nX-A: " + b"a" * 40 * KIB,
    "a name without an end": b"GET / HTTP/1.1\r\n" + b"a" * 40 * KIB,
    "blanks that the parser skips": b"GET / HTTP/1.1\r\nX-A:" + b" " * 40 * KIB + b"a\r\n\r\n",
    "the request line": b"GET /" + b"a" * 40 * KIB + b" HTTP/1.1\r\n\r\n",
    "a path without an end": b"GET /" + b"a" * 40 * KIB,
    "one byte": of_bytes(32 * KIB + 1),
    "long lines": b"GET / HTTP/1.1\r\n" + b"".join(b"X-A: " + b"a" * KIB + b"\r\n" for _ in range(40)) + b"\r\n",
    "one header": of_lines(101),
    "short lines": b"GET / HTTP/1.1\r\n" + lines(5000) + b"\r\n",
    "the same name": b"GET / HTTP/1.1\r\n" + b"X-A: b\r\n" * 5000 + b"\r\n",
    "blank lines before a request": b"\r\n" * 200 + b"GET / HTTP/1.1\r\n\r\n",
}


@pytest.mark.parametrize("what", BEYOND)
async def test_headers_beyond_a_limit_are_refused_and_no_application_sees_them(http: Server, what: str) -> None:
    for by in CUTS:
        assert statuses(await exchanged(http.port, BEYOND[what], by=by)) == [431]
    assert http.requests == []
    assert http.rejected("headers_too_large") + http.rejected("too_many_headers") == len(CUTS)


async def test_a_refusal_is_a_problem_document_that_names_the_limits(http: Server) -> None:
    head, _, body = (await exchanged(http.port, of_lines(101))).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 431 Request Header Fields Too Large\r\n")
    for line in (b"content-type: application/problem+json", b"content-length: %d" % len(body), b"connection: close"):
        assert line in head.split(b"\r\n")
    assert b'"type":"https://segue.example/problems#request-header-fields-too-large"' in body
    assert b"32768 bytes and 100 lines" in body


@pytest.mark.parametrize(("what", "reason"), [("one byte", "headers_too_large"), ("one header", "too_many_headers")])
async def test_a_refusal_is_counted_and_logged_by_its_reason_and_without_what_was_sent(
    http: Server, what: str, reason: str
) -> None:
    with capture_logs() as logs:
        await exchanged(http.port, BEYOND[what])
    assert logs == [
        {"event": "request.refused", "log_level": "warning", "status": 431, "reason": reason, "address": "127.0.0.1"}
    ]
    assert http.rejected(reason) == 1


AT_THE_LIMIT = {
    "bytes": of_bytes(32 * KIB),
    "lines": of_lines(100),
    "lines before chunks": of_lines(100).replace(b"X-0: b", b"Transfer-Encoding: chunked") + b"2\r\n{}\r\n0\r\n\r\n",
}


@pytest.mark.parametrize("data", AT_THE_LIMIT.values(), ids=AT_THE_LIMIT)
async def test_headers_at_a_limit_are_served(http: Server, data: bytes) -> None:
    for by in CUTS:
        assert statuses(await exchanged(http.port, data, by=by)) == [200]
    assert [request.path for request in http.requests] == ["/last"] * len(CUTS)


async def test_headers_without_end_are_cut_off_after_a_bounded_number_of_bytes(http: Server) -> None:
    wire = Wire(http.port, send_buffer=64 * KIB)
    await wire.send(b"POST /nosuch HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n")
    while await wire.send(b"X-1: " + b"a" * 64 * KIB + b"\r\n"):
        assert wire.sent < 64 * KIB * KIB
    assert statuses(await wire.rest()) == [431]
    assert wire.sent < 16 * KIB * KIB  # What the kernel keeps for both sides is in it.
    assert http.connections == []


@pytest.mark.parametrize("by", [*CUTS, 7])
async def test_requests_on_one_connection_are_counted_anew_each(http: Server, by: int | None) -> None:
    chunked = CHUNKED % b"2" + b"3;a=b\r\nab\n\r\n4\r\n\r\n\r\n\r\n0\r\n" + lines(100) + b"\r\n"
    sent = REQUEST % (b"1", 6, lines(98), b"\r\n\r\nab") + chunked + REQUEST % (b"3", 0, lines(98), b"")
    assert statuses(await exchanged(http.port, sent + LAST, by=by)) == [200] * 4
    assert [(request.path, request.body) for request in http.requests] == [
        ("/1", b"\r\n\r\nab"),
        ("/2", b"ab\n\r\n\r\n"),
        ("/3", b""),
        ("/last", b""),
    ]


async def test_a_connection_is_kept_for_the_next_request(http: Server) -> None:
    wire = Wire(http.port)
    for _ in range(3):
        await wire.send(REQUEST % (b"", 2, lines(90), b"{}"))
        assert statuses(await wire.receive(b"\r\n\r\nok")) == [200]
    (connection,) = http.connections
    await wire.send(LAST)
    assert statuses(await wire.rest()) == [200]
    assert len(http.requests) == 4
    await until(lambda: connection not in http.connections)


@pytest.mark.parametrize("by", [None, 1000])
@pytest.mark.parametrize("before", [b"", REQUEST % (b"", 2, b"", b"{}")], ids=["first", "second"])
async def test_a_large_body_is_no_header(http: Server, by: int | None, before: bytes) -> None:
    body = b"a\r\n\r\n: b\n" * (KIB * KIB // 10)
    sent = before + REQUEST % (b"large", len(body), b"", body) + LAST
    assert set(statuses(await exchanged(http.port, sent, by=by))) == {200}
    assert [request.body == body for request in http.requests if request.path == "/large"] == [True]


async def test_a_large_body_in_chunks_is_no_header(http: Server) -> None:
    chunk = b"\r\n\r\nX: y\r\n" * 100
    sent = CHUNKED % b"large" + (b"%x\r\n%b\r\n" % (len(chunk), chunk)) * KIB + b"0\r\n\r\n" + LAST
    assert statuses(await exchanged(http.port, sent)) == [200, 200]
    assert http.requests[0].body == chunk * KIB


async def test_a_length_with_many_zeros_is_a_length(http: Server) -> None:
    sent = b"POST /1 HTTP/1.1\r\nContent-Length: " + b"0" * 5000 + b"3 \r\n\r\nabc" + LAST
    assert statuses(await exchanged(http.port, sent)) == [200, 200]
    assert http.requests[0].body == b"abc"


async def test_who_expects_to_be_asked_for_the_body_is_asked(http: Server) -> None:
    wire = Wire(http.port)
    await wire.send(REQUEST % (b"", 2, b"Expect: 100-continue\r\nConnection: close\r\n", b""))
    assert statuses(await wire.receive(b"\r\n\r\n")) == [100]
    await wire.send(b"{}")
    assert statuses(await wire.rest()) == [200]


TRAILERS = {
    "one too many": lines(101) + b"\r\n",
    "short lines": lines(5000) + b"\r\n",
    "one line": b"X-A: " + b"a" * 40 * KIB + b"\r\n\r\n",
    "a line without an end": b"X-A: " + b"a" * 40 * KIB,
}


@pytest.mark.parametrize("what", TRAILERS)
async def test_trailers_beyond_a_limit_are_refused_and_the_application_learns_that_its_client_is_gone(
    http: Server, what: str
) -> None:
    for by in CUTS:
        answered = await exchanged(http.port, CHUNKED % b"t" + b"2\r\n{}\r\n0\r\n" + TRAILERS[what], by=by)
        assert statuses(answered) == [431]
    await until(lambda: http.gone == ["/t"] * len(CUTS))
    assert http.requests == []


async def test_what_stands_beside_the_size_of_a_chunk_is_bounded_too(http: Server) -> None:
    assert statuses(await exchanged(http.port, CHUNKED % b"t" + b"2;a=" + b"b" * 40 * KIB)) == [431]


async def test_trailers_are_no_headers(http: Server) -> None:
    sent = CHUNKED % b"t" + b"0\r\nX-Late: 1\r\n\r\n" + LAST
    assert statuses(await exchanged(http.port, sent, by=20)) == [200, 200]
    assert [request.headers.keys() & {"x-late"} for request in http.requests] == [set(), set()]


async def test_trailers_of_a_request_that_was_answered_close_the_connection_without_another_answer(
    http: Server,
) -> None:
    wire = Wire(http.port)
    await wire.send(CHUNKED % b"early")
    assert statuses(await wire.receive(b"\r\n\r\nok")) == [200]
    await wire.send(b"0\r\n" + lines(5000))
    assert await wire.rest() == b""


@pytest.mark.parametrize("by", [None, 1000])
async def test_a_request_that_is_refused_behind_another_one_is_answered_after_it(http: Server, by: int | None) -> None:
    wire = Wire(http.port)
    await wire.send(REQUEST % (b"held", 0, b"", b"") + REQUEST % (b"next", 0, b"", b"") + of_lines(101), by=by)
    await until(lambda: http.rejected("too_many_headers") == 1)
    await wire.send(LAST)
    http.held.set()
    assert statuses(await wire.rest()) == [200, 200, 431]
    assert [request.path for request in http.requests] == ["/held", "/next"]


async def test_requests_that_wait_for_their_answers_are_bounded(http: Server) -> None:
    wire = Wire(http.port)
    await wire.send(REQUEST % (b"held", 0, b"", b"") * 100)
    await until(lambda: http.rejected("too_many_waiting") == 1)
    http.held.set()
    assert statuses(await wire.rest()) == [200] * 17 + [429]
    assert len(http.requests) == 17


@pytest.mark.parametrize("by", [None, 20])
async def test_the_body_behind_an_upgrade_is_not_taken_for_a_request(http: Server, by: int | None) -> None:
    upgrade = b"Connection: Upgrade\r\nUpgrade: h2c\r\n"
    answered = await exchanged(http.port, REQUEST % (b"up", len(LAST), upgrade, LAST), by=by)
    assert statuses(answered) == [200]
    assert b"connection: close" in answered
    assert [request.path for request in http.requests] == ["/up"]
