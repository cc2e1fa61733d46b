"""A request for a delivery: its headers, and its body read up to a maximum."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from app.errors import Busy, TooLarge

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from starlette.types import Receive

    from app.model import Response

LONGEST_LENGTH = 20  # digits: more is no length, and Python refuses to parse thousands of digits


class Request(NamedTuple):
    """A request for a delivery, without its body.

    `url` is the one that the sender called; `started` is a clock's. `peer` begins with the address at the other end of
    the connection, None where that is unknown.
    """

    id: str
    method: str
    path: str
    url: str
    headers: dict[str, str]
    started: float
    peer: Sequence[object] | None = None


def headers_of(raw: Sequence[tuple[bytes, bytes]]) -> dict[str, str]:
    """Return the headers by lower-case name; a repeated one is joined, as HTTP allows."""
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in raw}
    return headers if len(headers) == len(raw) else _joined(raw)


def _joined(raw: Sequence[tuple[bytes, bytes]]) -> dict[str, str]:
    headers: dict[str, list[str]] = {}
    for name, value in raw:
        headers.setdefault(name.decode("latin-1"), []).append(value.decode("latin-1"))
    return {name: ", ".join(values) for name, values in headers.items()}


def client_gone() -> Busy:
    """Return why a delivery is refused whose body ends early."""
    return Busy("client_gone", "the sender closed the connection before its body was complete")


async def capped_body(
    headers: dict[str, str], receive: Receive, maximum: int, early: Callable[[bytes], Response | None]
) -> bytes | Response:
    """Read the body, and stop reading as soon as it exceeds `maximum` bytes. Raises TooLarge and Busy.

    Where its first piece is not all of it, `early` gets that piece and may return an answer already.
    """
    declared = headers.get("content-length", "")
    if declared.isdecimal() and (len(declared) > LONGEST_LENGTH or int(declared) > maximum):
        raise TooLarge("too_large", f"the body exceeds {maximum} bytes")
    body, more, first = bytearray(), True, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise client_gone()
        body += message.get("body", b"")
        more = message.get("more_body", False)
        if len(body) > maximum:
            raise TooLarge("too_large", f"the body exceeds {maximum} bytes")
        if first and more and (answer := early(bytes(body))):
            return answer
        first = False
    return bytes(body)
