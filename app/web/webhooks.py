"""RECEIVE: `/webhooks/{source}`: bytes in; the intake's reply, or the status of an error, out.

The path after the source's name belongs to its provider: it is a secret where a provider can send none elsewhere.

A bare ASGI application for a delivery of any form; plain ones come from `direct`. `openapi` describes its route.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import structlog

from app.clock import utc_now
from app.errors import BrokenOff, Busy, DeliveryRejected, NotAllowed, UnknownSource
from app.model import Delivery, Response
from app.sources.encodings import ACCEPTED
from app.web.access.client_address import FORWARDED_FOR, client_address, client_scheme
from app.web.headers import HEADERS
from app.web.requests import Request, capped_body, client_gone, headers_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Sequence

    from starlette.types import Receive, Scope, Send

    from app.intake.receive import Intake, Pending
    from app.networks import Networks
    from app.observability.metrics import Metrics
    from app.observability.unknown_paths import UnknownPaths
    from app.web.limits import Refusal

log = structlog.get_logger(__name__)

ROOM = "webhooks"
PLAIN = "text/plain; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Webhooks:
    """Everything below `/webhooks/`.

    `maximum_body` is in bytes. `public_url` is the URL that senders call behind a proxy, without a slash at its end,
    and empty where there is none: some signatures cover it. `trusted` are the networks of proxies before it.
    """

    intake: Intake
    maximum_body: int
    public_url: str
    new_id: Callable[[str], str]
    metrics: Metrics
    unknown_paths: UnknownPaths
    trusted: Networks = ()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request = self._request(scope)
        try:
            body = await capped_body(request.headers, receive, self.maximum_body, partial(self.early, request))
        except DeliveryRejected as refusal:
            reply = self._answered(request, self._refused(request, refusal))
        else:
            reply = body if isinstance(body, Response) else await self._answer(request, body)
        headers = {"content-type": reply.content_type, "content-length": str(len(reply.body)), **reply.headers}
        raw = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": reply.status, "headers": [*HEADERS, *raw]})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else reply.body})

    async def _answer(self, request: Request, body: bytes) -> Response:
        answer = self.begin(request, body)
        if isinstance(answer, Response):
            return answer
        await asyncio.wait([answer.accepted])
        finished = self.finish(request, answer)
        return finished if isinstance(finished, Response) else await finished

    def early(self, request: Request, beginning: bytes) -> Response | None:
        """Return the refusal of a request whose body has not come whole, where its headers alone show it, else None.

        `beginning` is as much of its body as has come.
        """
        try:
            self.intake.begin_to_read(_delivery(request, beginning))
        except Exception as error:  # noqa: BLE001  # it is answered and logged
            return self._answered(request, self._refused(request, error))
        return None

    def broken_off(self, request: Request, refusal: Refusal) -> None:
        """Note a request that is refused before its body is complete."""
        self._refused(request, BrokenOff(refusal.status, refusal.reason, refusal.detail))

    def begin(self, request: Request, body: bytes) -> Response | Pending:
        """Return the answer to a request that has come whole, or the commit that its answer waits for."""
        try:
            answer = self.intake.begin(_delivery(request, body))
        except Exception as error:  # noqa: BLE001  # it is answered and logged
            return self._answered(request, self._refused(request, error))
        return self._answered(request, answer) if isinstance(answer, Response) else answer

    def finish(self, request: Request, pending: Pending) -> Response | Coroutine[Any, Any, Response]:
        """Return the answer after the commit; where more has to be done first, what returns the answer after that."""
        try:
            answer = self.intake.finish(pending)
        except Exception as error:  # noqa: BLE001  # it is answered and logged
            return self._answered(request, self._refused(request, error))
        return self._answered(request, answer) if isinstance(answer, Response) else self._awaited(request, answer)

    def gone(self, request: Request) -> None:
        """Note a request whose sender closed the connection before its body was complete."""
        self._refused(request, client_gone())

    async def _awaited(self, request: Request, answer: Awaitable[Response]) -> Response:
        try:
            reply = await answer
        except Exception as error:  # noqa: BLE001  # it is answered and logged
            reply = self._refused(request, error)
        return self._answered(request, reply)

    def _answered(self, request: Request, reply: Response) -> Response:
        self.metrics.ack(time.perf_counter() - request.started)
        return reply

    def _refused(self, request: Request, error: Exception) -> Response:
        if isinstance(error, UnknownSource):
            self.unknown_paths.note(request.method, request.path)
            if request.method in {"GET", "HEAD"}:
                return self._as_of_any_source(request, error)
        elif not isinstance(error, DeliveryRejected):
            # A defect of ours must not make the sender give its event up: the answer asks for another try.
            log.error("delivery.defect", delivery_id=request.id, exc_info=error)
            error = Busy("defect")
        return self._rejected(error, request)

    def _as_of_any_source(self, request: Request, error: UnknownSource) -> Response:
        """Answer as most sources do: who asks by GET must not learn which names there are."""
        if not request.url.partition("?")[2]:
            self._note_refusal(error, request, 200)
            return Response(content_type=PLAIN)
        return self._rejected(NotAllowed("POST"), request)

    def _request(self, scope: Scope) -> Request:
        path: bytes = scope.get("raw_path") or scope["path"].encode()
        query: bytes = scope["query_string"]
        called = path.decode("latin-1") + (f"?{query.decode('latin-1')}" if query else "")
        peer, raw = scope.get("client"), scope["headers"]
        scheme = client_scheme(peer, raw, self.trusted, scope["scheme"])
        return self.request(scope["method"], scope["path"], called, headers_of(raw), scheme, peer)

    def request(
        self,
        method: str,
        path: str,
        called: str,
        headers: dict[str, str],
        scheme: str,
        peer: Sequence[object] | None,
    ) -> Request:
        """Return a request whose body is still to come; `called` is its path and query, escapes untouched."""
        base = self.public_url or f"{scheme}://{headers.get('host', '')}"
        return Request(self.new_id("dlv"), method, path, base + called, headers, time.perf_counter(), peer)

    def _rejected(self, answer: DeliveryRejected, request: Request) -> Response:
        """Answer a rejected delivery. The reason goes to the log; the sender learns the status only."""
        self._note_refusal(answer, request, answer.status)
        usual = b'{"received":false,"id":"%s"}' % request.id.encode()
        return Response(answer.status, usual if answer.body is None else answer.body, headers=_advice(answer))

    def _note_refusal(self, answer: DeliveryRejected, request: Request, status: int) -> None:
        name = source_of(request.path) or ""
        source = name if self.intake.knows(name) else None  # other names must neither become labels nor fill the log
        self.metrics.rejected(source, answer.reason)
        forwarded = request.headers.get("x-forwarded-for", "").encode("latin-1")
        log.warning(
            "delivery.refused",
            delivery_id=request.id,
            source=source,
            status=status,
            reason=answer.reason,
            detail=str(answer),
            address=client_address(request.peer, [(FORWARDED_FOR, forwarded)], self.trusted),
        )


def _delivery(request: Request, body: bytes) -> Delivery:
    source = source_of(request.path) or ""
    return Delivery(request.id, source, utc_now(), request.method, request.url, request.headers, body)


def source_of(path: str) -> str | None:
    """Return the name of the source that a path asks for, None where the path is not of a delivery.

    Slashes too many before the name count as one: `//webhooks/x` and `/webhooks//x` are what a base URL with a slash at
    its end makes of a path.
    """
    room, slash, rest = path.lstrip("/").partition("/")
    return rest.lstrip("/").partition("/")[0] if slash and room == ROOM else None


def _advice(answer: DeliveryRejected) -> dict[str, str]:
    """Return the header that says what the sender may do instead."""
    if isinstance(answer, Busy):
        return {"retry-after": str(answer.retry_after)}
    if isinstance(answer, NotAllowed):
        return {"allow": answer.allow}
    return {"accept-encoding": ACCEPTED} if answer.reason == "content_encoding" else {}
