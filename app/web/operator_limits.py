"""What a request passes before anything of its body is read: whether it may come in, and how much it may bring.

FastAPI reads and parses a body before it asks whether the caller is let in. Deliveries have limits of their own.
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


def refused(scope: Scope, lets_in: Callable[[str], Problem | None] | None) -> Problem | None:
    """Return why a request goes no further, None for one that does.

    `lets_in` judges an operator's token, None where there are no routes of theirs.
    """
    headers = Headers(scope=scope)
    problem = None
    if lets_in is not None and scope["path"].startswith(PREFIXES):
        problem = lets_in(bearer_of(headers.get("authorization")))
    return problem or _too_large(headers.get("content-length", "0"))


def _too_large(length: str) -> Problem | None:
    digits = length if length.isascii() and length.isdigit() else "0"
    long = len(digits.lstrip("0")) > len(str(MAXIMUM_BODY)) or int(digits[-9:]) > MAXIMUM_BODY
    return Problem(413, "content-too-large", TOO_LARGE) if long else None


def capped(receive: Receive) -> Receive:
    """Return `receive` as it stops at the largest body: who sends in pieces need not say how much it will be."""
    taken = 0

    async def limited() -> Message:
        nonlocal taken
        message = await receive()
        taken += len(message.get("body", b""))
        if taken > MAXIMUM_BODY:
            raise HTTPException(413, TOO_LARGE)
        return message

    return limited
