"""The address and the scheme of a client: the peer's, or what proxies say that the operator trusts. Pure."""

from __future__ import annotations

from ipaddress import ip_address
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from app.networks import Networks

FORWARDED_FOR, FORWARDED_PROTO = b"x-forwarded-for", b"x-forwarded-proto"
SCHEMES = frozenset({"http", "https"})
UNKNOWN = "unknown"


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


def client_scheme(
    peer: Sequence[object] | None, headers: Iterable[tuple[bytes, bytes]], trusted: Networks, scheme: str
) -> str:
    """Return the scheme that the client called by; `scheme` is the connection's own."""
    if not (trusted and peer and _within(str(peer[0]), trusted)):
        return scheme
    said = [value.decode("latin-1").strip() for name, value in headers if name.lower() == FORWARDED_PROTO]
    return said[-1] if said and said[-1] in SCHEMES else scheme


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
