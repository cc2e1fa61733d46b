"""Asking the providers of thin events: one GET to a host that a provider's module names, and its JSON back.

No address from a payload is ever asked, no redirect followed, and no more read than a megabyte.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx

from app.errors import LookupFailed, LookupNotFound, Unreadable
from app.sources.fields import parse

if TYPE_CHECKING:
    from collections.abc import Collection
    from types import TracebackType
    from typing import Self

    from app.sources.base import Lookup

TIMEOUT = httpx.Timeout(10.0)
LARGEST = 1024 * 1024
# A provider may tell of what its own API shows a moment later; these are about a minute's tries.
NOT_THERE_YET = 6
LONGEST_WAIT = 5  # digits of a believable Retry-After in seconds


class Lookups:
    """The connection to the providers' own hosts. `transport` replaces the network (tests)."""

    def __init__(self, hosts: Collection[str], *, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._hosts = frozenset(hosts)
        self._http = httpx.AsyncClient(timeout=TIMEOUT, follow_redirects=False, transport=transport)

    async def __aenter__(self) -> Self:
        """Open for asks."""
        await self._http.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close all connections."""
        await self._http.__aexit__(kind, error, trace)

    async def ask(self, lookup: Lookup) -> Any:
        """Return the JSON that stands at the lookup's path.

        Raises LookupFailed where asking again may help, and LookupNotFound where the provider has no such thing.
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
    told = reply.headers.get("retry-after", "")
    return float(told) if told.isascii() and told.isdigit() and len(told) <= LONGEST_WAIT else None
