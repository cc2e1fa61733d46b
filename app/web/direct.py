"""Deliveries on the short way: from their bytes to `Webhooks`, and the answer in one write, without ASGI.

Plain deliveries take it; any other request takes uvicorn's way through the application, which comes to the same
`Webhooks`. The short way costs a third as much.
"""

from __future__ import annotations

import asyncio
import re
from functools import partial
from typing import TYPE_CHECKING, Any

import structlog
from uvicorn.protocols.http.httptools_impl import HEADER_RE, HEADER_VALUE_RE, STATUS_LINE

from app.model import Response
from app.web.headers import LINES
from app.web.http_protocol import HttpProtocol
from app.web.plain_posts import plain_post
from app.web.requests import headers_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Iterable, Mapping

    from app.intake.receive import Pending
    from app.web.limits import Refusal
    from app.web.requests import Request
    from app.web.webhooks import Webhooks

log = structlog.get_logger(__name__)

# Printable ASCII without `%` and `#`, so that the path needs no decoding.
PLAIN_URL = re.compile(rb"/webhooks/[!-\"$&-~]*")
# These change how a request is read: uvicorn knows how. FORWARDED changes a URL that the settings do not name.
SPECIAL = frozenset({"expect", "transfer-encoding", "upgrade"})
FORWARDED = "x-forwarded-proto"
# So much of a body is read after its refusal, so that the sender reads the answer and keeps its connection, in bytes.
THROWN_AWAY = 64 * 1024
LARGE = 64 * 1024  # bytes of a body whose reading others need not wait for


class _Usual:
    """The lines that every answer begins with, made once for each second: uvicorn's list is new with each new date."""

    def __init__(self) -> None:
        self._of: object = None
        self._lines = b""

    def lines(self, default_headers: Iterable[tuple[bytes, bytes]]) -> bytes:
        """Return the lines for the present list of uvicorn."""
        if self._of is not default_headers:
            self._of = default_headers
            self._lines = b"".join([b"%b: %b\r\n" % header for header in default_headers]) + LINES
        return self._lines


_usual = _Usual()


class DirectCycle:
    """One delivery and how far it is, in place of uvicorn's own cycle: its protocol reads and sets these names."""

    __slots__ = ("checked", "disconnected", "keep_alive", "pieces", "request", "response_complete", "response_started")
    message_event = asyncio.Event()  # uvicorn sets it when a connection is lost; nothing waits for it here

    def __init__(self, request: Request, *, keep_alive: bool) -> None:
        self.request = request
        self.keep_alive = keep_alive
        self.pieces: list[bytes] = []
        self.checked = self.disconnected = self.response_started = self.response_complete = False

    def written(self, response: Response, default_headers: Iterable[tuple[bytes, bytes]]) -> bytes:
        """Return the bytes of a response. Raises ValueError for a header that HTTP cannot carry."""
        own = b"".join([_line(*header) for header in response.headers.items()]) if response.headers else b""
        return b"%b%bcontent-type: %b\r\ncontent-length: %d\r\n%b%b\r\n%b" % (
            STATUS_LINE[response.status],
            _usual.lines(default_headers),
            response.content_type.encode("latin-1"),
            len(response.body),
            own,
            b"" if self.keep_alive else b"connection: close\r\n",
            b"" if self.request.method == "HEAD" else response.body,
        )


