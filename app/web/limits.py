"""What HTTP connections may ask for, one and all together, and how they are answered beyond that."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from http import HTTPStatus
from typing import TYPE_CHECKING

from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from app.clock import in_words
from app.web.headers import HEADERS
from app.web.problems import document

if TYPE_CHECKING:
    from collections.abc import Iterable

RETRY_SECONDS = 5


@dataclass(frozen=True, slots=True)
class Limits:
    """What one connection may ask for, and the connections of one listener together.

    `header_bytes` include the request line, `header_lines` do not. `header_seconds` run from the connection's start, or
    from the first byte of a later request, `body_seconds` from the first read that does not hold all of a request.
    `waiting` is how many requests may wait behind the one being answered.

    Of all `connections`, those that wait for their client give way to new ones; where none does, `reserve` more are
    taken, for everything but deliveries. `body_bytes` is what bodies that have not come whole may take together.
    """

    header_bytes: int = 32 * 1024
    header_lines: int = 100
    header_seconds: float = 10.0
    waiting: int = 16
    body_seconds: float = 30.0
    connections: int = 1000
    reserve: int = 20
    body_bytes: int = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Refusal:
    """An answer in place of an application's. `reason` is its name in logs and metrics, `detail` a sentence."""

    status: int
    reason: str
    detail: str
    retry_after: int | None = None

    def as_bytes(self, default_headers: Iterable[tuple[bytes, bytes]]) -> bytes:
        """Return the response: a problem document, after which the connection is closed."""
        return _written(self, tuple(default_headers))


@lru_cache(maxsize=32)  # the default headers change once a second, and a flood is refused in the same words
def _written(refusal: Refusal, default_headers: tuple[tuple[bytes, bytes], ...]) -> bytes:
    kind = HTTPStatus(refusal.status).phrase.lower().replace(" ", "-")
    response = document(refusal.status, kind, refusal.detail)
    headers = [*default_headers, *HEADERS, *response.raw_headers, (b"connection", b"close")]
    if refusal.retry_after is not None:
        headers.append((b"retry-after", b"%d" % refusal.retry_after))
    lines = b"".join(b"%b: %b\r\n" % header for header in headers)
    return b"%b%b\r\n%b" % (STATUS_LINE[refusal.status], lines, bytes(response.body))


def headers_beyond(limits: Limits, reason: str) -> Refusal:
    """Refuse headers of too many bytes or lines; `reason` says which."""
    detail = f"A request's headers may have {limits.header_bytes} bytes and {limits.header_lines} lines."
    return Refusal(431, reason, detail)


def headers_too_slow(limits: Limits) -> Refusal:
    """Refuse headers that are not complete in time."""
    detail = f"A request's headers must be complete within {in_words(limits.header_seconds)}."
    return Refusal(408, "headers_too_slow", detail)


def too_many_waiting(limits: Limits) -> Refusal:
    """Refuse a request that is sent before enough of those before it have been answered."""
    return Refusal(429, "too_many_waiting", f"A connection may have {limits.waiting} requests waiting.")


def body_too_slow(limits: Limits) -> Refusal:
    """Refuse a body that is not complete in time."""
    return Refusal(408, "body_too_slow", f"A request's body must be complete within {in_words(limits.body_seconds)}.")


def too_many_connections() -> Refusal:
    """Refuse a connection that there is no room for, or the request that it has begun."""
    return Refusal(503, "too_many_connections", "There are too many connections; please try again.", RETRY_SECONDS)


def too_many_bodies() -> Refusal:
    """Refuse the body that takes the most of what may be in hand."""
    return Refusal(503, "too_many_bodies", "Too many bodies are being received; please try again.", RETRY_SECONDS)
