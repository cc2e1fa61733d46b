"""HTTP/1.1 with limits on headers, bodies and connections: uvicorn and its parser have none.

Headers are counted before the parser gets them. A request beyond a limit is answered here: no application sees it, and
its connection is closed. `edge` counts what all connections hold together.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import structlog
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from app.web.access.client_address import client_address
from app.web.edge import Edge, only_others
from app.web.framing import Framing
from app.web.limits import Refusal, body_too_slow, headers_too_slow, too_many_waiting

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from uvicorn import Config
    from uvicorn.server import ServerState

    from app.networks import Networks
    from app.web.limits import Limits

log = structlog.get_logger(__name__)


class HttpProtocol(HttpToolsProtocol):
    """One connection. `rejected` is called with the reason of each refusal; `trusted` are proxies' networks."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
        *,
        limits: Limits,
        rejected: Callable[[str], None],
        trusted: Networks = (),
        edge: Edge | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._limits = limits
        self._edge = edge or Edge(limits, rejected=rejected)
        self._rejected = rejected
        self._trusted = trusted
        self._framing = Framing(limits)
        self._ended = False
        self.headers = []  # there are none before the first request
        self._last_answer: bytes | None = None
        self._deadline: asyncio.TimerHandle | None = None
        self._idle_since: float | None = None  # when the latest answer went out, None while a request is under way
        self.since = self.loop.time()  # when the connection began to wait for its latest request
        self.held = 0  # bytes of a body that has not come whole, which `edge` counts
        self._last_one = False  # its next answer is its last one

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in uvicorn
        """Take the connection where there is room, and give its first request a deadline."""
        super().connection_made(transport)
        refusal, beyond = self._edge.admit(self)
        if refusal is not None:
            self._stop_reading()
            self._close(refusal.as_bytes(self.server_state.default_headers))
            return
        if beyond:
            self._take_no_deliveries()
        self._set_deadline(self._limits.header_seconds)

    def _take_no_deliveries(self) -> None:
        self.app, self._last_one = only_others(self.app), True

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._edge.leave(self)
        self._unset_deadline()
        if self.timeout_keep_alive_task is not None:
            self.timeout_keep_alive_task.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse what has come, up to the first piece that exceeds a limit."""
        at = 0
        while at < len(data) and not self._ended and not self.transport.is_closing():
            piece = self._framing.piece(data, at)
            at += len(piece)
            if refusal := self._crowded() or self._framing.count(piece):
                self._refuse(refusal)
                return
            super().data_received(piece)
        if self._ended:
            return
        if not self._framing.in_headers:
            self._await_body(len(data))
        elif self._begun() and not self._is_answering():
            self._set_deadline(self._limits.header_seconds)

    def _await_body(self, received: int) -> None:
        """Go on with a request whose body has not come whole in this read; most do, and never come here."""
        self._set_deadline(self._limits.body_seconds)
        if self._is_answering():  # what follows an answer is thrown away
            self._edge.hold(self, received)

    def on_message_begin(self) -> None:
        """Begin a request. Only uvicorn's way needs a scope, which is made when a request takes it."""
        self.url = b""
        self.headers = []
        self.expect_100_continue = False

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header. Trailers are dropped: a request's headers are those that came before its body."""
        if self._framing.in_headers:
            self.headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        """Start the application, or queue the request behind the one before it."""
        self._unset_deadline()
        self._framing.begin_body(self.headers)
        if self._takes_it():
            return
        url, headers = self.url, self.headers
        super().on_message_begin()
        self.url = url
        for name, value in headers:
            super().on_header(name, value)
        super().on_headers_complete()
        if self._last_one or self._edge.draining:
            self.cycle.keep_alive = False
        if self.parser.should_upgrade():
            # The parser takes the body of such a request for the next request.
            self._stop_reading()
            self.cycle.keep_alive = False

    def _takes_it(self) -> bool:
        """Return whether a subclass receives the request whose headers have come, and no application does."""
        return False

    def on_chunk_header(self) -> None:
        """Begin a chunk, or the trailers."""
        self._framing.begin_chunk()

    def on_message_complete(self) -> None:
        """End a request."""
        self._end_body()
        super().on_message_complete()

    def _end_body(self) -> None:
        self._framing.end_request()
        if self._deadline is not None:
            self._unset_deadline()
            self._edge.release(self)

    def on_response_complete(self) -> None:
        """Answer the next request, or send the refusal that has waited for the answers before it."""
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        if self.held:
            self._edge.release(self)
        self.flow.resume_reading()
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())
        else:
            self._idle_since = self.since = self.loop.time()
            if self.timeout_keep_alive_task is None:
                self._close_when_idle(self.timeout_keep_alive)
        if self._last_answer is not None and not self._is_answering() and not self.transport.is_closing():
            self._close(self._last_answer)

    def timeout_keep_alive_handler(self) -> None:
        """Close a connection that has been idle for long enough.

        The timer is not set anew for each request, which would take as long as the rest of an answer's end.
        """
        self.timeout_keep_alive_task = None
        if self._idle_since is None or self.transport.is_closing():
            return
        left = self._idle_since + self.timeout_keep_alive - self.loop.time()
        if left > 0:
            self._close_when_idle(left)
        else:
            self.transport.close()

    def _close_when_idle(self, seconds: float) -> None:
        self.timeout_keep_alive_task = self.loop.call_later(seconds, self.timeout_keep_alive_handler)

    def _unset_keepalive_if_required(self) -> None:
        self._idle_since = None

    def _begun(self) -> bool:
        """Whether the headers of a request have begun to come and are not complete."""
        return self._framing.in_headers and self._framing.bytes > 0

    @property
    def awaits_client(self) -> bool:
        """Whether nothing is being done for the connection: its next request has not come whole."""
        if not self._is_answering():
            return True
        return not (self._framing.in_headers or self.pipeline or self.cycle.response_started)

    def give_way(self, refusal: Refusal) -> None:
        """Close a connection that waits for its client; answer the request that it has begun."""
        if self._begun() or not self._framing.in_headers:
            self._end(refusal)
        else:
            self.transport.close()

    def _crowded(self) -> Refusal | None:
        another = self._framing.is_between and len(self.pipeline) >= self._limits.waiting
        return too_many_waiting(self._limits) if another else None

    def _refuse(self, refusal: Refusal) -> None:
        """Read nothing more, and close: at once, or when the requests before this one have been answered."""
        self._rejected(refusal.reason)
        address = client_address(self.client, self.headers, self._trusted)
        log.warning("request.refused", status=refusal.status, reason=refusal.reason, address=address)
        self._end(refusal)

    def _end(self, refusal: Refusal) -> None:
        self._stop_reading()
        answer, in_headers = refusal.as_bytes(self.server_state.default_headers), self._framing.in_headers
        if not in_headers:
            # A body or trailers: the request's own application has been started, and may have answered.
            began = self.pipeline or self.cycle.response_started
            self._break_off(refusal)
            self._close(b"" if began else answer)
        elif self._is_answering():
            self._last_answer = answer
        else:
            self._close(answer)

    def _break_off(self, refusal: Refusal) -> None:
        """Give up a request whose body has not come whole. Its application learns that the connection is closed."""

    def send_400_response(self, msg: str) -> None:
        """Refuse what the parser does not take for HTTP, also after the answers to the requests before it."""
        self._refuse(Refusal(400, "malformed", msg))

    def _stop_reading(self) -> None:
        self._ended = True
        # uvicorn's flow control would resume reading for the requests that are still being answered.
        self.flow.resume_reading()
        self.transport.pause_reading()

    def _is_answering(self) -> bool:
        # uvicorn's type leaves out that there is none before the first request.
        return self.cycle is not None and not self.cycle.response_complete  # type: ignore[redundant-expr]

    def _close(self, last: bytes) -> None:
        self.transport.write(last)
        self.transport.close()

    def _set_deadline(self, seconds: float) -> None:
        if self._deadline is None:
            self._deadline = self.loop.call_later(seconds, self._on_deadline)

    def _unset_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _on_deadline(self) -> None:
        self._deadline = None
        if self.transport.is_closing():
            return
        if self._begun():
            self._refuse(headers_too_slow(self._limits))
        elif self._framing.in_headers:
            self.transport.close()
        elif self.pipeline or self.flow.read_paused:
            self._set_deadline(self._limits.body_seconds)  # it is not the client that makes it wait
        elif self._is_answering():
            self._refuse(body_too_slow(self._limits))
        else:
            self.transport.close()
