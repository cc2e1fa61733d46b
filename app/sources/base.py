"""What a provider is: it verifies a delivery, answers a challenge and normalises events. Without I/O."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from pydantic import SecretStr

from app.model import Delivery, Event, Response, Secret, SourceConfig
from app.sources.fields import query_of
from app.sources.kept_headers import known_headers, without_parameters
from app.sources.options import HeaderOptions, StrictOptions, TimedOptions, TokenOptions, options_of
from app.sources.strict_json import parse_object
from app.sources.value_paths import header_of

if TYPE_CHECKING:
    import re
    from collections.abc import Callable, Mapping

    from pydantic import BaseModel

    from app.errors import DeliveryRejected
    from app.sources.assurance import Authentication, Proof
    from app.sources.credentials import Credential
    from app.sources.signing import Scheme

NO_HEADERS: frozenset[str] = frozenset()
ANY_METHOD = frozenset({"POST", "PUT", "PATCH", "GET", "DELETE"})


@dataclass(frozen=True, slots=True)
class Lookup:
    """The request that completes a thin event: a path below `host`, which no payload chooses, with `headers`.

    The host "" stands for HubSpot: `path` is then the id of a contact, and `portal` the id of its account, empty where
    the event does not name it. `per_minute` is how often a replica asks with these headers, None where that is not
    limited; an answer is used again for `keep_seconds`.
    """

    host: str
    path: str
    headers: Mapping[str, str] = field(repr=False)
    portal: str = ""
    per_minute: int | None = None
    keep_seconds: float = 0.0


class Hint(NamedTuple):
    """A HubSpot contact that a delivery mentions, and the id of its account, empty where that is not named."""

    portal: str
    contact: str


class Provider(ABC):
    """One kind of sender: by default its deliveries come by POST, and only their status is looked at.

    `Options` is the model of a source's own keys. `methods` are the HTTP methods of its deliveries. `retry_after_unit`
    is how many of the sender's units of Retry-After make a second. `hosts` are all hosts of its lookups; `*.` stands
    for one label that a source's options name. An event whose type matches `thin_types` names its `lookup_subject` by
    an id only. Beside what proves a delivery, headers are stored whose names begin with one of `header_prefixes`.
    """

    name: str
    Options: type[BaseModel] = StrictOptions
    methods: frozenset[str] = frozenset({"POST"})
    retry_after_unit: int = 1
    hosts: frozenset[str] = frozenset()
    thin_types: re.Pattern[str] | None = None
    lookup_subject: str = "person"
    header_prefixes: tuple[str, ...] = ()

    @abstractmethod
    def authentication(self, config: SourceConfig) -> Authentication:
        """Return how the source's deliveries are proved."""

    def check(self, config: SourceConfig) -> list[str]:
        """Return the source's configuration mistakes as sentences that print no secret."""
        return self.authentication(config).mistakes(config.secrets)

    def proof(self, config: SourceConfig) -> Proof:
        """Return what a delivery of this source proves."""
        return self.authentication(config).proof

    def probe(self, delivery: Delivery, config: SourceConfig) -> Response | None:
        """Return the response to an unauthenticated request that only checks that the URL is served, else None.

        HEAD and GET are answered 200: many tools send one before they save a webhook. A GET with data is no such sign
        of life: a sender that is set to the wrong method would take that as a yes to its event.
        """
        with_data = delivery.method == "GET" and (delivery.body or query_of(delivery.url))
        if delivery.method in {"GET", "HEAD"} and delivery.method not in self.methods and not with_data:
            return Response(content_type="text/plain; charset=utf-8")
        return None

    def verify(self, delivery: Delivery, config: SourceConfig, now: datetime) -> Secret | None:
        """Raise Unauthenticated, with the name of the check that failed, unless the delivery proves its origin.

        Returns the secret that proved it; None where the source is open on purpose.
        """
        return self.authentication(config).verify(delivery, config.secrets, now)

    def stored(self, delivery: Delivery, config: SourceConfig) -> Delivery:
        """Return what may be stored of a verified delivery: nothing that lets a reader send the next one."""
        authentication = self.authentication(config)
        return self.with_known_head(authentication.redacted(delivery, config.secrets), config, authentication)

    def with_known_head(self, delivery: Delivery, config: SourceConfig, authentication: Authentication) -> Delivery:
        """Return the delivery with what is read of its headers, and without credentials in a URL that is not signed."""
        names = authentication.headers(delivery) | self.named_headers(config)
        headers = known_headers(delivery.headers, names, self.header_prefixes, authentication.secret_header)
        url = delivery.url if authentication.covers_url else without_parameters(delivery.url)
        return delivery.with_head(url, headers)

    def named_headers(self, config: SourceConfig) -> frozenset[str]:
        """Return the headers, in lower case, from which the source's configuration takes values."""
        return frozenset(map(header_of, config.fields.values())) if config.fields else NO_HEADERS

    def removed_secrets(self, config: SourceConfig) -> tuple[Secret, ...]:
        """Return the secrets that `stored` removes from a delivery."""
        return config.secrets

    def handshake(self, delivery: Delivery, config: SourceConfig) -> Response | None:
        """Return the response to a verified delivery that is a challenge, else None."""
        return None

    def events(self, delivery: Delivery, config: SourceConfig) -> list[Event]:
        """Return the events in a verified delivery; raise Unreadable, naming the field, where it cannot be read."""
        return [self.awaiting_lookup(self.event(self.parsed(delivery), delivery, config), config)]

    def heard_events(self, delivery: Delivery, config: SourceConfig, hears: Callable[[str], bool]) -> list[Event]:
        """Return the same events; those of types that nothing hears may be `unheard` ones, which take less time."""
        return self.events(delivery, config)

    def parsed(self, delivery: Delivery) -> dict[str, Any]:
        """Return the body as `event` reads it, by default a JSON object. Raises Unreadable."""
        return parse_object(delivery.body)

    def event(self, body: dict[str, Any], delivery: Delivery, config: SourceConfig) -> Event:
        """Return the one event of a delivery: a provider has this, or `events` of its own. Raises Unreadable."""
        raise NotImplementedError

    def answer(self, delivery: Delivery, refusal: DeliveryRejected | None) -> Response | None:
        """Return the response to an accepted or refused delivery where the provider requires its own form."""
        return None

    def awaiting_lookup(self, event: Event, config: SourceConfig) -> Event:
        """Return an event without an address as a thin one where it can be looked up, or with what that lacks."""
        if event.email is not None or event.dropped is not None:
            return event
        if self.lookup(event, config) is not None:
            return replace(event, thin=True)
        with_token = with_any_token(config, self.Options)
        if with_token is None or self.lookup(event, with_token) is None:
            return event
        remedy = f"give source {config.name!r} an `api_token`"
        return replace(event, lacking=f"it names its {self.lookup_subject} by an id only; {remedy}")

    def lookup(self, event: Event, config: SourceConfig) -> Lookup | None:
        """Return the lookup that completes a thin event, None where there is none."""
        return None

    def enriched(self, event: Event, found: Any) -> Event:
        """Return the thin event with what the lookup found, parsed JSON of any shape.

        Raises Unreadable, and LookupFailed or LookupNotFound where the answer is a refusal.
        """
        return event

    def hints(self, events: list[Event]) -> frozenset[Hint]:
        """Return the HubSpot contacts whose sequence may have ended, according to these events."""
        return frozenset()

    def privacy_deletions(self, events: list[Event]) -> frozenset[Hint]:
        """Return the HubSpot contacts that were deleted for privacy: Segue forgets them, too."""
        return frozenset()

    def sign(self, body: bytes, config: SourceConfig, now: datetime, *, method: str, url: str) -> dict[str, str]:
        """Return the headers that the provider would send with `body`, for samples, demonstrations and tests.

        Raises StartError where the source has no usable secret.
        """
        return self.authentication(config).sign(unsent(body, config, now, method, url), config.secrets, now)

    def address(self, url: str, config: SourceConfig, now: datetime) -> str:
        """Return the URL that the provider calls, which may hold a secret; raises StartError like `sign`."""
        return self.authentication(config).address(url, config.secrets, now)

    def fit_sample(self, sample: str, config: SourceConfig) -> str:
        """Return the body of a sample as this source's sender would write it."""
        return sample


