"""Networks as a setting names them, and whether an address is one of the public Internet."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import urlsplit

from pydantic import BeforeValidator

if TYPE_CHECKING:
    from collections.abc import Iterable

# An IPv6 address of a translator (RFC 6052, RFC 8215) reaches the IPv4 address that its last 32 bits are.
TRANSLATED = (ip_network("64:ff9b::/96"), ip_network("64:ff9b:1::/48"))


def read_networks(value: Any) -> Any:
    """Return the networks of a text such as `10.0.0.0/8, 192.0.2.7`. Raises ValueError."""
    if not isinstance(value, str):
        return value
    return tuple(ip_network(part.strip()) for part in value.split(",") if part.strip())


Networks = Annotated[tuple[IPv4Network | IPv6Network, ...], BeforeValidator(read_networks)]


def is_allowed(address: str, networks: Iterable[IPv4Network | IPv6Network]) -> bool:
    """Tell whether an address is public, or within one of `networks`. Raises ValueError where it is no address."""
    found = _reached(ip_address(address.partition("%")[0]))
    public = found.is_global and not found.is_multicast
    return public or any(found in network for network in networks)


def is_unencrypted(url: str) -> bool:
    """Tell whether what is sent to this URL can be read on its way: it is http, and not on this machine."""
    split = urlsplit(url)
    host = split.hostname or ""
    try:
        local = ip_address(host).is_loopback
    except ValueError:
        local = host == "localhost" or host.endswith(".localhost")
    return split.scheme == "http" and not local


def _reached(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """Return the IPv4 address that an IPv6 address stands for, where it does, else the address."""
    if isinstance(address, IPv4Address):
        return address
    if any(address in network for network in TRANSLATED):
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else address)
