"""JSON webhooks of any kind: the source's configuration says how its sender signs and where the fields are.

A field is named by `$.dotted.path` or a JSON pointer into the body, or by `header:Name`. Unsigned deliveries are
accepted only from a source with both `verify: none` and `allow_unverified: true`. A named field that is present must be
of the right kind, because both ends are the operator's own: a wrong kind raises Unreadable, which names the path.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from app.errors import StartError, Unauthenticated, Unreadable
from app.model import Delivery, Event, Secret, SourceConfig
from app.sources import credentials, signing
from app.sources.assurance import NOTHING, Proof
from app.sources.base import BaseProvider, HeaderName, secret_mistakes, unsent
from app.sources.fields import as_instant, body_digest, from_digits, parse_object
from app.sources.signing import PLACEHOLDER, Scheme
from app.sources.value_paths import FieldName, value_at


def _is_template(value: str) -> str:
    names = {match[1] for match in PLACEHOLDER.finditer(value)}
    if "body" not in names or names - {"body", "timestamp"}:
        raise ValueError("a template uses {body} and may use {timestamp}, nothing else")
    return value


class Strict(BaseModel):
    """Refuses keys that it does not know."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Constant(Strict):
    """A value that is the same for every delivery of the source."""

    const: str = Field(min_length=1)


class Fields(Strict):
    """Where each event field is. Without `id` the whole body identifies an event; without `type` it is `event`."""

    id: FieldName | None = None
    type: FieldName | Constant = Constant(const="event")
    email: FieldName | None = None
    first_name: FieldName | None = None
    last_name: FieldName | None = None
    name: FieldName | None = None
    company: FieldName | None = None
    occurred_at: FieldName | None = None


class Signature(Strict):
    """How the sender signs. `tolerance` is in seconds, both ways, and applies where a timestamp is signed."""

    header: str = Field(min_length=1)
    algorithm: Literal["sha1", "sha256", "sha512"] = "sha256"
    encoding: Literal["hex", "base64"] = "hex"
    prefix: str = ""
    timestamp_header: str | None = None
    timestamp_unit: Literal["s", "ms"] = "s"
    tolerance: int = Field(default=300, ge=1, le=86_400)
    template: Annotated[str, AfterValidator(_is_template)] = "{body}"

    @cached_property
    def scheme(self) -> Scheme:
        """The same as data for the signing module."""
        return Scheme(
            header=self.header.lower(),
            template=self.template,
            algorithm=self.algorithm,
            encoding=self.encoding,
            prefix=self.prefix,
            timestamp_header=self.timestamp_header.lower() if self.timestamp_header else None,
            timestamp_unit=self.timestamp_unit,
            tolerance=timedelta(seconds=self.tolerance) if self.timestamp_header else None,
        )


class Credential(Strict):
    """The password of a sender that cannot sign: `secrets` holds the values, `user:password` for `basic`."""

    kind: Literal["header", "basic", "bearer", "url"]
    header: HeaderName = "X-Webhook-Secret"

    @cached_property
    def credential(self) -> credentials.Credential:
        """The same as data for the credentials module."""
        if self.kind == "header":
            return credentials.Credential("header", self.header.lower())
        return credentials.Credential(self.kind)


class JsonOptions(Strict):
    """Keys of a `json` source."""

    verify: Literal["none"] | None = None
    allow_unverified: bool = False
    signature: Signature | None = None
    credential: Credential | None = None
    fields: Fields = Fields()

    @property
    def open(self) -> bool:
        """Whether deliveries are accepted without a signature or a password."""
        return self.verify == "none" and self.allow_unverified and self.signature is None and self.credential is None


