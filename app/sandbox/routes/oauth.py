"""OAuth: consent (given at once), tokens by code and by refresh, revocation.

The body for an invalid refresh token is HubSpot's own (OAuth page); the texts of the other errors are not known from
live runs and are this emulator's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit

from app.sandbox.errors import no_grant, validation
from app.sandbox.routes.accounts import INSTALLER
from app.sandbox.state.oauth_grants import Code, Grant, matches_challenge

if TYPE_CHECKING:
    from collections.abc import Mapping

    from app.sandbox.request import Request, Response
    from app.sandbox.state.account import Account

NOT_VALID = "refresh token is invalid, expired or revoked"


def consent(account: Account | None, query: Mapping[str, str]) -> str:
    """Return the URL that the browser is redirected to: the app's, with a code."""
    target = query.get("redirect_uri", "")
    if account is None:
        raise validation("missing or unknown portal")
    if query.get("client_id") != account.settings.oauth_client_id:
        raise validation("missing or unknown client id")
    if not _is_address(target):
        raise validation("missing or invalid redirect_uri")
    scopes = dict.fromkeys(f"{query.get('scope', '')} {query.get('optional_scope', '')} oauth".split())
    method = query.get("code_challenge_method", "plain")
    code = Code(Grant(account, tuple(scopes)), target, query.get("code_challenge", ""), method)
    answer = {"code": account.grants.issue_code(code)} | ({"state": query["state"]} if "state" in query else {})
    return f"{target}{'&' if urlsplit(target).query else '?'}{urlencode(answer)}"


def token(account: Account, request: Request) -> Response:
    """Exchange a code or a refresh token."""
    form = client_form(account, request)
    match form.get("grant_type"):
        case "authorization_code":
            return 200, _tokens(account, _first_refresh_token(account, form))
        case "refresh_token":
            return 200, _tokens(account, _next_refresh_token(account, form.get("refresh_token", "")))
    raise no_grant("BAD_GRANT_TYPE", "missing or unknown grant type")


def revoke(account: Account, request: Request) -> Response:
    """Revoke a refresh token with the access tokens issued for it, or one access token."""
    name = client_form(account, request).get("token", "")
    account.grants.revoke(name)
    account.grants.access_tokens.pop(name, None)
    return 204, None


def _is_address(target: str) -> bool:
    try:
        return urlsplit(target).scheme in {"http", "https"}
    except ValueError:
        return False


def client_form(account: Account, request: Request) -> dict[str, str]:
    """Return the fields of a request by the app itself. Raises Refused (400) unless it carries the app's secret."""
    form: dict[str, str] = request.object()
    if form.get("client_id") != account.settings.oauth_client_id:
        raise no_grant("BAD_CLIENT_ID", "missing or unknown client id")
    if form.get("client_secret") != account.settings.oauth_client_secret:
        raise no_grant("BAD_CLIENT_SECRET", "missing or invalid client secret")
    return form


def _first_refresh_token(account: Account, form: Mapping[str, str]) -> str:
    """Exchange a code. It can be used once, even when something else about the request is wrong."""
    code = account.grants.codes.pop(form.get("code", ""), None)
    if code is None:
        raise no_grant("BAD_AUTH_CODE", "missing or unknown auth code")
    if form.get("redirect_uri") != code.redirect_uri:
        raise no_grant("BAD_REDIRECT_URI", "redirect_uri is not the one that the code was asked for with")
    if not matches_challenge(code, form.get("code_verifier", "")):
        raise no_grant("BAD_CODE_VERIFIER", "code_verifier does not match the code challenge")
    return account.grants.issue_refresh_token(code.grant)


def _next_refresh_token(account: Account, used: str) -> str:
    grant = account.grants.refresh_tokens.get(used)
    if grant is None:
        raise no_grant("BAD_REFRESH_TOKEN", NOT_VALID)
    if not account.settings.oauth_rotates:
        return used
    del account.grants.refresh_tokens[used]  # its access tokens stay valid until they expire
    return account.grants.issue_refresh_token(grant)


def _tokens(account: Account, refresh_token: str) -> dict[str, Any]:
    grant, expires_in = account.grants.refresh_tokens[refresh_token], account.settings.oauth_expires_in
    return {
        "access_token": account.grants.issue_access_token(refresh_token, account.clock() + expires_in),
        "expires_in": expires_in,
        "refresh_token": refresh_token,
        "token_type": "bearer",
        "token_use": "access_token",
        "hub_id": grant.account.id,
        "user_id": INSTALLER,
        "scopes": list(grant.scopes),
    }
