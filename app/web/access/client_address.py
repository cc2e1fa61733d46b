"""The address of a client: the peer's, or what proxies say that the operator trusts. Pure."""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

Networks = tuple[IPv4Network | IPv6Network, ...]
FORWARDED_FOR = b"x-forwarded-for"
UNKNOWN = "unknown"


def networks(text: str) -> Networks:
    """Return the networks of a comma-separated list. Raises ValueError."""
    return tuple(ip_network(part.strip(), strict=False) for part in text.split(",") if part.strip())


def client_address(peer: Sequence[object] | None, headers: Iterable[tuple[bytes, bytes]], trusted: Networks) -> str:
    """Return the client's address.

    X-Forwarded-For is read from the right, where the nearest proxy writes, and only as far as each hop is trusted: what
    stands further left is the client's own word.
    """
    address = str(peer[0]) if peer else UNKNOWN
    if not trusted or not _within(address, trusted):
        return address
    hops = [hop.strip() for name, value in headers if name.lower() == FORWARDED_FOR for hop in value.split(b",")]
    for hop in reversed(hops):
        named = _plain(hop.decode("latin-1"))
        if named is None:
            return address
        address = named
        if not _within(address, trusted):
            return address
    return address


def _within(address: str, trusted: Networks) -> bool:
    try:
        ip = ip_address(address)
    except ValueError:
        return False
    mapped = getattr(ip, "ipv4_mapped", None) or ip
    return any(mapped in network for network in trusted)


def _plain(hop: str) -> str | None:
    """Return an address as proxies write it, without port and brackets; None where it is none."""
    if hop.startswith("["):
        hop = hop[1:].partition("]")[0]
    elif hop.count(":") == 1:
        hop = hop.partition(":")[0]
    try:
        return str(ip_address(hop))
    except ValueError:
        return None