class JsonWebhook(BaseProvider):
    """Any sender of JSON; the module's docstring says what a source may configure."""

    name: str = "json"
    Options: type[BaseModel] = JsonOptions

    def check(self, config: SourceConfig) -> list[str]:
        """Return the contradictions between the keys, and what is wrong with the secrets."""
        options = _options(config)
        if options.verify == "none":
            return _open_mistakes(options, config)
        if options.signature is not None and options.credential is not None:
            return ["`signature:` and `credential:` are two ways to verify: keep the one or the other"]
        if options.credential is not None:
            return credentials.mistakes(options.credential.credential, config.secrets)
        if options.signature is None:
            return ["needs `signature:` or `credential:`, or `verify: none` together with `allow_unverified: true`"]
        return secret_mistakes(options.signature.scheme, config.secrets) + _timestamp_mistakes(options.signature)

    def proof(self, config: SourceConfig) -> Proof:
        """Return what the configured verification proves."""
        options = _options(config)
        if options.signature is not None:
            return options.signature.scheme.proof
        return options.credential.credential.proof if options.credential is not None else NOTHING

    def verify(self, delivery: Delivery, config: SourceConfig, now: datetime) -> Secret | None:
        """Raise Unauthenticated unless a secret signed or accompanies the delivery, or the source is open."""
        options = _options(config)
        if options.signature is not None:
            return signing.verify(options.signature.scheme, delivery, config.secrets, now)
        if options.credential is not None:
            return credentials.verify(options.credential.credential, delivery, config.secrets, now)
        if not options.open:
            raise Unauthenticated("missing_signature", "the source has no `signature:`, so nothing can be verified")
        return None

    def stored(self, delivery: Delivery, config: SourceConfig) -> Delivery:
        """Return the delivery without the password."""
        credential = _options(config).credential
        return credentials.redacted(credential.credential, delivery, config.secrets) if credential else delivery

    def sign(self, body: bytes, config: SourceConfig, now: datetime, *, method: str, url: str) -> dict[str, str]:
        """Return the headers that the source requires; none for an open source."""
        options = _options(config)
        if options.signature is not None:
            message = unsent(body, config, now, method=method, url=url)
            return signing.sign(options.signature.scheme, message, config.secrets, now)
        if options.credential is not None:
            return credentials.headers(options.credential.credential, config.secrets, now)
        if options.open:
            return {}
        raise StartError(f"the source {config.name} has no `signature:`, so nothing can be signed for it")

    def address(self, url: str, config: SourceConfig, now: datetime) -> str:
        """Return the URL, with the secret as its last part where the credential is of that kind."""
        credential = _options(config).credential
        return credentials.address(credential.credential, url, config.secrets, now) if credential else url

    def events(self, delivery: Delivery, config: SourceConfig) -> list[Event]:
        """Return the one event, with the fields that the source's `fields:` names."""
        body, fields = parse_object(delivery.body), _options(config).fields
        identifier = _text(fields.id, body, delivery)
        return [
            Event(
                source=config.name,
                type=_type(fields, body, delivery),
                dedupe=(identifier or body_digest(delivery.body),),
                id=identifier,
                occurred_at=_instant(fields.occurred_at, body, delivery),
                email=_text(fields.email, body, delivery),
                first_name=_text(fields.first_name, body, delivery),
                last_name=_text(fields.last_name, body, delivery),
                name=_text(fields.name, body, delivery),
                company=_text(fields.company, body, delivery),
                data=body,
            ),
        ]


def _options(config: SourceConfig) -> JsonOptions:
    return config.options if isinstance(config.options, JsonOptions) else JsonOptions()


def _open_mistakes(options: JsonOptions, config: SourceConfig) -> list[str]:
    mistakes = []
    if not options.allow_unverified:
        mistakes.append("`verify: none` lets anybody in who knows the URL: say `allow_unverified: true` to mean it")
    if options.signature is not None or options.credential is not None or config.secrets:
        mistakes.append(
            "`verify: none` contradicts `signature:`, `credential:` and `secrets:`: keep the one or the other"
        )
    return mistakes


def _timestamp_mistakes(signature: Signature) -> list[str]:
    if ("{timestamp}" in signature.template) == (signature.timestamp_header is not None):
        return []
    return ["`timestamp_header` and {timestamp} in `template` go together: a timestamp counts only where it is signed"]


def _text(name: str | None, body: dict[str, Any], delivery: Delivery) -> str | None:
    value = value_at(name, body, delivery.headers) if name else None
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise Unreadable("malformed_field", f"{name} is neither text nor a whole number")
    return str(value) if str(value).strip() else None


def _type(fields: Fields, body: dict[str, Any], delivery: Delivery) -> str:
    if isinstance(fields.type, Constant):
        return fields.type.const
    if found := _text(fields.type, body, delivery):
        return found
    raise Unreadable("missing_field", f"{fields.type} is missing or empty, and the event's type stands there")


def _instant(name: str | None, body: dict[str, Any], delivery: Delivery) -> datetime | None:
    value = value_at(name, body, delivery.headers) if name else None
    moment = as_instant(value) or (from_digits(value) if isinstance(value, str) else None)
    if moment is None and value is not None:
        raise Unreadable("malformed_field", f"{name} is neither an ISO 8601 time nor a Unix time")
    return moment


PROVIDER = JsonWebhook()
