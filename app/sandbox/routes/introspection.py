"""Introspection of OAuth tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from app.sandbox.routes.accounts import INSTALLER
from app.sandbox.routes.oauth import client_form
from app.sandbox.state.seed import APP_ID

if TYPE_CHECKING:
    from app.sandbox.request import Request, Response
    from app.sandbox.state.account import Account
    from app.sandbox.state.oauth_grants import Access, Grant

_EMPTY = """
    appInstallId audience newSignature scopeToScopeGroupPks signature trialScopeToScopeGroupPks trialScopes
""".split()  # noqa: SIM905  # names read better in a paragraph


def introspect(account: Account, request: Request) -> Response:
    """Return what a token stands for."""
    name = client_form(account, request).get("token", "")
    access, grant = account.grants.access_tokens.get(name), account.grants.refresh_tokens.get(name)
    if access is not None and account.clock() < access.expires_at:
        kind = {"token_use": "access_token", "is_private_distribution": False, "signed_access_token": _signed(access)}
        expires_in = int(access.expires_at - account.clock())
        return 200, _about(access.grant, name) | kind | {"expires_in": expires_in}
    if grant is not None:
        return 200, _about(grant, name) | {"token_use": "refresh_token"}
    return 200, {"active": False}


def _signed(access: Access) -> dict[str, Any]:
    """Return the form in which HubSpot's own services pass an access token on; Segue does not read it."""
    return dict.fromkeys(_EMPTY, "") | {
        "appId": APP_ID,
        "expiresAt": round(access.expires_at * 1000),
        "hubId": access.grant.account.id,
        "hublet": "na1",
        "installingUserId": INSTALLER,
        "isPrivateDistribution": False,
        "isServiceAccount": False,
        "isUserLevel": False,
        "scopes": " ".join(access.grant.scopes),
        "userId": INSTALLER,
    }


def _about(grant: Grant, name: str) -> dict[str, Any]:
    return {
        "active": True,
        "token": name,
        "token_type": "bearer",
        "app_id": APP_ID,
        "client_id": grant.account.settings.oauth_client_id,
        "hub_id": grant.account.id,
        "user_id": INSTALLER,
        "scopes": list(grant.scopes),
    }
