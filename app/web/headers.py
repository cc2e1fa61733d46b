"""The headers that every answer has (OWASP ASVS 14.4): a browser that shows one runs and keeps nothing of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.types import Message, Send

HEADERS = (
    (b"cache-control", b"no-store"),
    (b"content-security-policy", b"default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
)
LINES = b"".join(b"%b: %b\r\n" % header for header in HEADERS)  # made once: answers to deliveries are written by hand


def with_headers(send: Send) -> Send:
    """Return `send`, which adds the headers that an answer does not have itself."""

    async def adding(message: Message) -> None:
        if message["type"] == "http.response.start":
            own = {name.lower() for name, _ in message["headers"]}
            more = [header for header in HEADERS if header[0] not in own]
            message = {**message, "headers": [*message["headers"], *more]}
        await send(message)

    return adding
