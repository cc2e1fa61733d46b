"""JSON webhooks of any kind: the source's configuration says how its sender signs and where the fields are.

A field is named by `$.dotted.path` or a JSON pointer into the body, or by `header:Name`. Unsigned deliveries are
accepted only from a source with both `verify: none` and `allow_unverified: true`. A named field that is present must be
of the right kind, because both ends are the operator's own: a wrong kind raises Unreadable, which names the path.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from app.errors import StartError, Unauthenticated, Unreadable
from app.model import Delivery, Event, Secret, SourceConfig
from app.sources import credentials
from app.sources.answers import Answer, answers_in
from app.sources.assurance import Authentication, Proof
from app.sources.base import Provider
from app.sources.fields import as_instant, body_digest, from_digits
from app.sources.options import HeaderName, StrictOptions, options_of
from app.sources.signing import PLACEHOLDER, Scheme
from app.sources.value_paths import FieldName, header_of, value_at

NOTHING = Proof("nothing", "nothing: every caller that knows the URL is believed", "for ever")


def _is_template(value: str) -> str:
    names = {match[1] for match in PLACEHOLDER.finditer(value)}
    if "body" not in names or names - {"body", "timestamp"}:
        raise ValueError("a template uses {body} and may use {timestamp}, nothing else")
    return value


class Constant(StrictOptions):
    """A value that is the same for every delivery of the source."""

    const: str = Field(min_length=1)


class Fields(StrictOptions):
    """Where each event field is. Without `id` the whole body identifies an event; without `type` it is `event`."""

    id: FieldName | None = None
    type: FieldName | Constant = Constant(const="event")
    email: FieldName | None = None
    first_name: FieldName | None = None
    last_name: FieldName | None = None
    name: FieldName | None = None
    company: FieldName | None = None
    occurred_at: FieldName | None = None
    answers: FieldName | None = None


class Signature(StrictOptions):
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


class Credential(StrictOptions):
    """The password of a sender that cannot sign: `secrets` holds the values, `user:password` for `basic`."""

    kind: Literal["header", "basic", "bearer", "url"]
    header: HeaderName = "X-Webhook-Secret"

    @cached_property
    def credential(self) -> credentials.Credential:
        """The same as data for the credentials module."""
        if self.kind == "header":
            return credentials.Credential("header", self.header.lower())
        return credentials.Credential(self.kind)


class JsonOptions(StrictOptions):
    """Keys of a `json` source."""

    verify: Literal["none"] | None = None
    allow_unverified: bool = False
    signature: Signature | None = None
    credential: Credential | None = None
    fields: Fields = Fields()

    @property
    def authentication(self) -> Authentication:
        """What the keys configure."""
        if self.signature is not None:
            return self.signature.scheme
        if self.credential is not None:
            return self.credential.credential
        return Unverified(allowed=self.verify == "none" and self.allow_unverified)


@dataclass(frozen=True, slots=True)
class Unverified(Authentication):
    """No verification: every delivery is accepted where that is `allowed`, else none."""

    allowed: bool

    @property
    def proof(self) -> Proof:
        """What no proof is worth."""
        return NOTHING

    def mistakes(self, secrets: tuple[Secret, ...]) -> list[str]:
        """Return none: `check` compares the keys with each other."""
        return []

    def verify(self, delivery: Delivery, secrets: tuple[Secret, ...], now: datetime) -> None:
        """Raise Unauthenticated unless the source is open."""
        if not self.allowed:
            raise Unauthenticated("missing_signature", "the source has no `signature:`, so nothing can be verified")

    def sign(self, request: Delivery, secrets: tuple[Secret, ...], now: datetime) -> dict[str, str]:
        """Return no header. Raises StartError unless the source is open."""
        if not self.allowed:
            raise StartError(f"the source {request.source} has no `signature:`, so nothing can be signed for it")
        return {}


class JsonWebhook(Provider):
    """Any sender of JSON; the module's docstring says what a source may configure."""

    name = "json"
    Options = JsonOptions

    def authentication(self, config: SourceConfig) -> Authentication:
        """Return the configured verification."""
        return options_of(config, JsonOptions).authentication

    def check(self, config: SourceConfig) -> list[str]:
        """Return the contradictions between the keys, and what is wrong with the secrets."""
        options = options_of(config, JsonOptions)
        if options.verify == "none":
            return _open_mistakes(options, config)
        if options.signature is not None and options.credential is not None:
            return ["`signature:` and `credential:` are two ways to verify: keep the one or the other"]
        if options.signature is None and options.credential is None:
            return ["needs `signature:` or `credential:`, or `verify: none` together with `allow_unverified: true`"]
        return super().check(config) + (_timestamp_mistakes(options.signature) if options.signature else [])

    def named_headers(self, config: SourceConfig) -> frozenset[str]:
        """Return the headers that `fields:` and `map:` name."""
        fields = options_of(config, JsonOptions).fields
        named = (where for _, where in fields if isinstance(where, str))
        return super().named_headers(config) | frozenset(map(header_of, named))

    def event(self, body: dict[str, Any], delivery: Delivery, config: SourceConfig) -> Event:
        """Return the one event, with the fields that the source's `fields:` names."""
        fields = options_of(config, JsonOptions).fields
        identifier = _text(fields.id, body, delivery)
        return Event(
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
            answers=_answers(fields.answers, body, delivery),
        )


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


def _answers(name: str | None, body: dict[str, Any], delivery: Delivery) -> dict[str, Answer]:
    value = value_at(name, body, delivery.headers) if name else None
    if not isinstance(value, dict | None):
        raise Unreadable("malformed_field", f"{name} is no object of questions and answers")
    return answers_in(value)


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
