"""What an OAuth token is: introspection."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from app.sandbox.routes.accounts import INSTALLER
from app.sandbox.routes.oauth import client_form
from app.sandbox.state.seed import APP_ID

if TYPE_CHECKING:
    from app.sandbox.request import Asked
    from app.sandbox.state.account import State
    from app.sandbox.state.oauth_grants import Access, Grant

_EMPTY = """
    appInstallId audience newSignature scopeToScopeGroupPks signature trialScopeToScopeGroupPks trialScopes
""".split()  # noqa: SIM905  # names read better in a paragraph


def introspect(state: State, asked: Asked) -> tuple[int, dict[str, Any]]:
    """Tell what a token is."""
    name = client_form(state, asked).get("token", "")
    access, refreshed = state.grants.accesses.get(name), state.grants.refreshing.get(name)
    if access is not None and state.clock() < access.expires_at:
        told = {"token_use": "access_token", "is_private_distribution": False, "signed_access_token": _signed(access)}
        expires_in = int(access.expires_at - state.clock())
        return 200, _about(access.grant, name) | told | {"expires_in": expires_in}
    if refreshed is not None:
        return 200, _about(refreshed, name) | {"token_use": "refresh_token"}
    return 200, {"active": False}


def _signed(access: Access) -> dict[str, Any]:
    """Return the form in which HubSpot's own services pass an access token on; nothing of ours reads it."""
    return dict.fromkeys(_EMPTY, "") | {
        "appId": APP_ID,
        "expiresAt": round(access.expires_at * 1000),
        "hubId": access.grant.state.portal_id,
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
        "client_id": grant.state.settings.oauth_client_id,
        "hub_id": grant.state.portal_id,
        "user_id": INSTALLER,
        "scopes": list(grant.scopes),
    }
