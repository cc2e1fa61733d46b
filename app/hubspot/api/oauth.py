"""HubSpot's OAuth as values: where people are sent, how tokens are asked for, and what the replies say. Sans-I/O.

Sources: HubSpot's public OpenAPI collection (Auth/Oauth, 2026-03) and its guide to OAuth tokens. Every secret goes in
the form-encoded body: the v1 routes, which put it into the URL, stop on 2027-02-16. No error made here holds anything
that HubSpot wrote but its own words, and none of them that was sent as a secret.
"""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, NoReturn, TypeVar
from urllib.parse import quote, urlencode

from app.errors import GrantRevoked, OutcomeUnknown, Refusal
from app.hubspot.api.refusals import REQUEST_TIMEOUT, TOO_MANY_REQUESTS, code_of, correlation_of
from app.hubspot.api.replies import identifier, mapping, seconds
from app.hubspot.api.sequences import accepted, unreadable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from app.hubspot.api.replies import Reply

# What enrolling needs. `oauth` is what every app has to ask for.
REQUIRED_SCOPES = (
    "oauth",
    "crm.objects.contacts.read",
    "crm.objects.contacts.write",
    "crm.objects.owners.read",
    "automation.sequences.read",
    "automation.sequences.enrollments.write",
)
# `invalid_grant` and BAD_REFRESH_TOKEN are documented; the others were reported for accounts that are gone.
DEAD_WORDS = frozenset({"invalid_grant", "access_denied", "BAD_REFRESH_TOKEN", "BAD_HUB"})
# Said of the app that asks, whatever else is said: the grant is as good as before.
APP_WORDS = frozenset({"invalid_client", "unauthorized_client", "BAD_CLIENT_ID", "BAD_CLIENT_SECRET"})
TOKEN_REFUSED = "TOKEN_REFUSED"  # noqa: S105  # a code of the fault table
LONGEST_LIFE = 366 * 24 * 3600  # seconds: HubSpot's tokens live 30 minutes, anything beyond a year is garbage

_TOKEN = re.compile(r"[!-~]{1,8192}")  # HubSpot says to expect 512 characters and more
_WORD = re.compile(r"[a-z_]{1,40}|[A-Z_]{1,40}")

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class OAuthApp:
    """Our app at HubSpot, the dated version of its token routes, and the scopes that are asked for where there are any.

    `optional_scopes` are separated by spaces. HubSpot leaves out those that an account does not have. Whether it
    refuses those that its app does not name is not documented, and integrators say so: by default none is asked for.
    """

    client_id: str
    client_secret: str = field(repr=False)
    version: str = "2026-03"
    optional_scopes: str = ""


@dataclass(frozen=True, slots=True)
class TokenCall(Generic[T]):
    """One request of the token routes: `form` is its body, `decipher` returns the value or raises a HubSpotError."""

    route: str
    path: str
    form: Mapping[str, str] = field(repr=False)
    decipher: Callable[[Reply], T] = field(repr=False)


@dataclass(frozen=True, slots=True)
class TokenFacts:
    """Whose token it is, and what it may do; what HubSpot's answer does not name is None."""

    hub_id: str | None = None
    user_id: str | None = None
    scopes: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Tokens:
    """What HubSpot gives. `expires_in` is in seconds; `refresh_token` is None where its answer has none."""

    access_token: str = field(repr=False)
    expires_in: int
    refresh_token: str | None = field(default=None, repr=False)
    facts: TokenFacts = TokenFacts()


def authorize_url(app_url: str, app: OAuthApp, *, redirect_uri: str, state: str, verifier: str) -> str:
    """Return where a person is sent to connect an account; HubSpot sends them back to `redirect_uri`.

    `verifier` stays here: only its SHA-256 travels, so that a code that somebody reads on its way is worth nothing. An
    app that HubSpot does not hold to PKCE is asked with two parameters more than it looks at.
    """
    query = {
        "client_id": app.client_id,
        "redirect_uri": redirect_uri,
        "scope": " ".join(REQUIRED_SCOPES),
        **({"optional_scope": " ".join(wished)} if (wished := app.optional_scopes.split()) else {}),
        "state": state,
        "code_challenge": challenge(verifier),
        "code_challenge_method": "S256",
    }
    return f"{app_url.rstrip('/')}/oauth/authorize?{urlencode(query, quote_via=quote)}"


def challenge(verifier: str) -> str:
    """Return the S256 challenge of a verifier (RFC 7636)."""
    digest = hashlib.sha256(verifier.encode("ascii")).digest()
    return base64.urlsafe_b64encode(digest).decode("ascii").rstrip("=")


def missing_scopes(scopes: tuple[str, ...]) -> tuple[str, ...]:
    """Return what enrolling needs and a grant does not have."""
    return tuple(scope for scope in REQUIRED_SCOPES if scope not in scopes)


def exchange(app: OAuthApp, code: str, *, redirect_uri: str, verifier: str) -> TokenCall[Tokens]:
    """Turn the code that HubSpot sent a person back with into tokens. A code that it does not take is a Refusal."""
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": redirect_uri, "code_verifier": verifier}
    return _call(app, "", form, _tokens, grant=False)


def refresh(app: OAuthApp, refresh_token: str) -> TokenCall[Tokens]:
    """Get a new access token. Raises GrantRevoked where HubSpot says that the grant is dead."""
    return _call(app, "", {"grant_type": "refresh_token", "refresh_token": refresh_token}, _tokens, grant=True)


def introspect(app: OAuthApp, access_token: str) -> TokenCall[TokenFacts]:
    """Ask whose token this is."""
    return _call(app, "/introspect", {"token": access_token, "token_type_hint": "access_token"}, _facts, grant=False)


def revoke(app: OAuthApp, refresh_token: str) -> TokenCall[None]:
    """Give the grant back. One that is dead already raises GrantRevoked."""
    return _call(app, "/revoke", {"token": refresh_token, "token_type_hint": "refresh_token"}, _nothing, grant=True)


def _call(app: OAuthApp, what: str, form: dict[str, str], read: Callable[[Reply], T], *, grant: bool) -> TokenCall[T]:
    whole = form | {"client_id": app.client_id, "client_secret": app.client_secret}

    def decipher(reply: Reply) -> T:
        if not reply.ok:
            _refuse(reply, sent=frozenset(whole.values()), grant=grant)
        return read(reply)

    version = quote(app.version, safe="")
    return TokenCall(f"/oauth/{{version}}/token{what}", f"/oauth/{version}/token{what}", whole, decipher)


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
    told = ", ".join([*words, f"HTTP {reply.status}"])
    raise Refusal(TOKEN_REFUSED, told, status=reply.status, correlation_id=correlation, retry_after=wait)


def _word(value: Any, sent: frozenset[str]) -> str | None:
    """Return one of HubSpot's words; its sentences stay behind, for they may quote what was sent."""
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
