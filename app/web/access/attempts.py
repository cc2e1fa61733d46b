"""Wrong tokens slow down the address that they come from, in one process and in bounded memory. Pure but for its state.

Ten in a minute are compared at once. From then on one a second is, and all others are answered 429 without a look at
their token, until the minute has passed. A client that shares the address, behind one proxy, goes on with a token
that worked from there within the hour; any other address is not hindered.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from dataclasses import dataclass, field
from ipaddress import IPv6Address, ip_address

FREE = 10
MINUTE = 60.0
EVERY_SECONDS = 1.0
HOUR = 3600.0
ADDRESSES = 1024
KNOWN = 16  # tokens by address
IPV6_PREFIX = 64  # bits; one customer has a network of this size, and may use any address of it


@dataclass(slots=True)
class _Seen:
    """What one address did: wrong tokens of the running minute, when the next is compared, and what worked."""

    began: float = 0.0
    wrong: int = 0
    next_at: float = 0.0
    worked: OrderedDict[bytes, float] = field(default_factory=OrderedDict)


class Attempts:
    """The latest addresses with wrong tokens. `now` is a clock that never goes back, in seconds."""

    def __init__(self) -> None:
        self._seen: OrderedDict[str, _Seen] = OrderedDict()

    def wait(self, address: str, digest: bytes, now: float) -> float:
        """Return after how many seconds a token may be presented again, 0 where it is compared now."""
        seen = self._seen.get(_network(address))
        if seen is None or seen.wrong < FREE or now - seen.began >= MINUTE:
            return 0.0
        if now - seen.worked.get(digest, -HOUR) < HOUR:
            return 0.0
        if now < seen.next_at:
            return seen.next_at - now
        seen.next_at = now + EVERY_SECONDS
        return 0.0

    def failed(self, address: str, now: float) -> int:
        """Note a wrong token; return how many came in this minute."""
        seen = self._of(address)
        if now - seen.began >= MINUTE:
            seen.began, seen.wrong = now, 0
        seen.wrong += 1
        if seen.wrong == FREE:
            seen.next_at = now + EVERY_SECONDS
        return seen.wrong

    def worked(self, address: str, digest: bytes, now: float) -> None:
        """Note a right token."""
        known = self._of(address).worked
        known[digest] = now
        known.move_to_end(digest)
        if len(known) > KNOWN:
            known.popitem(last=False)

    def _of(self, address: str) -> _Seen:
        network = _network(address)
        seen = self._seen.setdefault(network, _Seen())
        self._seen.move_to_end(network)
        if len(self._seen) > ADDRESSES:
            self._seen.popitem(last=False)
        return seen


def _network(address: str) -> str:
    try:
        ip = ip_address(address)
    except ValueError:
        return address
    if isinstance(ip, IPv6Address) and ip.ipv4_mapped is None:
        return f"{int(ip) >> (128 - IPV6_PREFIX):x}::"
    return str(getattr(ip, "ipv4_mapped", None) or ip)


class Budget:
    """Lets `most` of each kind happen in a minute: what strangers cause must not fill a log or a table."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._began = -MINUTE
        self._counts: Counter[str] = Counter()

    def spend(self, kind: str, now: float) -> bool:
        """Return whether one more of this kind may happen."""
        if now - self._began >= MINUTE:
            self._began, self._counts = now, Counter()
        self._counts[kind] += 1
        return self._counts[kind] <= self._most
