"""RECEIVE: `POST /webhooks/{source}`, thin: bytes in, the intake's reply or the error tree's status out."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import structlog
from fastapi import APIRouter, Request, Response
from starlette.requests import ClientDisconnect

from app.clock import utc_now
from app.errors import Answer, Busy, TooLarge, UnsupportedMedia
from app.model import Delivery

if TYPE_CHECKING:
    from collections.abc import Callable

    from app.intake import Intake
    from app.metrics import Metrics

log = structlog.get_logger(__name__)

ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "Kept (or seen before, or no rule listens): do not send it again",
        "content": {
            "application/json": {"example": {"received": True, "id": "dlv_01k9zq2x8v5c3m7d1f0g4h6j8k"}},
        },
    },
    400: {"description": "The body cannot be read as what this provider sends"},
    401: {"description": "The signature is missing, wrong or stale"},
    404: {"description": "No such source"},
    413: {"description": "The body exceeds SEGUE_MAX_BODY_BYTES"},
    415: {"description": "This provider never sends this content type or encoding"},
    503: {"description": "It could not be kept now: send it again after Retry-After seconds"},
}


def router(
    intake: Intake,
    *,
    maximum_body: int,
    public_url: str | None,
    new_id: Callable[[str], str],
    metrics: Metrics,
) -> APIRouter:
    """Return the public way in. `maximum_body` is in bytes; `public_url` is what senders call, behind a proxy."""
    routes = APIRouter(tags=["webhooks"])

    @routes.post(
        "/webhooks/{source}",
        response_class=Response,
        responses=ANSWERS,
        summary="Receive one delivery from a source",
        openapi_extra={"requestBody": {"content": {"*/*": {"schema": {}}}}},
    )
    async def receive(source: str, request: Request) -> Response:
        started = time.perf_counter()
        delivery_id = new_id("dlv")
        try:
            body = await _capped_body(request, maximum_body)
            delivery = _delivery(delivery_id, source, request, body, public_url)
            reply = await intake.receive(delivery)
        except Answer as answer:
            return _turned_away(answer, delivery_id, source, metrics)
        finally:
            metrics.ack(time.perf_counter() - started)
        return Response(reply.body, reply.status, dict(reply.headers), media_type=reply.content_type)

    return routes


async def _capped_body(request: Request, maximum: int) -> bytes:
    """Read the body, and stop reading as soon as it exceeds `maximum` bytes. Raises TooLarge and UnsupportedMedia."""
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise UnsupportedMedia("content_encoding", "signatures cover plain bodies: send it without content encoding")
    declared = request.headers.get("content-length", "")
    if declared.isdigit() and int(declared) > maximum:
        raise TooLarge("too_large", f"the body exceeds {maximum} bytes")
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > maximum:
                raise TooLarge("too_large", f"the body exceeds {maximum} bytes")
    except ClientDisconnect:
        raise Busy("client_gone", "the sender closed the connection before its body was complete") from None
    return bytes(body)


def _delivery(delivery_id: str, source: str, request: Request, body: bytes, public_url: str | None) -> Delivery:
    headers: dict[str, str] = {}
    for raw_name, raw_value in request.scope["headers"]:
        name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return Delivery(delivery_id, source, utc_now(), request.method, _called_url(request, public_url), headers, body)


def _called_url(request: Request, public_url: str | None) -> str:
    """Return the URL as the sender called it, escapes untouched: some signatures cover it."""
    scope = request.scope
    path: bytes = scope.get("raw_path") or scope["path"].encode()
    query: bytes = scope.get("query_string", b"")
    base = public_url.rstrip("/") if public_url else f"{scope['scheme']}://{request.headers.get('host', '')}"
    return base + path.decode("latin-1") + (f"?{query.decode('latin-1')}" if query else "")


def _turned_away(answer: Answer, delivery_id: str, source: str, metrics: Metrics) -> Response:
    """Answer a delivery that is not taken. The reason goes to the operator's log; a forger learns the status only."""
    known = answer.status != 404  # noqa: PLR2004  # an unknown source's name must not become a label
    metrics.rejected(source if known else None, answer.reason)
    log.warning(
        "delivery.refused", delivery_id=delivery_id, source=source[:100], status=answer.status, reason=answer.reason
    )
    headers = {"Retry-After": str(answer.retry_after)} if isinstance(answer, Busy) else {}
    body = b'{"received":false,"id":"%s"}' % delivery_id.encode()
    return Response(body, answer.status, headers, media_type="application/json")
