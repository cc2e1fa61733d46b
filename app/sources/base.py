"""The protocol of a provider: verify a delivery, answer a challenge, normalise its events. Without I/O."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple, Protocol

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from app.model import Delivery, Event, Response, Secret, SourceConfig
from app.sources import credentials, signing
from app.sources.assurance import mistakes_of_each

if TYPE_CHECKING:
    from collections.abc import Mapping

    from app.errors import DeliveryRejected
    from app.sources.assurance import Proof
    from app.sources.credentials import Credential
    from app.sources.signing import Scheme

POST = frozenset({"POST"})
ANY_METHOD = frozenset({"POST", "PUT", "PATCH", "GET", "DELETE"})
HeaderName = Annotated[str, StringConstraints(pattern=r"^[!#$%&'*+.^_`|~0-9A-Za-z-]+$")]


@dataclass(frozen=True, slots=True)
class Lookup:
    """The request that completes a thin event: a path below `host`, which no payload chooses, with `headers`.

    The host "" stands for HubSpot: `path` is then the id of a contact, and `portal` the id of its account, empty where
    the event does not name it.
    """

    host: str
    path: str
    headers: Mapping[str, str]
    portal: str = ""


class Hint(NamedTuple):
    """A HubSpot contact that a delivery mentions, and the id of its account, empty where that is not named."""

    portal: str
    contact: str


class Provider(Protocol):
    """One kind of sender. `Options` is the strict model of a source's own keys beside `provider` and `secrets`.

    `methods` are the HTTP methods of its deliveries. `retry_after_unit` is how many of the sender's units of
    Retry-After make a second. `hosts` are all hosts of its lookups.
    """

    name: str
    Options: type[BaseModel]
    methods: frozenset[str]
    retry_after_unit: int
    hosts: frozenset[str]

    def check(self, config: SourceConfig) -> list[str]:
        """Return the source's configuration mistakes as sentences that print no secret."""
        ...

    def proof(self, config: SourceConfig) -> Proof:
        """Return what a delivery of this source proves."""
        ...

    def probe(self, delivery: Delivery, config: SourceConfig) -> Response | None:
        """Return the response to an unauthenticated request that only checks that the URL is served, else None."""
        ...

    def verify(self, delivery: Delivery, config: SourceConfig, now: datetime) -> Secret | None:
        """Raise Unauthenticated, with the name of the check that failed, unless the delivery proves its origin.

        Returns the secret that proved it; None where the source is open on purpose.
        """
        ...

    def stored(self, delivery: Delivery, config: SourceConfig) -> Delivery:
        """Return what may be stored of a verified delivery: nothing that lets a reader send the next one."""
        ...

    def removed_secrets(self, config: SourceConfig) -> tuple[Secret, ...]:
        """Return the secrets that `stored` removes from a delivery."""
        ...

    def handshake(self, delivery: Delivery, config: SourceConfig) -> Response | None:
        """Return the response to a verified delivery that is a challenge, else None."""
        ...

    def events(self, delivery: Delivery, config: SourceConfig) -> list[Event]:
        """Return the events in a verified delivery; raise Unreadable, naming the field, where it cannot be read."""
        ...

    def answer(self, delivery: Delivery, refusal: DeliveryRejected | None) -> Response | None:
        """Return the response to an accepted or refused delivery where the provider requires its own form."""
        ...

    def lookup(self, event: Event, config: SourceConfig) -> Lookup | None:
        """Return the lookup that completes a thin event, None where there is none."""
        ...

    def enriched(self, event: Event, found: Any) -> Event:
        """Return the thin event with what the lookup found, parsed JSON of any shape. Raises Unreadable."""
        ...

    def hints(self, events: list[Event]) -> frozenset[Hint]:
        """Return the HubSpot contacts whose sequence may have ended, according to these events."""
        ...

    def sign(self, body: bytes, config: SourceConfig, now: datetime, *, method: str, url: str) -> dict[str, str]:
        """Return the headers that the provider would send with `body`, for samples, demonstrations and tests.

        Raises StartError where the source has no usable secret.
        """
        ...

    def address(self, url: str, config: SourceConfig, now: datetime) -> str:
        """Return the URL that the provider calls, which may hold a secret; raises StartError like `sign`."""
        ...

    def fit_sample(self, sample: str, config: SourceConfig) -> str:
        """Return the body of a sample as this source's sender would write it."""
        ...


class NoOptions(BaseModel):
    """A source that has no keys of its own."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class BaseProvider:
    """What most providers share: deliveries by POST, probes by GET or HEAD, and no response of their own form."""

    name: str
    Options: type[BaseModel] = NoOptions
    methods: frozenset[str] = POST
    retry_after_unit: int = 1
    hosts: frozenset[str] = frozenset()

    def probe(self, delivery: Delivery, config: SourceConfig) -> Response | None:  # noqa: ARG002  # the protocol's
        """Answer 200 to HEAD and GET: many tools send one before they save a webhook."""
        if delivery.method in {"GET", "HEAD"} and delivery.method not in self.methods:
            return Response(content_type="text/plain")
        return None

    def stored(self, delivery: Delivery, config: SourceConfig) -> Delivery:  # noqa: ARG002  # the protocol's
        """Return the whole delivery: its signature is useless for another delivery."""
        return delivery

    def removed_secrets(self, config: SourceConfig) -> tuple[Secret, ...]:
        """Return the source's secrets."""
        return config.secrets

    def handshake(self, delivery: Delivery, config: SourceConfig) -> Response | None:  # noqa: ARG002  # the protocol's
        """Return None: most providers send no challenge."""
        return None

    def answer(self, delivery: Delivery, refusal: DeliveryRejected | None) -> Response | None:  # noqa: ARG002  # the protocol's
        """Return None: most providers look at the status only."""
        return None

    def lookup(self, event: Event, config: SourceConfig) -> Lookup | None:  # noqa: ARG002  # the protocol's
        """Return None: most events say all that their provider knows."""
        return None

    def enriched(self, event: Event, found: Any) -> Event:  # noqa: ARG002  # the protocol's
        """Return the event as it is: there was no lookup."""
        return event

    def hints(self, events: list[Event]) -> frozenset[Hint]:  # noqa: ARG002  # the protocol's
        """Return no contact: other tools know nothing of HubSpot's sequences."""
        return frozenset()

    def address(self, url: str, config: SourceConfig, now: datetime) -> str:  # noqa: ARG002  # the protocol's
        """Return the URL as it is: the proof is in the headers."""
        return url

    def fit_sample(self, sample: str, config: SourceConfig) -> str:  # noqa: ARG002  # the protocol's
        """Return the sample as it is: it is the same for every sender."""
        return sample


