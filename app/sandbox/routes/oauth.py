"""OAuth: consent (given at once), tokens by code and by refresh, revocation.

The body of a dead refresh token is HubSpot's own (OAuth page); the words for the other mistakes are not known from
live runs and are this emulator's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit

from app.sandbox.errors import no_grant, validation
from app.sandbox.routes.accounts import INSTALLER
from app.sandbox.state.oauth_grants import Code, Grant, proves

if TYPE_CHECKING:
    from collections.abc import Mapping

    from app.sandbox.request import Asked
    from app.sandbox.state.account import State

Answer = tuple[int, dict[str, Any]]
DEAD = "refresh token is invalid, expired or revoked"


def consent(state: State | None, query: Mapping[str, str]) -> str:
    """Return where the browser goes next: back to the app, with a code."""
    target = query.get("redirect_uri", "")
    if state is None:
        raise validation("missing or unknown portal")
    if query.get("client_id") != state.settings.oauth_client_id:
        raise validation("missing or unknown client id")
    if not _is_address(target):
        raise validation("missing or invalid redirect_uri")
    scopes = dict.fromkeys(f"{query.get('scope', '')} {query.get('optional_scope', '')} oauth".split())
    method = query.get("code_challenge_method", "plain")
    code = Code(Grant(state, tuple(scopes)), target, query.get("code_challenge", ""), method)
    told = {"code": state.grants.consent(code)} | ({"state": query["state"]} if "state" in query else {})
    return f"{target}{'&' if urlsplit(target).query else '?'}{urlencode(told)}"


def token(state: State, asked: Asked) -> Answer:
    """Exchange a code or a refresh token."""
    form = client_form(state, asked)
    match form.get("grant_type"):
        case "authorization_code":
            return 200, _tokens(state, _first_refresh_token(state, form))
        case "refresh_token":
            return 200, _tokens(state, _next_refresh_token(state, form.get("refresh_token", "")))
    raise no_grant("BAD_GRANT_TYPE", "missing or unknown grant type")


def revoke(state: State, asked: Asked) -> tuple[int, None]:
    """End a token: a refresh token with all that it brought, or one access token."""
    name = client_form(state, asked).get("token", "")
    state.grants.end(name)
    state.grants.accesses.pop(name, None)
    return 204, None


def _is_address(target: str) -> bool:
    try:
        return urlsplit(target).scheme in {"http", "https"}
    except ValueError:
        return False


def client_form(state: State, asked: Asked) -> dict[str, str]:
    """Return the fields of a request by the app itself. Raises Refused (400) for who does not know its secret."""
    form: dict[str, str] = asked.object()
    if form.get("client_id") != state.settings.oauth_client_id:
        raise no_grant("BAD_CLIENT_ID", "missing or unknown client id")
    if form.get("client_secret") != state.settings.oauth_client_secret:
        raise no_grant("BAD_CLIENT_SECRET", "missing or invalid client secret")
    return form


def _first_refresh_token(state: State, form: Mapping[str, str]) -> str:
    """Take a code: it counts once, even when something else about the request is wrong."""
    code = state.grants.codes.pop(form.get("code", ""), None)
    if code is None:
        raise no_grant("BAD_AUTH_CODE", "missing or unknown auth code")
    if form.get("redirect_uri") != code.redirect_uri:
        raise no_grant("BAD_REDIRECT_URI", "redirect_uri is not the one that the code was asked for with")
    if not proves(code, form.get("code_verifier", "")):
        raise no_grant("BAD_CODE_VERIFIER", "code_verifier does not match the code challenge")
    return state.grants.refresh_token(code.grant)


def _next_refresh_token(state: State, used: str) -> str:
    grant = state.grants.refreshing.get(used)
    if grant is None:
        raise no_grant("BAD_REFRESH_TOKEN", DEAD)
    if not state.settings.oauth_rotates:
        return used
    del state.grants.refreshing[used]  # access tokens that it brought live on until they expire
    return state.grants.refresh_token(grant)


def _tokens(state: State, refresh_token: str) -> dict[str, Any]:
    grant, expires_in = state.grants.refreshing[refresh_token], state.settings.oauth_expires_in
    return {
        "access_token": state.grants.access_token(refresh_token, state.clock() + expires_in),
        "expires_in": expires_in,
        "refresh_token": refresh_token,
        "token_type": "bearer",
        "token_use": "access_token",
        "hub_id": grant.state.portal_id,
        "user_id": INSTALLER,
        "scopes": list(grant.scopes),
    }
