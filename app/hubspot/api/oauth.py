"""HubSpot's token routes as values: the requests and their replies. Sans-I/O.

Sources: HubSpot's public OpenAPI collection (Auth/Oauth, 2026-03) and its guide to OAuth tokens. Every secret goes in
the form-encoded body: the v1 routes, which put it into the URL, stop on 2027-02-16. The errors made here hold only
HubSpot's own words, and no word that was sent as a secret.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, NoReturn, TypeVar
from urllib.parse import quote

from app.errors import GrantRevoked, OutcomeUnknown, Refusal
from app.hubspot.api.call import accepted, unreadable
from app.hubspot.api.refusals import REQUEST_TIMEOUT, TOO_MANY_REQUESTS, code_of, correlation_of
from app.hubspot.api.replies import identifier, mapping, seconds

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from app.hubspot.api.consent import OAuthApp
    from app.hubspot.api.replies import Reply

# `invalid_grant` and BAD_REFRESH_TOKEN are documented; the others were reported for accounts that are gone.
DEAD_WORDS = frozenset({"invalid_grant", "access_denied", "BAD_REFRESH_TOKEN", "BAD_HUB"})
# These are about our app. Where one of them occurs, the grant is not dead, whatever else the reply says.
APP_WORDS = frozenset({"invalid_client", "unauthorized_client", "BAD_CLIENT_ID", "BAD_CLIENT_SECRET"})
TOKEN_REFUSED = "TOKEN_REFUSED"  # noqa: S105  # a code of the fault table
LONGEST_LIFE = 366 * 24 * 3600  # seconds: HubSpot's tokens live 30 minutes, more than a year is garbage

_TOKEN = re.compile(r"[!-~]{1,8192}")  # HubSpot says to expect 512 characters and more
_WORD = re.compile(r"[a-z_]{1,40}|[A-Z_]{1,40}")

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class TokenCall(Generic[T]):
    """One request of the token routes: `form` is its body, `parse` returns the value or raises a HubSpotError."""

    route: str
    path: str
    form: Mapping[str, str] = field(repr=False)
    parse: Callable[[Reply], T] = field(repr=False)


@dataclass(frozen=True, slots=True)
class TokenFacts:
    """The account and the user that a token belongs to, and its scopes; None where HubSpot's answer lacks one."""

    hub_id: str | None = None
    user_id: str | None = None
    scopes: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Tokens:
    """The tokens that HubSpot issues. `expires_in` is in seconds; `refresh_token` is None where the answer has none."""

    access_token: str = field(repr=False)
    expires_in: int
    refresh_token: str | None = field(default=None, repr=False)
    facts: TokenFacts = TokenFacts()


def exchange(app: OAuthApp, code: str, *, redirect_uri: str, verifier: str) -> TokenCall[Tokens]:
    """Exchange the code from HubSpot's redirect for tokens. A code that HubSpot does not take is a Refusal."""
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": redirect_uri, "code_verifier": verifier}
    return _call(app, "", form, _tokens, grant=False)


def refresh(app: OAuthApp, refresh_token: str) -> TokenCall[Tokens]:
    """Request a new access token. Raises GrantRevoked where HubSpot says that the grant is dead."""
    return _call(app, "", {"grant_type": "refresh_token", "refresh_token": refresh_token}, _tokens, grant=True)


def introspect(app: OAuthApp, access_token: str) -> TokenCall[TokenFacts]:
    """Ask which account and user a token belongs to, and for its scopes."""
    return _call(app, "/introspect", {"token": access_token, "token_type_hint": "access_token"}, _facts, grant=False)


def revoke(app: OAuthApp, refresh_token: str) -> TokenCall[None]:
    """Revoke the grant. A grant that is dead already raises GrantRevoked."""
    return _call(app, "/revoke", {"token": refresh_token, "token_type_hint": "refresh_token"}, _nothing, grant=True)


def _call(app: OAuthApp, what: str, form: dict[str, str], read: Callable[[Reply], T], *, grant: bool) -> TokenCall[T]:
    whole = form | {"client_id": app.client_id, "client_secret": app.client_secret}

    def parse(reply: Reply) -> T:
        if not reply.ok:
            _refuse(reply, sent=frozenset(whole.values()), grant=grant)
        return read(reply)

    version = quote(app.version, safe="")
    return TokenCall(f"/oauth/{{version}}/token{what}", f"/oauth/{version}/token{what}", whole, parse)


def _refuse(reply: Reply, *, sent: frozenset[str], grant: bool) -> NoReturn:
    if reply.status == REQUEST_TIMEOUT or reply.status >= 500:  # noqa: PLR2004  # a status class of HTTP
        raise OutcomeUnknown(f"HubSpot answered {reply.status}")
    body = mapping(reply.json())
    wait, correlation = seconds(reply.headers.get("retry-after")), correlation_of(reply)
    if reply.status == TOO_MANY_REQUESTS:
        raise Refusal(code_of(body, reply.status), status=reply.status, correlation_id=correlation, retry_after=wait)
    words = [word for name in ("error", "status") if (word := _word(body.get(name), sent))]
    if grant and DEAD_WORDS.intersection(words) and not APP_WORDS.intersection(words):
        raise GrantRevoked(f"HubSpot says {', '.join(words)}: the app was uninstalled, or the account is gone")
    detail = ", ".join([*words, f"HTTP {reply.status}"])
    raise Refusal(TOKEN_REFUSED, detail, status=reply.status, correlation_id=correlation, retry_after=wait)


def _word(value: Any, sent: frozenset[str]) -> str | None:
    """Return one of HubSpot's words. Its sentences are dropped, because they may quote what was sent."""
    return value if isinstance(value, str) and _WORD.fullmatch(value) and value not in sent else None


def _tokens(reply: Reply) -> Tokens:
    body = accepted(reply)
    access_token, expires_in = _token(body.get("access_token")), body.get("expires_in")
    if access_token is None or type(expires_in) is not int or not 0 < expires_in <= LONGEST_LIFE:
        raise unreadable(reply)
    return Tokens(access_token, expires_in, _token(body.get("refresh_token")), _facts(reply))


def _facts(reply: Reply) -> TokenFacts:
    body = accepted(reply)
    scopes = body.get("scopes")
    named = tuple(scope for scope in scopes if isinstance(scope, str)) if isinstance(scopes, list) else None
    return TokenFacts(identifier(body.get("hub_id")), identifier(body.get("user_id")), named)


def _nothing(_: Reply) -> None:
    """Take any success."""


def _token(value: Any) -> str | None:
    return value if isinstance(value, str) and _TOKEN.fullmatch(value) else None
