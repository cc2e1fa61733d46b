"""A transport of httpx that connects to addresses which the operator allows, whatever a name resolves to.

The address is checked when the connection is made and is then the one connected to, so that a name which resolves to
another address a moment later reaches nothing. Where the environment names a proxy, the proxy resolves names.
"""

from __future__ import annotations

import asyncio
import socket
from contextlib import suppress
from typing import TYPE_CHECKING, Any
from urllib.request import getproxies, proxy_bypass

import httpx

from app.errors import AddressNotAllowed
from app.networks import is_allowed

if TYPE_CHECKING:
    import ssl
    from collections.abc import Awaitable, Callable, Sequence
    from ipaddress import IPv4Network, IPv6Network

# The caller limits the requests to each endpoint: a limit on all would let a slow endpoint delay the others.
LIMITS = httpx.Limits(max_connections=None, max_keepalive_connections=100)
# An address that does not answer must not use up the time of those after it.
ADDRESS_SECONDS = 4.0


class CheckedTransport(httpx.AsyncBaseTransport):
    """Connections to public addresses and to those within `networks`.

    Each host has connections of its own: the certificate is checked against the host's name, not the address.
    `resolve` returns the addresses of a host and port.
    """

    def __init__(
        self,
        tls: ssl.SSLContext,
        networks: Sequence[IPv4Network | IPv6Network],
        *,
        resolve: Callable[[str, int], Awaitable[list[str]]] | None = None,
    ) -> None:
        self._tls = tls
        self._networks = networks
        self._resolve = resolve or addresses_of
        self._hosts: dict[str, httpx.AsyncHTTPTransport] = {}
        self._proxied: dict[str, httpx.AsyncHTTPTransport] = {}

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request. Raises httpx.ConnectError, whose cause is AddressNotAllowed where no address may be used."""
        url = request.url
        proxy = None if proxy_bypass(url.host) else getproxies().get(url.scheme)
        if proxy is not None:
            return await self._through(proxy).handle_async_request(request)
        transport = self._hosts.setdefault(url.host, httpx.AsyncHTTPTransport(verify=self._tls, limits=LIMITS))
        *others, last = await self._allowed(url.host, url.port or (443 if url.scheme == "https" else 80))
        for address in others:
            with suppress(httpx.ConnectError, httpx.ConnectTimeout):
                return await transport.handle_async_request(_to(address, request))
        return await transport.handle_async_request(_to(last, request))

    async def aclose(self) -> None:
        """Close all connections."""
        for transport in (*self._hosts.values(), *self._proxied.values()):
            await transport.aclose()

    async def _allowed(self, host: str, port: int) -> list[str]:
        try:
            found = await self._resolve(host, port)
        except OSError as error:
            raise httpx.ConnectError("the name has no address") from error
        allowed = [address for address in found if is_allowed(address, self._networks)]
        if not allowed:
            message = "its address is private, and no network of SEGUE_ENDPOINT_NETWORKS holds it"
            raise httpx.ConnectError("no address may be used") from AddressNotAllowed(message)
        return allowed

    def _through(self, proxy: str) -> httpx.AsyncHTTPTransport:
        if proxy not in self._proxied:
            self._proxied[proxy] = httpx.AsyncHTTPTransport(verify=self._tls, limits=LIMITS, proxy=proxy)
        return self._proxied[proxy]


async def addresses_of(host: str, port: int) -> list[str]:
    """Return the addresses of a host, in the system's order. Raises OSError."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


def _to(address: str, request: httpx.Request) -> httpx.Request:
    """Return the request to this address of its host: the `Host` header and the certificate's name stay the host's."""
    timeout: dict[str, Any] = dict(request.extensions.get("timeout", {}))
    timeout["connect"] = min(timeout.get("connect") or ADDRESS_SECONDS, ADDRESS_SECONDS)
    return httpx.Request(
        request.method,
        request.url.copy_with(host=address),
        headers=request.headers,
        stream=request.stream,
        extensions={**request.extensions, "timeout": timeout, "sni_hostname": request.url.host},
    )
