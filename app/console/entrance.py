"""The person behind a request's session, and whether its form comes from the console's own pages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.console.signin.csrf import refusal
from app.console.signin.origins import COOKIE, cookie_name

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from starlette.requests import Request

    from app.console.signin.origins import Origins
    from app.console.signin.sessions import Sessions
    from app.console.signin.visitor import Visitor


@dataclass(frozen=True, slots=True)
class Entrance:
    """Judges requests by their cookie and by what browsers say of a form."""

    sessions: Sessions
    origins: Origins
    now: Callable[[], datetime]

    async def visitor_of(self, request: Request) -> Visitor | None:
        """Return the person of a request, None where none is signed in. Raises Busy."""
        secure = self.origins.secure(request.scope)
        if secure is None:
            return None
        return await self.sessions.visitor(request.cookies.get(cookie_name(COOKIE, secure=secure), ""), self.now())

    def other_site(self, request: Request) -> str | None:
        """Return why a request that changes something is not from the console's own pages, None where it is."""
        return refusal(request.method, request.scope["headers"], self.origins.own(request.scope))
