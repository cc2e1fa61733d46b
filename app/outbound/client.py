"""The HTTP client for the operator's own systems: it sends one signed POST and returns the answer's status.

No redirect is followed, a request takes 15 s at most, and at most a kilobyte of an answer is read. Body, URL and answer
appear in no log line: all three may hold secrets or personal data. An address that is not public is connected to only
where the operator names its network.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import httpx

from app import __version__
from app.connection_errors import cause_of
from app.model import Delivery
from app.outbound.transport import CheckedTransport
from app.sources.standard_scheme import SHARED
from app.tls import tls_context

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime
    from ipaddress import IPv4Network, IPv6Network

    from app.model import Endpoint, Secret

TIMEOUT = timedelta(seconds=15)
LARGEST = 1024


@dataclass(frozen=True, slots=True)
class EndpointReply:
    """An endpoint's reply. Without a status `error` says why there is none; `text` is the beginning of the body."""

    status: int | None
    error: str | None = None
    retry_after: str | None = None
    text: str | None = None


def signed(message_id: str, body: bytes, secrets: Iterable[Secret], now: datetime) -> dict[str, str]:
    """Return the headers of Standard Webhooks, signed with each secret, so that a receiver may know either of two."""
    message = Delivery(message_id, "", now, "POST", "", {}, body)
    each = [SHARED.sign(message, (secret,), now) for secret in secrets]
    return each[0] | {SHARED.header: " ".join(headers[SHARED.header] for headers in each)}


class EndpointClient:
    """Posts to any number of endpoints at once."""

    def __init__(self, networks: Sequence[IPv4Network | IPv6Network] = (), *, timeout: timedelta = TIMEOUT) -> None:
        self._timeout = timeout.total_seconds()
        self._http = httpx.AsyncClient(
            timeout=self._timeout, follow_redirects=False, transport=CheckedTransport(tls_context(), networks)
        )

    async def aclose(self) -> None:
        """Close all connections."""
        await self._http.aclose()

    async def post(self, endpoint: Endpoint, message_id: str, body: bytes, now: datetime) -> EndpointReply:
        """Post one message; never raises for what the endpoint or the network does."""
        deadline = asyncio.get_running_loop().time() + self._timeout
        try:
            request = self._request(endpoint, message_id, body, now)
            async with asyncio.timeout_at(deadline):
                reply = await self._http.send(request, stream=True)
        except TimeoutError:
            return EndpointReply(None, "timeout")
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            # The error's message may hold the URL. ValueError: a URL that the rules accept and HTTP does not.
            return EndpointReply(None, cause_of(error))
        text = await _beginning(reply, deadline)
        return EndpointReply(reply.status_code, retry_after=reply.headers.get("retry-after"), text=text or None)

    def _request(self, endpoint: Endpoint, message_id: str, body: bytes, now: datetime) -> httpx.Request:
        headers = signed(message_id, body, endpoint.secrets, now) | {
            "content-type": "application/json",
            "user-agent": f"Segue/{__version__}",
            "accept-encoding": "identity",
        }
        return self._http.build_request("POST", endpoint.url, content=body, headers=headers)


async def _beginning(reply: httpx.Response, deadline: float) -> str:
    """Return the first kilobyte of an answer. Only the status matters: a broken or slow body is cut short."""
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
