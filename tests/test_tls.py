"""The certificates that a process trusts."""

from __future__ import annotations

import ssl
from contextlib import AsyncExitStack, aclosing
from typing import TYPE_CHECKING, Any

from app.enrichment.client import Lookups
from app.hubspot.client import HubSpotClient
from app.hubspot.local_rate_limit import LocalRateLimit
from app.hubspot.oauth_client import OAuthClient
from app.outbound.client import EndpointClient
from app.tls import tls_context
from tests.support.far_hubspot_oauth import APP

if TYPE_CHECKING:
    import pytest


async def test_a_process_reads_its_certificates_once_for_all_clients(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[ssl.SSLContext] = []
    make = ssl.create_default_context

    def noted(*arguments: Any, **options: Any) -> ssl.SSLContext:
        made.append(make(*arguments, **options))
        return made[-1]

    monkeypatch.setattr(ssl, "create_default_context", noted)
    tls_context.cache_clear()
    clients = (
        HubSpotClient("main", "made-up", rate_limit=LocalRateLimit(), observe=lambda _: None),
        OAuthClient(APP, observe=lambda _: None),
        Lookups(()),
        EndpointClient(),
    )
    async with AsyncExitStack() as opened:
        for client in clients:
            await opened.enter_async_context(aclosing(client))
    assert [context.verify_mode for context in made] == [ssl.CERT_REQUIRED]
