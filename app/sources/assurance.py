"""How a sender proves its deliveries: what the proof is worth, and what is wrong with the secrets, as sentences."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.clock import in_words

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime, timedelta

    from app.model import Delivery, Secret

WHILE_IN_FORCE = "while the secret is in force"


@dataclass(frozen=True, slots=True)
class Proof:
    """`how` a delivery is proved, what the proof `covers`, and how long a captured request stays usable (`replay`)."""

    how: str
    covers: str
    replay: str


class Authentication(ABC):
    """One way to prove a delivery by a source's secrets."""

    __slots__ = ()

    @property
    @abstractmethod
    def proof(self) -> Proof:
        """What such a proof is worth."""

    @abstractmethod
    def mistakes(self, secrets: tuple[Secret, ...]) -> list[str]:
        """Return a sentence for each secret that cannot work, or one sentence where none is set."""

    @abstractmethod
    def verify(self, delivery: Delivery, secrets: tuple[Secret, ...], now: datetime) -> Secret | None:
        """Return the secret that proved the delivery, None where none is needed.

        Raises Unauthenticated, with the name of the check that failed.
        """

    @abstractmethod
    def sign(self, request: Delivery, secrets: tuple[Secret, ...], now: datetime) -> dict[str, str]:
        """Return the headers that a sender with the first secret in force adds. Raises StartError without one."""

    def headers(self, delivery: Delivery) -> frozenset[str]:
        """Return the names, in lower case, of the delivery's headers in which the proof stands."""
        return frozenset()

    @property
    def secret_header(self) -> str | None:
        """The name, in lower case, of the header that holds a password; None where there is none."""
        return None

    @property
    def covers_url(self) -> bool:
        """Whether the proof covers the URL, which is kept as it came then."""
        return False

    def redacted(self, delivery: Delivery, secrets: tuple[Secret, ...]) -> Delivery:
        """Return the delivery without what would let a reader send another one."""
        return delivery

    def address(self, url: str, secrets: tuple[Secret, ...], now: datetime) -> str:
        """Return the URL that the sender calls, which may hold a secret. Raises StartError like `sign`."""
        return url


def too_old(age: timedelta, tolerance: timedelta) -> str:
    """Say how old a signature is and how old it may be."""
    return f"signed {in_words(age)} ago, accepted up to {in_words(tolerance)}"


def in_future(ahead: timedelta) -> str:
    """Say how far the time of a signature is ahead of our clock."""
    return f"signed {in_words(ahead)} ahead of this clock: check both clocks"


def mistakes_of_each(secrets: tuple[Secret, ...], mistake_of: Callable[[str], str | None]) -> list[str]:
    """Return a sentence for each secret in which `mistake_of` finds a mistake, or one sentence where none is set."""
    if not secrets:
        return ["needs at least one secret: without one every delivery is refused"]
    return [
        f"secret {number} {mistake}"
        for number, secret in enumerate(secrets, start=1)
        if (mistake := mistake_of(secret.value))
    ]