class DeliveryProtocol(HttpProtocol):
    """One connection to an application that may receive deliveries."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        # What receives deliveries, where the application has it; and the delivery whose body is being read.
        self._deliveries: Webhooks | None = getattr(self.config.app, "deliveries", None)
        self._delivery: DirectCycle | None = None

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection, and note a delivery that has not come whole."""
        if self._delivery is not None and self._deliveries is not None:
            self._deliveries.gone(self._delivery.request)
            self._delivery = None
        super().connection_lost(exc)

    def _takes_it(self) -> bool:
        self._delivery = self._begun_delivery()
        if self._delivery is not None:
            self.cycle = self._delivery  # type: ignore[assignment]  # it has what uvicorn's protocol uses
        return self._delivery is not None

    def data_received(self, data: bytes) -> None:
        """Begin the plain delivery that came whole, as most do, without the parser; it reads whatever else comes."""
        deliveries = self._deliveries
        if deliveries is not None and self._is_free() and self._framing.is_between:
            post = plain_post(data, self._limits)
            if post is not None and self._is_for(deliveries, post.headers, len(post.body)):
                self._unset_deadline()
                self._unset_keepalive_if_required()
                request = self._request(deliveries, "POST", post.url, post.headers)
                cycle = DirectCycle(request, keep_alive=not self._edge.draining)
                self.cycle = cycle  # type: ignore[assignment]  # as above
                self._begin_in_turn(deliveries, cycle, post.body)
                return
        super().data_received(data)

    def _begun_delivery(self) -> DirectCycle | None:
        """Return the delivery that begins with these headers, None where the request must take uvicorn's way."""
        deliveries = self._deliveries
        if deliveries is None or not PLAIN_URL.fullmatch(self.url) or not self._is_free():
            return None
        if self.parser.should_upgrade():  # CONNECT needs no header for it
            return None
        headers = headers_of(self.headers)
        if not SPECIAL.isdisjoint(headers) or not self._is_for(deliveries, headers, self._framing.body_left):
            return None
        request = self._request(deliveries, self.parser.get_method().decode(), self.url.decode(), headers)
        keep_alive = self.parser.get_http_version() != "1.0" and self.parser.should_keep_alive()
        return DirectCycle(request, keep_alive=keep_alive and not self._edge.draining)

    def _take_no_deliveries(self) -> None:
        super()._take_no_deliveries()
        self._deliveries = None

    def _await_body(self, received: int) -> None:
        """Go on with a body that has not come whole, unless the headers alone show that the delivery is refused."""
        cycle, deliveries = self._delivery, self._deliveries
        if cycle is not None and deliveries is not None and not cycle.checked:
            cycle.checked = True
            if answer := deliveries.early(cycle.request, b"".join(cycle.pieces)):
                self._delivery, cycle.pieces = None, []
                cycle.keep_alive &= self._framing.body_left <= THROWN_AWAY
                self._answer(cycle, answer)
        super()._await_body(received)

    def _break_off(self, refusal: Refusal) -> None:
        cycle, self._delivery = self._delivery, None
        if cycle is not None and self._deliveries is not None:
            self._deliveries.broken_off(cycle.request, refusal)
            cycle.response_started = cycle.response_complete = True

    def _is_free(self) -> bool:
        """Whether nothing is answered, and the client reads its answers: uvicorn waits for one that does not."""
        return not (self._is_answering() or self.flow.write_paused or self._ended or self.transport.is_closing())

    @staticmethod
    def _is_for(deliveries: Webhooks, headers: Mapping[str, str], length: int) -> bool:
        """Whether the short way knows the URL that was called, and takes a body of this length."""
        return length <= deliveries.maximum_body and (FORWARDED not in headers or bool(deliveries.public_url))

    def _request(self, deliveries: Webhooks, method: str, url: str, headers: dict[str, str]) -> Request:
        path, _, query = url.partition("?")
        called = f"{path}?{query}" if query else path
        return deliveries.request(method, path, called, headers, self.scheme or "http", self.client)

    def _on_commit(self, deliveries: Webhooks, cycle: DirectCycle, pending: Pending, _: object) -> None:
        """Answer a delivery. Only what has more to wait for takes a task, which costs as much as the answer."""
        answer = deliveries.finish(cycle.request, pending)
        if isinstance(answer, Response) and not self.flow.write_paused:
            self._answer(cycle, answer)
            return
        task = self.loop.create_task(self._answer_later(cycle, answer))
        task.add_done_callback(self.tasks.discard)
        self.tasks.add(task)

    async def _answer_later(self, cycle: DirectCycle, answer: Response | Awaitable[Response]) -> None:
        response = answer if isinstance(answer, Response) else await answer
        if self.flow.write_paused and not cycle.disconnected:
            await self.flow.drain()
        self._answer(cycle, response)

    def _answer(self, cycle: DirectCycle, response: Response) -> None:
        if cycle.disconnected:
            return
        cycle.response_started = cycle.response_complete = True
        try:
            self.transport.write(cycle.written(response, self.server_state.default_headers))
        except ValueError:
            log.exception("delivery.defect", delivery_id=cycle.request.id)
            cycle.keep_alive = False
        if not cycle.keep_alive:
            self.transport.close()
        self.on_response_complete()

    def on_body(self, body: bytes) -> None:
        """Keep a piece of a body."""
        if self._delivery is not None:
            self._delivery.pieces.append(body)
        else:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """End a request."""
        if self._delivery is None or self._deliveries is None:
            super().on_message_complete()
            return
        self._end_body()
        cycle, self._delivery = self._delivery, None
        body, cycle.pieces = b"".join(cycle.pieces), []
        self._begin_in_turn(self._deliveries, cycle, body)

    def _begin_in_turn(self, deliveries: Webhooks, cycle: DirectCycle, body: bytes) -> None:
        """Receive a delivery that has come whole; of large ones, which take long to read, one at a time."""
        if len(body) > LARGE:
            self._edge.later(len(body), partial(self._begin, deliveries, cycle, body))
        else:
            self._begin(deliveries, cycle, body)

    def _begin(self, deliveries: Webhooks, cycle: DirectCycle, body: bytes) -> None:
        """Receive a delivery that has come whole. One that needs no commit is answered at once."""
        answer = deliveries.begin(cycle.request, body)
        if isinstance(answer, Response):
            self._answer(cycle, answer)
        else:
            answer.accepted.add_done_callback(partial(self._on_commit, deliveries, cycle, answer))


def _line(name: str, value: str) -> bytes:
    raw_name, raw_value = name.lower().encode("latin-1"), value.encode("latin-1")
    if HEADER_RE.search(raw_name) or HEADER_VALUE_RE.search(raw_value):
        raise ValueError("a response has a header that HTTP cannot carry")
    return b"%b: %b\r\n" % (raw_name, raw_value)
