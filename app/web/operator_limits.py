"""Checks before a request's body is read: the admin token, and the size of the body.

FastAPI reads and parses a body before it checks the caller's token. Deliveries have limits of their own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException

from app.web.auth import PREFIXES, bearer_of
from app.web.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import Message, Receive, Scope

MAXIMUM_BODY = 64 * 1024
TOO_LARGE = f"A request's body may have {MAXIMUM_BODY} bytes."


def refused(scope: Scope, authorise: Callable[[str], Problem | None] | None) -> Problem | None:
    """Return why a request is refused, None where it is not.

    `authorise` checks an operator's token, None where the application has no routes of theirs.
    """
    headers = Headers(scope=scope)
    problem = None
    if authorise is not None and scope["path"].startswith(PREFIXES):
        problem = authorise(bearer_of(headers.get("authorization")))
    return problem or _too_large(headers.get("content-length", "0"))


def _too_large(length: str) -> Problem | None:
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
