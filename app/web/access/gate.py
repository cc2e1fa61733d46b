"""The gate before operators' routes: it lets a right token of a sufficient role in, before a body is read."""

from __future__ import annotations

import base64
import math
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog
from starlette.datastructures import Headers

from app.audit.act import STRANGER, Act
from app.masking import masked_text
from app.operators import Role, digest_of
from app.web.access.attempts import FREE, Attempts, Budget
from app.web.access.client_address import client_address
from app.web.access.routes import GuardedRoute, route_of
from app.web.problems import CHALLENGE, Problem

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import Scope

    from app.networks import Networks
    from app.operators import Token
    from app.web.access.tokens import Tokens

PREFIXES = ("/api/", "/-/")  # of the operators' routes
ENTRY = "segue.entry"  # in a request's scope: the entry by which it was let in
SIGN_IN = "sign-in"  # in the audit log, what a caller without a right token did
REFUSALS_PER_MINUTE = 10  # of each reason, that get a row and a line, in one process
# Where browsers ask: they send no bearer token with a page that a person opens, and ask the person for a password.
BASIC = {"WWW-Authenticate": 'Basic realm="segue: any name, and a token as the password", charset="UTF-8"'}

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Entry:
    """A request that was let in: its token, the client's address, its route (None where there is none), and the act."""

    token: Token
    route: GuardedRoute | None
    act: Act


@dataclass(frozen=True, slots=True)
class Turned:
    """A request that was not let in: what it is answered, and the act, None where it is not written down."""

    problem: Problem
    act: Act | None


@dataclass(frozen=True, slots=True)
class Gate:
    """Judges requests.

    `routes` returns those of operators, `pages` are further paths that need a token; `refused` counts by reason,
    `revision` returns that of the rules in force.
    """

    tokens: Tokens
    routes: Callable[[], tuple[GuardedRoute, ...]]
    pages: frozenset[str]
    trusted: Networks
    attempts: Attempts
    budget: Budget
    refused: Callable[[str], None]
    revision: Callable[[], str | None]
    clock: Callable[[], float] = time.monotonic

    def guards(self, path: str) -> bool:
        """Return whether a path is behind this gate."""
        return path.startswith(PREFIXES) or path in self.pages

    def address(self, scope: Scope) -> str:
        """Return the address of a request's client."""
        return client_address(scope.get("client"), scope["headers"], self.trusted)

    def judge(self, scope: Scope) -> Entry | Turned:
        """Return how a request is let in, or what it is answered."""
        headers, address = Headers(scope=scope), self.address(scope)
        if not self.tokens.any:
            return Turned(closed(), None)
        given = headers.getlist("authorization")
        # Of two headers a proxy may have looked at the other one.
        presented = token_of(given[0], basic=scope["path"] in self.pages) if len(given) == 1 else None
        what = _shown(scope)
        if presented is None:
            return self._turned("missing", _unauthorised(scope["path"] in self.pages), address, what)
        token = self.compared(presented, address)
        if isinstance(token, Problem):
            reason = "wrong" if token.status == 401 else "throttled"  # noqa: PLR2004  # Unauthorized
            return self._turned(reason, token, address, what)
        route = route_of(self.routes(), scope["method"], scope["path"])
        what = route.name if route else what
        act = Act(token.name, token.role, address, what, target=_target(route, scope["path"]), revision=self.revision())
        needed = route.role if route else Role.VIEWER
        if not token.role.may(needed):
            return self._turned("role", _role(token, needed), address, what, act)
        return Entry(token, route, act)

    def compared(self, presented: str, address: str) -> Token | Problem:
        """Return the token that was presented from `address`, or why it is not let in."""
        now, digest = self.clock(), digest_of(presented)
        wait = self.attempts.wait(address, digest, now)
        if wait > 0:
            return throttled(wait)
        token = self.tokens.of(digest)
        if token is None:
            self.attempts.failed(address, now)
            return _unauthorised(page=False)
        self.attempts.worked(address, digest, now)
        return token

    def _turned(self, reason: str, problem: Problem, address: str, what: str, act: Act | None = None) -> Turned:
        self.refused(reason)
        if not self.budget.spend(reason, self.clock()):
            return Turned(problem, None)
        who = act.who if act else None
        log.warning("admin.refused", reason=reason, who=who, route=what, status=problem.status, address=address)
        known = act or Act(STRANGER, None, address, SIGN_IN, target=what, revision=self.revision())
        return Turned(problem, None if reason == "missing" else known)


def token_of(header: str, *, basic: bool = False) -> str | None:
    """Return the token of an Authorization header, None where it holds none; `basic` also takes a password."""
    scheme, _, value = header.partition(" ")
    value = value.strip()
    if scheme.lower() == "bearer":
        return value or None
    if basic and scheme.lower() == "basic":
        try:
            return base64.b64decode(value, validate=True).decode().partition(":")[2] or None
        except ValueError:  # no base64, or no UTF-8 in it
            return None
    return None


def closed() -> Problem:
    """Return why the operators' routes are closed where no token is configured."""
    return Problem(403, "admin-closed", "No SEGUE_TOKENS are configured, so these routes are closed.")


def throttled(wait: float) -> Problem:
    """Return why a token is not looked at for `wait` seconds."""
    detail = f"More than {FREE} wrong tokens came from this address in a minute: one a second is looked at."
    return Problem(429, "too-many-wrong-tokens", detail, headers={"Retry-After": str(math.ceil(wait))})


def _unauthorised(page: bool) -> Problem:  # noqa: FBT001  # one word says what it is
    detail = "Send a token of SEGUE_TOKENS as `Authorization: Bearer ...`."
    return Problem(401, "not-authorised", detail, headers=BASIC if page else CHALLENGE)


def _role(token: Token, needed: Role) -> Problem:
    return Problem(403, "role-too-low", f"This needs a token of the role {needed}; {token.name} is {token.role}.")


def _shown(scope: Scope) -> str:
    """Return the method and the first parts of a path that no route has been looked up for."""
    return masked_text(f"{scope['method']} {'/'.join(scope['path'].split('/')[:4])}"[:100])


def _target(route: GuardedRoute | None, path: str) -> str | None:
    """Return what a path names beyond its route: the values of its parameters."""
    match = route.pattern.match(path) if route else None
    return ", ".join(match.groupdict().values()) or None if match else None
