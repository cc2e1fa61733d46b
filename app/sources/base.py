"""What every provider does: verify a delivery, answer a challenge, normalise its events. No I/O anywhere."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Protocol

from pydantic import BaseModel, ConfigDict, Field

from app.model import Delivery, Event, Handshake, Secret, SourceConfig
from app.sources import signing

if TYPE_CHECKING:
    from app.sources.signing import Scheme


class Provider(Protocol):
    """One kind of sender. `Options` is the strict model of a source's own keys beside `provider` and `secrets`."""

    name: str
    Options: type[BaseModel]

    def check(self, config: SourceConfig) -> list[str]:
        """Return the source's configuration mistakes as sentences that print no secret."""
        ...

    def verify(self, delivery: Delivery, config: SourceConfig, now: datetime) -> None:
        """Raise Unauthentic, with the name of the check that failed, unless the delivery proves where it comes from."""
        ...

    def handshake(self, delivery: Delivery, config: SourceConfig) -> Handshake | None:
        """Return the answer to a verified delivery that is a challenge, or None where it is none."""
        ...

    def events(self, delivery: Delivery, config: SourceConfig) -> list[Event]:
        """Return the events in a verified delivery; raise Unreadable, naming the field, where it cannot be read."""
        ...

    def sign(self, body: bytes, config: SourceConfig, now: datetime, *, method: str, url: str) -> dict[str, str]:
        """Return the headers with which the provider would send `body`: for samples, demonstrations and tests.

        Raises StartError where the source has no usable secret.
        """
        ...


class NoOptions(BaseModel):
    """A source that has no keys of its own."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class SignedProvider:
    """The part that is the same for every provider with one signature scheme: a subclass adds `events`."""

    name: str
    Options: type[BaseModel] = NoOptions
    scheme: Scheme

    def check(self, config: SourceConfig) -> list[str]:
        """Return what is wrong with the source's secrets."""
        return secret_mistakes(self.scheme, config.secrets)

    def verify(self, delivery: Delivery, config: SourceConfig, now: datetime) -> None:
        """Raise Unauthentic unless one of the source's secrets in force signed the delivery."""
        signing.verify(self.scheme_of(config), delivery, config.secrets, now)

    def handshake(self, delivery: Delivery, config: SourceConfig) -> Handshake | None:  # noqa: ARG002  # the protocol's
        """Return None: most providers send no challenge."""
        return None

    def sign(self, body: bytes, config: SourceConfig, now: datetime, *, method: str, url: str) -> dict[str, str]:
        """Return the signature headers for `body`."""
        return signing.sign(self.scheme, unsent(body, config, now, method=method, url=url), config.secrets, now)

    def scheme_of(self, config: SourceConfig) -> Scheme:
        """Return the scheme with the tolerance that the source's options set, where the provider has that option."""
        if isinstance(config.options, TimedOptions) and config.options.tolerance is not None:
            return replace(self.scheme, tolerance=timedelta(seconds=config.options.tolerance))
        return self.scheme


class TimedOptions(BaseModel):
    """Keys of a source whose signature covers a timestamp."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    tolerance: int | None = Field(
        default=None,
        ge=1,
        le=86_400,
        description="How many seconds a signed timestamp may be off; the provider's own figure when not set.",
    )


def secret_mistakes(scheme: Scheme, secrets: tuple[Secret, ...]) -> list[str]:
    """Return a sentence for each secret that cannot work, or one that none is set."""
    if not secrets:
        return ["needs at least one secret: without one every delivery is refused"]
    return [
        f"secret {number} {mistake}"
        for number, secret in enumerate(secrets, start=1)
        if (mistake := _secret_mistake(scheme, secret.value))
    ]


def _secret_mistake(scheme: Scheme, value: str) -> str | None:
    if not value.strip():
        return "is empty"
    if value != value.strip():
        return "begins or ends with white space"
    if not signing.key_of(scheme, value):
        return f"is not base64 (with or without {scheme.key_prefix} in front): paste it as the sender shows it"
    return None


def unsent(body: bytes, config: SourceConfig, now: datetime, *, method: str, url: str, message: str = "") -> Delivery:
    """Return the request that is about to be signed; `message` is the id it will carry, where the scheme has one."""
    return Delivery(message, config.name, now, method, url, {}, body)
