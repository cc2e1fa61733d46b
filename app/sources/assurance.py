"""How a sender proves its deliveries: what the proof is worth, and what is wrong with the secrets, as sentences."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING

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

    def redacted(self, delivery: Delivery, secrets: tuple[Secret, ...]) -> Delivery:
        """Return the delivery without what would let a reader send another one."""
        return delivery

    def address(self, url: str, secrets: tuple[Secret, ...], now: datetime) -> str:
        """Return the URL that the sender calls, which may hold a secret. Raises StartError like `sign`."""
        return url


def for_so_long(tolerance: timedelta) -> str:
    """Return a tolerance in minutes, or in seconds where it is not a whole number of minutes."""
    seconds = int(tolerance.total_seconds())
    return f"for {seconds} s" if seconds % 60 else f"for {seconds // 60} min"


def mistakes_of_each(secrets: tuple[Secret, ...], mistake_of: Callable[[str], str | None]) -> list[str]:
    """Return a sentence for each secret in which `mistake_of` finds a mistake, or one sentence where none is set."""
    if not secrets:
        return ["needs at least one secret: without one every delivery is refused"]
    return [
        f"secret {number} {mistake}"
        for number, secret in enumerate(secrets, start=1)
        if (mistake := mistake_of(secret.value))
    ]
