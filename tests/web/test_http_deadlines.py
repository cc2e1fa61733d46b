"""Headers have a time to be complete in; the time of bodies and answers is another one's matter."""

from __future__ import annotations

import asyncio

import pytest

from app.web.limits import Limits
from tests.web.wire import Wire, server, statuses, until

OK = b"\r\n\r\nok"
REQUEST = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
LAST = b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n"
HOUR = Limits(header_seconds=3600, body_seconds=7200)  # No machine is so busy that it passes by itself.


class Clock:
    """The time of the running event loop, which can be put forward."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._usual, self._ahead = self._loop.time, 0.0

    def time(self) -> float:
        return self._usual() + self._ahead

    def advance(self, seconds: float) -> None:
        """Let timers of the next `seconds` end."""
        self._ahead += seconds


@pytest.fixture
async def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(asyncio.get_running_loop(), "time", clock.time)
    return clock


async def test_headers_that_are_not_complete_in_time_are_answered_408(clock: Clock) -> None:
    async with server(HOUR) as http:
        wire = Wire(http.port)
        await wire.send(b"GET / HTTP/1.1\r\nX-A: secret")
        await until(lambda: any(connection._begun() for connection in http.connections))
        clock.advance(3601)
        answered = await wire.rest()
        assert statuses(answered) == [408]
        assert b"#request-timeout" in answered
        assert b"within 1 hour" in answered
        assert http.rejected("headers_too_slow") == 1


async def test_a_connection_on_which_nothing_comes_is_closed_in_time(clock: Clock) -> None:
    async with server(HOUR) as http:
        wire = Wire(http.port)
        await wire.connect()
        await until(lambda: len(http.connections) == 1)
        clock.advance(3601)
        assert await wire.rest() == b""
        assert http.rejected("headers_too_slow") == 0


async def test_a_silent_connection_is_closed_after_the_time_itself() -> None:
    async with server(Limits(header_seconds=0.01)) as http:
        wire = Wire(http.port)
        await wire.connect()
        assert await wire.rest() == b""


async def test_later_requests_have_as_long_from_their_first_byte(clock: Clock) -> None:
    async with server(HOUR) as http:
        wire = Wire(http.port)
        await wire.send(REQUEST)
        assert statuses(await wire.receive(OK)) == [200]
        await wire.send(b"G")
        await until(http.connections[0]._begun)
        clock.advance(3599)
        await wire.send(LAST[1:])
        await until(lambda: len(http.requests) == 2)
        assert statuses(await wire.rest()) == [200]

        wire = Wire(http.port)
        await wire.send(REQUEST)
        assert statuses(await wire.receive(OK)) == [200]
        await wire.send(b"G")
        await until(lambda: any(connection._begun() for connection in http.connections))
        clock.advance(3601)
        assert statuses(await wire.rest()) == [408]


async def test_each_line_that_comes_gives_no_more_time(clock: Clock) -> None:
    async with server(HOUR) as http:
        wire = Wire(http.port)
        await wire.send(b"GET / HTTP/1.1\r\n")
        await until(lambda: any(connection._begun() for connection in http.connections))
        (connection,) = http.connections
        for number in range(3):
            clock.advance(1000)
            before = connection._framing.bytes
            await wire.send(b"X-%d: b\r\n" % number)
            await until(lambda before=before: connection._framing.bytes > before)  # type: ignore[misc]  # bound at once
        clock.advance(601)
        assert statuses(await wire.rest()) == [408]


async def test_time_for_headers_does_not_run_while_a_body_is_read_or_a_request_is_answered(clock: Clock) -> None:
    async with server(HOUR) as http:
        wire = Wire(http.port)
        await wire.send(b"POST /held HTTP/1.1\r\nContent-Length: 2\r\n\r\n{")
        await until(lambda: len(http.connections) == 1 and http.connections[0].cycle is not None)
        clock.advance(3601)
        await wire.send(b"}" + LAST[:10])
        await until(http.connections[0]._begun)
        clock.advance(3601)
        http.held.set()
        assert statuses(await wire.receive(OK)) == [200]
        await wire.send(LAST[10:])
        assert statuses(await wire.rest()) == [200]


async def test_a_connection_is_closed_when_its_latest_answer_is_long_ago(clock: Clock) -> None:
    async with server(HOUR) as http:
        wire = Wire(http.port)
        for _ in range(3):
            await wire.send(REQUEST)
            assert statuses(await wire.receive(OK)) == [200]
            clock.advance(4)
        assert len(http.connections) == 1
        clock.advance(2)
        assert await wire.rest() == b""


async def test_a_connection_whose_request_is_under_way_is_not_idle(clock: Clock) -> None:
    async with server(HOUR) as http:
        wire = Wire(http.port)
        await wire.send(REQUEST)
        assert statuses(await wire.receive(OK)) == [200]
        await wire.send(b"GET /held HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        await until(lambda: len(http.requests) == 2)
        clock.advance(60)
        for _ in range(10):
            await asyncio.sleep(0)
        http.held.set()
        assert statuses(await wire.rest()) == [200]
