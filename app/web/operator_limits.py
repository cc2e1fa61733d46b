"""The size of a request's body, checked before and while it is read. Deliveries have limits of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException

from app.web.problems import Problem

if TYPE_CHECKING:
    from starlette.types import Message, Receive, Scope

MAXIMUM_BODY = 64 * 1024
TOO_LARGE = f"A request's body may have {MAXIMUM_BODY} bytes."


def too_large(scope: Scope) -> Problem | None:
    """Return why a request is refused whose announced body is too large, None where it is not."""
    length = Headers(scope=scope).get("content-length", "0")
    digits = length if length.isascii() and length.isdigit() else "0"
    too_long = len(digits.lstrip("0")) > len(str(MAXIMUM_BODY)) or int(digits[-9:]) > MAXIMUM_BODY
    return Problem(413, "content-too-large", TOO_LARGE) if too_long else None


def capped(receive: Receive) -> Receive:
    """Return `receive` with a limit on the body: a chunked request need not announce its length."""
    received = 0

    async def limited() -> Message:
        nonlocal received
        message = await receive()
        received += len(message.get("body", b""))
        if received > MAXIMUM_BODY:
            raise HTTPException(413, TOO_LARGE)
        return message

    return limited
