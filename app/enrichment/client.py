"""Lookups at the providers of thin events: one GET to a host that a provider's module names, and its JSON back.

No URL from a payload is requested, no redirect is followed, and at most a megabyte is read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx

from app.errors import LookupFailed, LookupNotFound, Unreadable
from app.sources.strict_json import parse
from app.tls import tls_context

if TYPE_CHECKING:
    from collections.abc import Collection

    from app.sources.base import Lookup

TIMEOUT = httpx.Timeout(10.0)
LARGEST = 1024 * 1024
# A provider may send an event before its own API shows the object; these tries take about a minute.
NOT_THERE_YET = 6
LONGEST_WAIT = 5  # digits of a believable Retry-After in seconds


class Lookups:
    """The connection to the providers' own hosts. `transport` replaces the network (tests)."""

    def __init__(self, hosts: Collection[str], *, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._hosts = frozenset(hosts)
        self._http = httpx.AsyncClient(
            timeout=TIMEOUT, follow_redirects=False, transport=transport, verify=tls_context()
        )

    async def aclose(self) -> None:
        """Close all connections."""
        await self._http.aclose()

    async def ask(self, lookup: Lookup) -> Any:
        """Return the JSON at the lookup's path.

        Raises LookupFailed where a later try may work, and LookupNotFound where the provider has no such thing.
        """
        if lookup.host not in self._hosts:
            raise LookupNotFound(f"{lookup.host} is no provider's host")
        try:
            async with self._http.stream("GET", f"https://{lookup.host}{lookup.path}", headers=lookup.headers) as reply:
                return await _answer(reply)
        except httpx.HTTPError as error:
            raise LookupFailed("not_reached", f"{lookup.host}: {type(error).__name__}") from error


async def _answer(reply: httpx.Response) -> Any:
    host = reply.request.url.host
    if reply.status_code == httpx.codes.GONE:
        raise LookupNotFound(f"{host} answered {reply.status_code}")
    if reply.status_code == httpx.codes.NOT_FOUND:
        raise LookupFailed("not_found", f"{host} answered {reply.status_code}", tries=NOT_THERE_YET)
    if reply.status_code != httpx.codes.OK:
        raise LookupFailed(f"status_{reply.status_code}", f"{host} answered {reply.status_code}", _seconds(reply))
    body = bytearray()
    async for piece in reply.aiter_bytes():
        body += piece
        if len(body) > LARGEST:
            raise LookupNotFound(f"{host} answered with more than {LARGEST} bytes")
    try:
        return parse(bytes(body))
    except Unreadable as error:
        raise LookupFailed("unreadable", f"{host}: {error}") from error


def _seconds(reply: httpx.Response) -> float | None:
    value = reply.headers.get("retry-after", "")
    return float(value) if value.isascii() and value.isdigit() and len(value) <= LONGEST_WAIT else None
