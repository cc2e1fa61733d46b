"""What all ways of signing in share: where the browser is, who is let in, and what is written down of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import structlog
from starlette.responses import RedirectResponse, Response

from app.audit.act import STRANGER, Act, acting
from app.console.signin.closed import Message
from app.console.signin.cookies import SESSION, read_cookie, set_cookie
from app.console.signin.csrf import refusal
from app.console.signin.paths import SIGN_IN
from app.errors import SignInRefused
from app.web.access.attempts import Attempts
from app.web.access.gate import SIGN_IN as SIGNED_IN

if TYPE_CHECKING:
    from collections.abc import Awaitable, Sequence
    from datetime import datetime

    from starlette.requests import Request

    from app.console.signin.login import Login
    from app.console.signin.origins import Origins
    from app.console.signin.sessions import Sessions
    from app.console.signin.store import SignInStore
    from app.console.signin.visitor import Person, Visitor
    from app.web.access.gate import Gate

NOT_ENCRYPTED = (
    "The console signs people in over TLS, and without it on this machine alone. Call it by https. Where a proxy in "
    "front ends TLS, set SEGUE_CONSOLE_URL to the address that browsers call."
)

log = structlog.get_logger(__name__)


# Renders a template of `app/console/templates` with its model, as `page`:
# (request, template_name, model, status=200, visitor=None).
Render = Callable[..., Response]


@dataclass(frozen=True, slots=True)
class Desk:
    """Lets people in. `login` is None where no identity provider is configured, and `missing_for_oidc` says why.

    `refused` writes down an act that was refused, with the status of its answer; `now` is the time.
    """

    gate: Gate
    sessions: Sessions
    store: SignInStore
    origins: Origins
    login: Login | None
    missing_for_oidc: Sequence[str]
    refused: Callable[[Act, int], Awaitable[None]]
    now: Callable[[], datetime]
    begun: Attempts = field(default_factory=Attempts)  # logins of this process, by the address that began them

    def secure(self, request: Request) -> bool:
        """Return whether cookies travel by TLS. Raises SignInRefused where they would travel open."""
        secure = self.origins.secure(request.scope)
        if secure is None:
            raise SignInRefused(NOT_ENCRYPTED, status=403)
        return secure

    def own_form(self, request: Request) -> None:
        """Refuse a form that was not sent by a page of the console."""
        if why := refusal(request.method, request.scope["headers"], self.origins.own(request.scope)):
            raise SignInRefused(f"This form was not sent by a page of the console: {why}.", status=403)

    async def visitor(self, request: Request) -> Visitor | None:
        """Return the person of a request, None where none is signed in."""
        secure = self.origins.secure(request.scope)
        if secure is None:
            return None
        return await self.sessions.visitor(read_cookie(request, SESSION, secure=secure), self.now())

    async def let_in(self, request: Request, person: Person, following: str) -> Response:
        """Begin a session in place of the one that this browser has, and lead to `following`. Raises SignInRefused."""
        secure, address = self.secure(request), self.gate.address(request.scope)
        before = read_cookie(request, SESSION, secure=secure)
        act = Act(person.who, person.role, address, SIGNED_IN, target=person.way, revision=self.gate.revision())
        with acting(act):
            cookie = await self.sessions.begin(person, self.now(), instead_of=before)
        log.info("console.signed_in", who=person.who, role=person.role, way=person.way, address=address)
        response = RedirectResponse(following, 303)
        life = self.sessions.terms.life.total_seconds()
        set_cookie(response, SESSION, cookie, seconds=life, secure=secure)
        return response

    async def turned_away(self, request: Request, way: str, reason: str, status: int) -> None:
        """Write down that a person was not let in. Strangers fill neither the log nor the table."""
        address = self.gate.address(request.scope)
        self.gate.refused(reason)
        if self.gate.budget.spend(reason, self.gate.clock()):
            log.warning("console.refused", way=way, reason=reason, status=status, address=address)
        revision = self.gate.revision()
        await self.refused(Act(STRANGER, None, address, SIGNED_IN, target=way, revision=revision), status)


def refused_page(error: SignInRefused) -> Message:
    """Return the page of a refusal."""
    return Message("You are not signed in", (str(error),), SIGN_IN, "Go to the sign-in page")
