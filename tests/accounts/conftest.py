"""HubSpot's OAuth routes in this process, and grants in a real PostgreSQL."""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING

import httpx
import pytest

from app.accounts.encryption import Encryption, new_key
from app.accounts.grant_store import GrantStore
from app.accounts.install_store import InstallStore
from app.hubspot.api.oauth import TokenFacts, Tokens
from app.hubspot.oauth_client import OAuthClient
from tests.hubspot.conftest import new_client, rate_limit, records
from tests.support.far_hubspot_oauth import APP, FarEnd

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from sqlalchemy.ext.asyncio import AsyncEngine

__all__ = ["new_client", "rate_limit", "records"]


@pytest.fixture
def far() -> FarEnd:
    return FarEnd()


@pytest.fixture
async def client(far: FarEnd) -> AsyncIterator[OAuthClient]:
    transport = httpx.ASGITransport(far.app)
    client = OAuthClient(APP, observe=lambda _: None, base_url="http://hubspot.invalid", transport=transport)
    async with aclosing(client):
        yield client


@pytest.fixture
def encryption() -> Encryption:
    return Encryption([new_key()])


@pytest.fixture
def grants(engine: AsyncEngine, encryption: Encryption) -> GrantStore:
    return GrantStore(engine, encryption)


@pytest.fixture
def installs(engine: AsyncEngine, encryption: Encryption) -> InstallStore:
    return InstallStore(engine, encryption)


@pytest.fixture
def connected(grants: GrantStore) -> Callable[..., Awaitable[None]]:
    """Connects an account with a token that lives for so many seconds more."""

    async def connect(seconds: float, account: str = "emea", refresh_token: str = "refresh-0") -> None:
        hub = "4567" if account == "emea" else f"hub-of-{account}"
        await grants.connect(
            account,
            hub,
            Tokens("access-0", 1800, refresh_token, TokenFacts(user_id="7001", scopes=("oauth",))),
            seconds=seconds,
        )

    return connect
