"""Posts the requests that HubSpot itself sends."""

from __future__ import annotations

import httpx

TIMEOUT = 5.0  # seconds that HubSpot waits for an answer
NO_ANSWER = 0


class WebhookClient:
    """Posts webhooks. `transport` replaces the network where given."""

    def __init__(self, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._transport = transport
        self._client: httpx.AsyncClient | None = None

    async def post(self, url: str, body: bytes, headers: dict[str, str]) -> int:
        """Post; return the status of the response, 0 when there is none."""
        if self._client is None:
            self._client = httpx.AsyncClient(transport=self._transport, timeout=TIMEOUT, trust_env=False)
        try:
            response = await self._client.post(url, content=body, headers=headers)
        except (httpx.HTTPError, httpx.InvalidURL):
            return NO_ANSWER
        return response.status_code

    async def close(self) -> None:
        """Close all connections."""
        if self._client is not None:
            await self._client.aclose()
            self._client = None
