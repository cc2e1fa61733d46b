"""Wrong tokens slow down the address that they come from, in all processes of a service and in bounded memory.

Ten in a minute are compared at once. From then on one a second is, and all others are answered 429 without a look at
their token, until the minute has passed. A client that shares the address, behind one proxy, goes on with a token
that worked from there within the hour; any other address is not hindered.
"""

from __future__ import annotations

from collections import Counter
from hashlib import blake2b
from ipaddress import IPv6Address, ip_address
from mmap import mmap
from typing import TYPE_CHECKING

from app.observability.shared import ATTEMPTS_BYTES

if TYPE_CHECKING:
    from app.observability.shared import Slot

FREE = 10
MINUTE = 60.0
EVERY_SECONDS = 1.0
HOUR = 3600.0
PLACES = 4096
IPV6_PREFIX = 64  # bits; one customer has a network of this size, and may use any address of it
# The words of an address: what it is, when its minute began, how many were wrong, when the next one is compared. Those
# of a token that worked from an address, behind all addresses: what they are, and when it last did.
TAG, BEGAN, WRONG, NEXT_AT = range(4)
WORKED_TAG, WORKED_AT = range(2)
WORD = 8


class Attempts:
    """What addresses presented lately. `now` is a clock that never goes back, the same for all processes, in seconds.

    An address has one place, found by a hash whose key no client knows: one that comes later takes it over. So
    strangers fill no memory, and cannot choose whose place they take. Processes that write at once may lose one count.
    """

    def __init__(self, shared: Slot | None = None) -> None:
        memory = memoryview(shared.attempts if shared else mmap(-1, ATTEMPTS_BYTES))
        self._key = shared.secret if shared else b""
        self._tags, self._values = memory.cast("q"), memory.cast("d")

    def wait(self, address: str, digest: bytes, now: float) -> float:
        """Return after how many seconds a token may be presented again, 0 where it is compared now."""
        network, values = _network(address), self._values
        at, tag = self._seen(network)
        known = self._tags[at + TAG] == tag and now - values[at + BEGAN] < MINUTE
        if not known or values[at + WRONG] < FREE or self._worked_within_the_hour(network, digest, now):
            return 0.0
        if now < values[at + NEXT_AT]:
            return values[at + NEXT_AT] - now
        values[at + NEXT_AT] = now + EVERY_SECONDS
        return 0.0

    def failed(self, address: str, now: float) -> None:
        """Note a wrong token."""
        (at, tag), values = self._seen(_network(address)), self._values
        if self._tags[at + TAG] != tag or now - values[at + BEGAN] >= MINUTE:
            self._tags[at + TAG], values[at + BEGAN], values[at + WRONG] = tag, now, 0
        values[at + WRONG] += 1
        if values[at + WRONG] == FREE:
            values[at + NEXT_AT] = now + EVERY_SECONDS

    def worked(self, address: str, digest: bytes, now: float) -> None:
        """Note a right token."""
        at, tag = self._worked(_network(address), digest)
        self._tags[at + WORKED_TAG], self._values[at + WORKED_AT] = tag, now

    def _worked_within_the_hour(self, network: str, digest: bytes, now: float) -> bool:
        at, tag = self._worked(network, digest)
        return self._tags[at + WORKED_TAG] == tag and now - self._values[at + WORKED_AT] < HOUR

    def _seen(self, network: str) -> tuple[int, int]:
        """Return the first word of an address, and how it is called there."""
        place, tag = self._place(network.encode())
        return 4 * place, tag

    def _worked(self, network: str, digest: bytes) -> tuple[int, int]:
        place, tag = self._place(digest + network.encode())
        return 4 * PLACES + 2 * place, tag

    def _place(self, what: bytes) -> tuple[int, int]:
        found = blake2b(what, digest_size=2 * WORD, key=self._key).digest()
        # An odd number: 0 is what an empty place has.
        return int.from_bytes(found[:WORD]) % PLACES, int.from_bytes(found[WORD:], signed=True) | 1


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
