"""The client for the identity provider: the one module of the console that opens connections."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import httpx
import structlog

from app.connection_errors import cause_of
from app.errors import ProviderFailed
from app.tls import tls_context

if TYPE_CHECKING:
    from collections.abc import Mapping

CALL_SECONDS = 10.0  # one whole call, with connecting
MOST_BYTES = 262_144  # a key set with certificates of a large provider has 20 KB
OK = 200

log = structlog.get_logger(__name__)


class ProviderClient:
    """Asks an identity provider. Every method raises ProviderFailed, whose message says what was asked for."""

    def __init__(self) -> None:
        self._http = httpx.AsyncClient(
            headers={"Accept": "application/json"}, verify=tls_context(), timeout=CALL_SECONDS, follow_redirects=False
        )

    async def aclose(self) -> None:
        """Close all connections."""
        await self._http.aclose()

    async def read(self, what: str, url: str) -> Any:
        """Return a JSON document."""
        status, document = await self._send(what, self._http.build_request("GET", url))
        if status != OK:
            raise _failed(what, f"HTTP {status}")
        return document

    async def post(self, what: str, url: str, form: Mapping[str, str], auth: tuple[str, str] | None) -> tuple[int, Any]:
        """Post a form; return the status and the JSON document."""
        request = self._http.build_request("POST", url, data=dict(form))
        return await self._send(what, request, auth=httpx.BasicAuth(*auth) if auth else None)

    async def _send(self, what: str, request: httpx.Request, auth: httpx.Auth | None = None) -> tuple[int, Any]:
        try:
            async with asyncio.timeout(CALL_SECONDS):
                response = await self._http.send(request, stream=True, auth=auth)
                try:
                    body = await _body(response)
                finally:
                    await response.aclose()
        except (httpx.HTTPError, TimeoutError) as error:
            raise _failed(what, cause_of(error)) from error
        if body is None:
            raise _failed(what, "too large")
        try:
            return response.status_code, json.loads(body)
        except ValueError as error:
            raise _failed(what, f"HTTP {response.status_code} without JSON") from error


async def _body(response: httpx.Response) -> bytes | None:
    """Return a body, None where it is larger than anything that a provider has to say."""
    body = bytearray()
    async for part in response.aiter_bytes():
        body += part
        if len(body) > MOST_BYTES:
            return None
    return bytes(body)


def _failed(what: str, why: str) -> ProviderFailed:
    """Return the error for a person, and write down the same: it holds no URL, no code and no token."""
    log.warning("console.provider_failed", asked=what, error=why)
    return ProviderFailed(f"The identity provider does not give {what} ({why}). Try again later.")
