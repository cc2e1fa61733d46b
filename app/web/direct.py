"""Deliveries on the short way: from the parser to `Webhooks`, and the answer in one write, without ASGI.

Plain deliveries take it; any other request takes uvicorn's way through the application, which comes to the same
`Webhooks`. The short way costs a third as much.
"""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING

from uvicorn.protocols.http.httptools_impl import HEADER_RE, HEADER_VALUE_RE, STATUS_LINE

if TYPE_CHECKING:
    from collections.abc import Iterable

    from app.model import Response
    from app.web.webhooks import Request

# Printable ASCII without `%` and `#`, so that the path needs no decoding.
PLAIN_URL = re.compile(rb"/webhooks/[!-\"$&-~]*")
# These change how a request is read, or what its URL is: uvicorn knows how.
SPECIAL = frozenset({"expect", "transfer-encoding", "upgrade", "x-forwarded-proto"})


class DirectCycle:
    """One delivery and how far it is, in place of uvicorn's own cycle: its protocol reads and sets these names."""

    __slots__ = ("disconnected", "keep_alive", "pieces", "request", "response_complete", "response_started")
    message_event = asyncio.Event()  # uvicorn sets it when a connection is lost; nothing waits for it here

    def __init__(self, request: Request, *, keep_alive: bool) -> None:
        self.request = request
        self.keep_alive = keep_alive
        self.pieces: list[bytes] = []
        self.disconnected = self.response_started = self.response_complete = False

    def written(self, response: Response, default_headers: Iterable[tuple[bytes, bytes]]) -> bytes:
        """Return the bytes of a response. Raises ValueError for a header that HTTP cannot carry."""
        parts = [STATUS_LINE[response.status], *[b"%b: %b\r\n" % header for header in default_headers]]
        parts.append(b"content-type: %b\r\n" % response.content_type.encode("latin-1"))
        parts.append(b"content-length: %d\r\n" % len(response.body))
        parts += [_line(name, value) for name, value in response.headers.items()]
        parts.append(b"\r\n" if self.keep_alive else b"connection: close\r\n\r\n")
        if self.request.method != "HEAD":
            parts.append(response.body)
        return b"".join(parts)


def _line(name: str, value: str) -> bytes:
    raw_name, raw_value = name.lower().encode("latin-1"), value.encode("latin-1")
    if HEADER_RE.search(raw_name) or HEADER_VALUE_RE.search(raw_value):
        raise ValueError("a response has a header that HTTP cannot carry")
    return b"%b: %b\r\n" % (raw_name, raw_value)
