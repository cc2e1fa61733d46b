"""What one HTTP connection may ask for, and how it is answered beyond that."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING

from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from app.clock import in_words
from app.web.headers import HEADERS
from app.web.problems import document

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True, slots=True)
class Limits:
    """What one connection may ask for.

    `header_bytes` include the request line, `header_lines` do not. `header_seconds` run from the connection's start, or
    from the first byte of a later request. `waiting` is how many requests may wait behind the one being answered.
    """

    header_bytes: int = 32 * 1024
    header_lines: int = 100
    header_seconds: float = 10.0
    waiting: int = 16


@dataclass(frozen=True, slots=True)
class Refusal:
    """An answer in place of an application's. `reason` is its name in logs and metrics, `detail` a sentence."""

    status: int
    reason: str
    detail: str

    def as_bytes(self, default_headers: Iterable[tuple[bytes, bytes]]) -> bytes:
        """Return the response: a problem document, after which the connection is closed."""
        kind = HTTPStatus(self.status).phrase.lower().replace(" ", "-")
        response = document(self.status, kind, self.detail)
        headers = [*default_headers, *HEADERS, *response.raw_headers, (b"connection", b"close")]
        lines = b"".join(b"%b: %b\r\n" % header for header in headers)
        return b"%b%b\r\n%b" % (STATUS_LINE[self.status], lines, bytes(response.body))


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