class SignedProvider(BaseProvider):
    """Base of the providers that have one signature scheme: a subclass adds `events`."""

    scheme: Scheme

    def check(self, config: SourceConfig) -> list[str]:
        """Return what is wrong with the source's secrets."""
        return secret_mistakes(self.scheme, config.secrets)

    def proof(self, config: SourceConfig) -> Proof:
        """Return what a signature covers."""
        return self.scheme_of(config).proof

    def verify(self, delivery: Delivery, config: SourceConfig, now: datetime) -> Secret | None:
        """Raise Unauthenticated unless one of the source's secrets in force signed the delivery."""
        return signing.verify(self.scheme_of(config), delivery, config.secrets, now)

    def sign(self, body: bytes, config: SourceConfig, now: datetime, *, method: str, url: str) -> dict[str, str]:
        """Return the signature headers for `body`."""
        return signing.sign(self.scheme, unsent(body, config, now, method=method, url=url), config.secrets, now)

    def scheme_of(self, config: SourceConfig) -> Scheme:
        """Return the scheme with the tolerance that the source's options set, where the provider has that option."""
        return with_tolerance(self.scheme, config)


class CredentialProvider(BaseProvider):
    """Base of the providers that send a password: a subclass adds `events`."""

    credential: Credential

    def check(self, config: SourceConfig) -> list[str]:
        """Return what is wrong with the source's secrets."""
        return credentials.mistakes(self.credential_of(config), config.secrets)

    def proof(self, config: SourceConfig) -> Proof:
        """Return what a password proves."""
        return self.credential_of(config).proof

    def verify(self, delivery: Delivery, config: SourceConfig, now: datetime) -> Secret | None:
        """Raise Unauthenticated unless the delivery carries one of the source's secrets in force."""
        return credentials.verify(self.credential_of(config), delivery, config.secrets, now)

    def stored(self, delivery: Delivery, config: SourceConfig) -> Delivery:
        """Return the delivery without the password."""
        return credentials.redacted(self.credential_of(config), delivery, config.secrets)

    def sign(self, body: bytes, config: SourceConfig, now: datetime, *, method: str, url: str) -> dict[str, str]:  # noqa: ARG002  # the protocol's
        """Return the header with the password; none where the password is in the URL."""
        return credentials.headers(self.credential_of(config), config.secrets, now)

    def address(self, url: str, config: SourceConfig, now: datetime) -> str:
        """Return the URL, with the secret as its last part where the credential is of that kind."""
        return credentials.address(self.credential_of(config), url, config.secrets, now)

    def credential_of(self, config: SourceConfig) -> Credential:
        """Return the credential in the header that the source's options name, where the provider has that option."""
        if isinstance(config.options, HeaderOptions) and config.options.header is not None:
            return replace(self.credential, header=config.options.header.lower())
        return self.credential


class TimedOptions(BaseModel):
    """Keys of a source whose signature covers a timestamp."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    tolerance: int | None = Field(
        default=None,
        ge=1,
        le=86_400,
        description="How many seconds a signed timestamp may be off; the provider's own figure when not set.",
    )


class HeaderOptions(BaseModel):
    """Keys of a source whose secret stands in a header that its user names."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    header: HeaderName | None = Field(
        default=None, description="The header that carries the secret, as it is set at the sender."
    )


def with_tolerance(scheme: Scheme, config: SourceConfig) -> Scheme:
    """Return the scheme with the tolerance that the source's options set, else the scheme itself."""
    # Copied only where a source sets a tolerance: every delivery comes through here.
    if isinstance(config.options, TimedOptions) and config.options.tolerance is not None:
        return replace(scheme, tolerance=timedelta(seconds=config.options.tolerance))
    return scheme


def secret_mistakes(scheme: Scheme, secrets: tuple[Secret, ...]) -> list[str]:
    """Return a sentence for each secret that cannot work, or one sentence where none is set."""
    return mistakes_of_each(secrets, lambda value: _secret_mistake(scheme, value))


def _secret_mistake(scheme: Scheme, value: str) -> str | None:
    if not value.strip():
        return "is empty"
    if value != value.strip():
        return "begins or ends with white space"
    if not signing.key_of(scheme, value):
        return f"is not base64 (with or without {scheme.key_prefix} in front): paste it as the sender shows it"
    return None


def unsent(body: bytes, config: SourceConfig, now: datetime, *, method: str, url: str, message: str = "") -> Delivery:
    """Return the request to be signed; `message` is its message id, where the scheme has one."""
    return Delivery(message, config.name, now, method, url, {}, body)


def retiring(secret: Secret, secrets: tuple[Secret, ...]) -> bool:
    """Return whether a secret is being retired: it has a `not_after`, or it is not the first one without."""
    return secret.not_after is not None or secret != next(other for other in secrets if other.not_after is None)
