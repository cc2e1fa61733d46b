"""RECEIVE: `/webhooks/{source}`: bytes in; the intake's reply, or the status of an error, out.

The path after the source's name belongs to its provider: it is a secret where a provider can send none elsewhere.

A bare ASGI application, since every delivery passes it. `openapi` describes its route.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog

from app.clock import utc_now
from app.errors import Busy, DeliveryRejected, NotAllowed, TooLarge, UnknownSource
from app.model import Delivery, Response
from app.sources.encodings import ACCEPTED

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import Receive, Scope, Send

    from app.intake.receive import Intake
    from app.observability.metrics import Metrics
    from app.observability.unknown_paths import UnknownPaths

log = structlog.get_logger(__name__)

ROOM = "webhooks"
LONGEST_LENGTH = 20  # digits: more is no length, and Python refuses to parse thousands of digits


@dataclass(frozen=True, slots=True)
class Webhooks:
    """Everything below `/webhooks/`.

    `maximum_body` is in bytes. `public_url` is the URL that senders call behind a proxy, without a slash at its end,
    and empty where there is none: some signatures cover it.
    """

    intake: Intake
    maximum_body: int
    public_url: str
    new_id: Callable[[str], str]
    metrics: Metrics
    unknown_paths: UnknownPaths

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        started = time.perf_counter()
        reply = await self._receive(scope, receive)
        self.metrics.ack(time.perf_counter() - started)
        headers = {"content-type": reply.content_type, "content-length": str(len(reply.body)), **reply.headers}
        raw = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": reply.status, "headers": raw})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else reply.body})

    async def _receive(self, scope: Scope, receive: Receive) -> Response:
        source, delivery_id = source_of(scope["path"]) or "", self.new_id("dlv")
        headers = _headers(scope)
        try:
            body = await _capped_body(headers, receive, self.maximum_body)
            url = self._called_url(scope, headers)
            delivery = Delivery(delivery_id, source, utc_now(), scope["method"], url, headers, body)
            return await self.intake.receive(delivery)
        except UnknownSource as answer:
            self.unknown_paths.note(scope["method"], scope["path"])
            return self._rejected(answer, delivery_id, source)
        except DeliveryRejected as answer:
            return self._rejected(answer, delivery_id, source)
        except Exception:
            # A defect of ours must not make the sender give its event up: the answer asks for another try.
            log.exception("delivery.defect", delivery_id=delivery_id)
            return self._rejected(Busy("defect"), delivery_id, source)

    def _called_url(self, scope: Scope, headers: dict[str, str]) -> str:
        """Return the URL as the sender called it, escapes untouched."""
        path: bytes = scope.get("raw_path") or scope["path"].encode()
        query: bytes = scope["query_string"]
        base = self.public_url or f"{scope['scheme']}://{headers.get('host', '')}"
        return base + path.decode("latin-1") + (f"?{query.decode('latin-1')}" if query else "")

    def _rejected(self, answer: DeliveryRejected, delivery_id: str, source: str) -> Response:
        """Answer a rejected delivery. The reason goes to the log; the sender learns the status only."""
        known = self.intake.knows(source)  # any other name must neither become a label nor fill the log
        self.metrics.rejected(source if known else None, answer.reason)
        log.warning(
            "delivery.refused",
            delivery_id=delivery_id,
            source=source if known else None,
            status=answer.status,
            reason=answer.reason,
            detail=str(answer),
        )
        usual = b'{"received":false,"id":"%s"}' % delivery_id.encode()
        return Response(answer.status, usual if answer.body is None else answer.body, headers=_advice(answer))


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


def _headers(scope: Scope) -> dict[str, str]:
    """Return the headers by lower-case name; a repeated one is joined, as HTTP allows."""
    headers: dict[str, list[str]] = {}
    for name, value in scope["headers"]:
        headers.setdefault(name.decode("latin-1"), []).append(value.decode("latin-1"))
    return {name: ", ".join(values) for name, values in headers.items()}


async def _capped_body(headers: dict[str, str], receive: Receive, maximum: int) -> bytes:
    """Read the body, and stop reading as soon as it exceeds `maximum` bytes. Raises TooLarge and Busy."""
    declared = headers.get("content-length", "")
    if declared.isdecimal() and (len(declared) > LONGEST_LENGTH or int(declared) > maximum):
        raise TooLarge("too_large", f"the body exceeds {maximum} bytes")
    body, more = bytearray(), True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Busy("client_gone", "the sender closed the connection before its body was complete")
        body += message.get("body", b"")
        more = message.get("more_body", False)
        if len(body) > maximum:
            raise TooLarge("too_large", f"the body exceeds {maximum} bytes")
    return bytes(body)
