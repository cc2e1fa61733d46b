"""The connection to the operator's own systems: one signed POST, and its status back.

No redirect is followed, nothing waits longer than 15 s in all, and no more is read of an answer than a kilobyte. What
was sent, where to, and what was answered stands in no log line: all three may hold secrets or people.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import httpx

from app import __version__
from app.model import Delivery
from app.sources import signing
from app.sources.standard_scheme import SHARED

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime
    from types import TracebackType
    from typing import Self

    from app.model import Endpoint, Secret

TIMEOUT = timedelta(seconds=15)
LARGEST = 1024


@dataclass(frozen=True, slots=True)
class Answered:
    """What an endpoint answered. Without a status `error` says why there is none; `text` is the answer's beginning."""

    status: int | None
    error: str | None = None
    retry_after: str | None = None
    text: str | None = None


def signed(identity: str, body: bytes, secrets: Iterable[Secret], now: datetime) -> dict[str, str]:
    """Return the headers of Standard Webhooks: each secret signs, so that either of two proves a message."""
    message = Delivery(identity, "", now, "POST", "", {}, body)
    each = [signing.sign(SHARED, message, (secret,), now) for secret in secrets]
    return each[0] | {SHARED.header: " ".join(headers[SHARED.header] for headers in each)}


class Endpoints:
    """Posts to endpoints, to any number of them at once. `transport` replaces the network (tests)."""

    def __init__(self, *, timeout: timedelta = TIMEOUT, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._timeout = timeout.total_seconds()
        # Whoever sends bounds what is on its way to each endpoint: a bound on all would let a slow one hold up others.
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=100)
        self._http = httpx.AsyncClient(
            timeout=self._timeout, follow_redirects=False, limits=limits, transport=transport
        )

    async def __aenter__(self) -> Self:
        """Open for sending."""
        await self._http.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close all connections."""
        await self._http.__aexit__(kind, error, trace)

    async def post(self, endpoint: Endpoint, identity: str, body: bytes, now: datetime) -> Answered:
        """Post one message; never raises for what the endpoint or the network does."""
        deadline = asyncio.get_running_loop().time() + self._timeout
        try:
            request = self._request(endpoint, identity, body, now)
            async with asyncio.timeout_at(deadline):
                reply = await self._http.send(request, stream=True)
        except TimeoutError:
            return Answered(None, "timeout")
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            # Its message may hold the URL. ValueError: what the rules let pass and HTTP does not.
            return Answered(None, type(error).__name__)
        text = await _beginning(reply, deadline)
        return Answered(reply.status_code, retry_after=reply.headers.get("retry-after"), text=text or None)

    def _request(self, endpoint: Endpoint, identity: str, body: bytes, now: datetime) -> httpx.Request:
        headers = signed(identity, body, endpoint.secrets, now) | {
            "content-type": "application/json",
            "user-agent": f"Segue/{__version__}",
            "accept-encoding": "identity",
        }
        return self._http.build_request("POST", endpoint.url, content=body, headers=headers)


async def _beginning(reply: httpx.Response, deadline: float) -> str:
    """Return the first kilobyte of an answer. The status counts: an answer that breaks off or trickles is cut short."""
    body = bytearray()
    with suppress(TimeoutError, httpx.HTTPError):
        try:
            async with asyncio.timeout_at(deadline):
                async for piece in reply.aiter_raw(LARGEST):
                    body += piece
                    if len(body) >= LARGEST:
                        break
        finally:
            await reply.aclose()
    return bytes(body[:LARGEST]).decode("utf-8", "replace").replace("\x00", "")
