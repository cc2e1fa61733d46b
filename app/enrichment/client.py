"""Lookups at the providers of thin events: one GET to a host that a provider's module names, and its JSON back.

No URL from a payload is requested, no redirect is followed, and at most a megabyte is read. A message names the host
and the status: never a token, nor what was answered.
"""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, Any

import httpx

from app.connection_errors import cause_of
from app.errors import LookupFailed, LookupNotFound, Unreadable
from app.sources.strict_json import parse
from app.tls import tls_context

if TYPE_CHECKING:
    from collections.abc import Collection

    from app.sources.base import Lookup

LABEL = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?")
TIMEOUT = httpx.Timeout(10.0)
# For the whole answer, so that one that never ends does not keep other events waiting; seconds.
DEADLINE = 30.0
LARGEST = 1024 * 1024
# A provider may send an event before its own API shows the object; these tries take about a minute.
NOT_THERE_YET = 6
# Refusals of this very request that may pass by themselves: a time-out, "too early", "too many".
MAY_PASS = frozenset({408, 425, 429})
REFUSING = frozenset({401, 403})
LONGEST_WAIT = 5  # digits of a believable Retry-After in seconds


class Lookups:
    """The connection to the providers' own hosts. `transport` replaces the network (tests).

    In `hosts` the label `*` stands for any one label. `deadline` is in seconds.
    """

    def __init__(
        self,
        hosts: Collection[str],
        *,
        transport: httpx.AsyncBaseTransport | None = None,
        deadline: float = DEADLINE,
    ) -> None:
        self._hosts = frozenset(hosts)
        self._deadline = deadline
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
        if not self._is_ours(lookup.host):
            raise LookupNotFound(f"{lookup.host} is no provider's host")
        url = f"https://{lookup.host}{lookup.path}"
        try:
            async with (
                asyncio.timeout(self._deadline),
                self._http.stream("GET", url, headers=lookup.headers) as reply,
            ):
                return await _answer(reply)
        except (httpx.HTTPError, TimeoutError) as error:
            raise LookupFailed("not_reached", f"{lookup.host}: {cause_of(error)}") from error

    def _is_ours(self, host: str) -> bool:
        label, _, domain = host.partition(".")
        return LABEL.fullmatch(label) is not None and not self._hosts.isdisjoint((host, f"*.{domain}"))


async def _answer(reply: httpx.Response) -> Any:
    host = reply.request.url.host
    if reply.status_code != httpx.codes.OK:
        raise _refusal(reply, f"{host} answered {reply.status_code}")
    body = bytearray()
    async for piece in reply.aiter_bytes():
        body += piece
        if len(body) > LARGEST:
            raise LookupNotFound(f"{host} answered with more than {LARGEST} bytes")
    try:
        return parse(bytes(body))
    except Unreadable as error:
        raise LookupFailed("unreadable", f"{host}: {error}") from error


def _refusal(reply: httpx.Response, message: str) -> LookupFailed | LookupNotFound:
    status = reply.status_code
    if status == httpx.codes.GONE:
        return LookupNotFound(message)
    if status == httpx.codes.NOT_FOUND:
        return LookupFailed("not_found", message, tries=NOT_THERE_YET)
    if status in REFUSING:
        return LookupFailed(
            LookupFailed.TOKEN_REFUSED, f"{message}: the source's `api_token` is refused, or may not read this"
        )
    final = reply.is_client_error and status not in MAY_PASS
    return LookupFailed(f"status_{status}", message, _seconds(reply), tries=NOT_THERE_YET if final else None)


def _seconds(reply: httpx.Response) -> float | None:
    value = reply.headers.get("retry-after", "")
    return float(value) if value.isascii() and value.isdigit() and len(value) <= LONGEST_WAIT else None