class SignedProvider(Provider):
    """Base of the providers that have one signature scheme."""

    scheme: Scheme

    def authentication(self, config: SourceConfig) -> Scheme:
        """Return the scheme with the tolerance that the source's options set, where the provider has that option."""
        return with_tolerance(self.scheme, config)


class CredentialProvider(Provider):
    """Base of the providers that send a password."""

    credential: Credential

    def authentication(self, config: SourceConfig) -> Credential:
        """Return the credential in the header that the source's options name, where the provider has that option."""
        if isinstance(config.options, HeaderOptions) and config.options.header is not None:
            return replace(self.credential, header=config.options.header.lower())
        return self.credential


def with_tolerance(scheme: Scheme, config: SourceConfig) -> Scheme:
    """Return the scheme with the tolerance that the source's options set, else the scheme itself."""
    # Copied only where a source sets a tolerance: every delivery comes through here.
    if isinstance(config.options, TimedOptions) and config.options.tolerance is not None:
        return replace(scheme, tolerance=timedelta(seconds=config.options.tolerance))
    return scheme


def with_any_token(config: SourceConfig, options: type[BaseModel]) -> SourceConfig | None:
    """Return the configuration of a source that has no `api_token` as if it had one, None for any other."""
    own = options_of(config, options)
    if not isinstance(own, TokenOptions) or own.api_token is not None:
        return None
    return replace(config, options=own.model_copy(update={"api_token": SecretStr("any")}))


def unheard(config: SourceConfig, kind: str) -> Event:
    """Return an event of which only the type has been read. It is counted, and never stored."""
    return Event(config.name, kind, ())


def unsent(body: bytes, config: SourceConfig, now: datetime, method: str, url: str) -> Delivery:
    """Return the request to be signed."""
    return Delivery("", config.name, now, method, url, {}, body)


def retiring(secret: Secret, secrets: tuple[Secret, ...]) -> bool:
    """Return whether a secret is being retired: it has a `not_after`, or it is not the first one without."""
    return secret.not_after is not None or secret != next(other for other in secrets if other.not_after is None)
