"""Accounts that join by OAuth, put together from the settings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.accounts.connect import Connector
from app.accounts.grant_store import GrantStore
from app.accounts.install_store import InstallStore
from app.accounts.oauth import OAuth
from app.errors import StartError
from app.hubspot.api.consent import OAuthApp
from app.hubspot.oauth_client import OAuthClient

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AsyncExitStack

    import httpx
    from sqlalchemy.ext.asyncio import AsyncEngine

    from app.accounts.encryption import Encryption
    from app.hubspot.client import CallRecord
    from app.settings import Settings


async def open_oauth(
    stack: AsyncExitStack,
    settings: Settings,
    engine: AsyncEngine,
    *,
    base_url: str,
    observe: Callable[[CallRecord], None],
    transport: httpx.AsyncBaseTransport | None = None,
) -> OAuth | None:
    """Return what accounts need that join by OAuth, None where no app is configured.

    Raises StartError for an app that is configured by half, and for a malformed key. `transport` replaces the network.
    """
    identity, secret, keys = settings.hubspot_client_id, settings.hubspot_client_secret, settings.encryption_keys
    sealing = _sealing(keys.get_secret_value()) if keys else None
    if identity is None and secret is None:
        return None
    if identity is None or secret is None or sealing is None or settings.public_url is None:
        raise StartError(f"accounts that join by OAuth need {', '.join(settings.missing_for_oauth)}, too")
    optional = settings.hubspot_optional_scopes or ""
    app = OAuthApp(identity, secret.get_secret_value(), settings.hubspot_api_version, optional)
    client = OAuthClient(app, observe=observe, base_url=base_url, transport=transport)
    stack.push_async_callback(client.aclose)
    grants, installs = GrantStore(engine, sealing), InstallStore(engine, sealing)
    urls = {"app_url": str(settings.hubspot_app_url), "public_url": str(settings.public_url)}
    oauth = OAuth(grants, client, Connector(grants, installs, client, **urls))
    stack.push_async_callback(oauth.close)
    return oauth


def _sealing(keys: str) -> Encryption:
    from app.accounts.encryption import encryption  # noqa: PLC0415  # cryptography takes 8 MB, which few need

    return encryption(keys)
