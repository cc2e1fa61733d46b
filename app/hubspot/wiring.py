"""Open what sends requests to HubSpot as one account: its rate limit, and its client."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.hubspot.client import HubSpotClient
from app.hubspot.rate_limit_store import StoredRateLimit

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from contextlib import AsyncExitStack

    from app.database.direct import DirectPool
    from app.hubspot.client import CallRecord
    from app.hubspot.rate_limit import RateLimit
    from app.model import Account
    from app.settings import Settings


def open_rate_limit(
    stack: AsyncExitStack, pool: DirectPool, settings: Settings, account: Account, *, ahead: int = 0
) -> StoredRateLimit:
    """Return the rate limit of an account, which all processes on this database share; `stack` closes it.

    `ahead` is how many permits more than are waited for are taken.
    """
    rate_limit = StoredRateLimit(
        pool,
        account=account.name,
        cap=account.per_10s,
        headroom=settings.rate_headroom,
        window_ms=settings.rate_window_ms,
        ahead=ahead,
    )
    rate_limit.configure(account)
    stack.push_async_callback(rate_limit.close)
    return rate_limit


async def open_client(
    stack: AsyncExitStack,
    settings: Settings,
    account: str,
    token: str | Callable[[], str | Awaitable[str]],
    rate_limit: RateLimit,
    *,
    observe: Callable[[CallRecord], None],
    base_url: str,
    renew: Callable[[str], bool] = lambda _: False,
) -> HubSpotClient:
    """Return the client of an account; `stack` closes it."""
    client = HubSpotClient(
        account,
        token,
        rate_limit=rate_limit,
        observe=observe,
        base_url=base_url,
        version=settings.hubspot_api_version,
        renew=renew,
    )
    stack.push_async_callback(client.aclose)
    return client
