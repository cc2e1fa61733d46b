"""Segment: product analytics events.

Source: segment-docs (Webhook and Webhooks (Actions) destinations) and action-destinations. In a batch the signature
covers only the FIRST element, as Segment's JSON.stringify wrote it; its bytes are cut out of the body and not
serialised again. The other elements are not authenticated. A source therefore has a second secret, `tokens`, which
every delivery carries in a header or as the URL's last part, or it has `batches: first-only`, and the others are
recorded as dropped.

Most calls name a user by id. segment-docs (unify/profile-api): GET
/v1/spaces/{space}/collections/users/profiles/user_id:{id}/traits with Basic, the access token as the user; up to 200
traits by `limit`; 100 requests a second for a space; a host for each region.
"""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cache, partial
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field, SecretStr, StringConstraints

from app.errors import Unauthenticated, Unreadable
from app.model import Delivery, Event, Secret, SourceConfig
from app.sources.base import Lookup, SignedProvider, unheard, unsent
from app.sources.batches import dropped, each, not_too_many
from app.sources.credentials import Credential
from app.sources.fields import any_text, body_digest, find, id_at, instant, required, text
from app.sources.options import HeaderName, TokenOptions, options_of, token_of
from app.sources.person_fields import person_in
from app.sources.person_lookup import PersonLookup, PersonProvider, basic, by_id
from app.sources.signature_headers import read
from app.sources.signing import Scheme
from app.sources.strict_json import MAX_DEPTH, parse, parse_object

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from app.sources.assurance import Proof

ARRAY = re.compile(rb"\s*\[\s*(?=\{)")
# An unterminated string is one token up to the end of the body: otherwise hostile bodies would take quadratic time.
TOKEN = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)|[\[\]{}]', re.DOTALL)
# Segment's events have up to 32 KB. This bounds the scan of a body that is not yet verified.
LONGEST_EVENT = 65_536
UNSIGNED = "only a batch's first event is signed, and the source has no `tokens` that would vouch for the others"


class SegmentOptions(TokenOptions):
    """Keys of a Segment source."""

    batches: Literal["all", "first-only"] = Field(
        default="all",
        description="Of a batch only the first event is signed: `all` takes every one and needs `tokens`, "
        "`first-only` takes the first and records the others as dropped.",
    )
    tokens: list[SecretStr] = Field(
        default=[], description="A second secret that every delivery carries; several while one is rotated."
    )
    token_header: HeaderName | None = Field(
        default=None, description="The header that carries it; the last part of the URL when not set."
    )
    api_token: SecretStr | None = Field(
        default=None,
        description="An access token of the Profile API: it finds the address of a user's id. It needs `space_id`.",
    )
    space_id: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,64}$")] | None = Field(
        default=None, description="The space whose profiles are asked for, as it is shown beside the token."
    )
    api_host: Literal["profiles.segment.com", "profiles.euw1.segment.com"] = Field(
        default="profiles.segment.com", description="The host of the workspace's region."
    )


class Segment(PersonProvider, SignedProvider):
    """`messageId` identifies the event."""

    name = "segment"
    Options = SegmentOptions
    hosts = frozenset({"profiles.segment.com", "profiles.euw1.segment.com"})
    lookup_subject = "user"
    person = PersonLookup(
        path=by_id("/collections/users/profiles/user_id:{}/traits?limit=200", ("userId",)),
        headers=basic,
        within=("traits",),
        read=person_in,
        per_minute=3000,
    )
    methods = frozenset({"POST", "PUT", "PATCH"})
    scheme = Scheme(header="x-signature", algorithm="sha1")

    def check(self, config: SourceConfig) -> list[str]:
        """Return what is wrong with the secrets, or that nothing authenticates the events of a batch."""
        options = options_of(config, SegmentOptions)
        mistakes = super().check(config)
        if options.batches == "all" and not options.tokens:
            mistakes.append(
                "of a batch only the first event is signed: set `tokens`, a second secret, or say `batches: first-only`"
            )
        if options.tokens:
            mistakes += [f"tokens: {mistake}" for mistake in _credential(options).mistakes(_tokens(options))]
        if token_of(config) is not None and options.space_id is None:
            mistakes.append("`api_token` needs `space_id`, the space whose profiles are asked for")
        return mistakes

    def proof(self, config: SourceConfig) -> Proof:
        """Return what is signed."""
        return replace(super().proof(config), covers="an event, or the first of a batch")

    def verify(self, delivery: Delivery, config: SourceConfig, now: datetime) -> Secret | None:
        """Raise Unauthenticated unless a secret signed the event, or a batch's first, and the token is right."""
        options = options_of(config, SegmentOptions)
        read(self.scheme, delivery.headers)  # Without a signature the body is not scanned.
        part, _ = signed_part(delivery.body)
        signed = delivery if part is delivery.body else replace(delivery, body=part)
        secret = self.scheme.verify(signed, config.secrets, now)
        if options.tokens:
            _credential(options).verify(delivery, _tokens(options), now)
        return secret

    def stored(self, delivery: Delivery, config: SourceConfig) -> Delivery:
        """Return the delivery without the token."""
        options = options_of(config, SegmentOptions)
        token = _credential(options)
        kept = self.with_known_head(token.redacted(delivery, _tokens(options)), config, token)
        signed = {name: value for name, value in delivery.headers.items() if name == self.scheme.header}
        return replace(kept, headers={**kept.headers, **signed})

    def removed_secrets(self, config: SourceConfig) -> tuple[Secret, ...]:
        """Return the tokens."""
        return _tokens(options_of(config, SegmentOptions))

    def sign(self, body: bytes, config: SourceConfig, now: datetime, *, method: str, url: str) -> dict[str, str]:
        """Return the signature header for an event, or for a batch by its first event, and the token's."""
        part, _ = signed_part(body)
        request, options = unsent(part, config, now, method, url), options_of(config, SegmentOptions)
        headers = self.scheme.sign(request, config.secrets, now)
        return headers | (_credential(options).sign(request, _tokens(options), now) if options.tokens else {})

    def address(self, url: str, config: SourceConfig, now: datetime) -> str:
        """Return the URL, with the token as its last part where it has no header."""
        options = options_of(config, SegmentOptions)
        return _credential(options).address(url, _tokens(options), now) if options.tokens else url

    def lookup_host(self, config: SourceConfig) -> str:
        """Return the host of the workspace's region."""
        return options_of(config, SegmentOptions).api_host

    def lookup(self, event: Event, config: SourceConfig) -> Lookup | None:
        """Return the request for the user's traits in the source's space."""
        lookup = super().lookup(event, config)
        space = options_of(config, SegmentOptions).space_id
        return lookup and replace(lookup, path=f"/v1/spaces/{space}{lookup.path}")

    def events(self, delivery: Delivery, config: SourceConfig) -> list[Event]:
        """Return the event, or those of a batch: all where a token authenticates them, else the first."""
        return self.heard_events(delivery, config, lambda _: True)

    def heard_events(self, delivery: Delivery, config: SourceConfig, hears: Callable[[str], bool]) -> list[Event]:
        """Return the same events, each with its type only where nothing hears it."""
        part, batch = signed_part(delivery.body)
        if not batch:
            return [self._event(parse_object(part), partial(body_digest, part), config, hears)]
        if options_of(config, SegmentOptions).tokens and options_of(config, SegmentOptions).batches == "all":
            members = not_too_many(parse(delivery.body))
            whole = cache(lambda: body_digest(delivery.body))
            return each(
                members,
                lambda at: self._event(_object(members[at]), lambda: f"{whole()}/{at}", config, hears),
                delivery,
                config,
            )
        # The signed part identifies the members: a replay of the delivery with another tail creates no new ones.
        digest = body_digest(part)
        others = [dropped(config, digest, at, UNSIGNED) for at in range(1, _length(delivery.body))]
        return [self._event(parse_object(part), lambda: digest, config, hears), *others]

    def _event(
        self, body: dict[str, Any], otherwise: Callable[[], str], config: SourceConfig, hears: Callable[[str], bool]
    ) -> Event:
        if not hears(kind := required(body, "type")):
            return unheard(config, kind)
        return self.awaiting_lookup(_event(kind, body, otherwise, config), config)


def _credential(options: SegmentOptions) -> Credential:
    return Credential("header", options.token_header.lower()) if options.token_header else Credential("url")


def _tokens(options: SegmentOptions) -> tuple[Secret, ...]:
    return tuple(Secret(token.get_secret_value()) for token in options.tokens)


def signed_part(body: bytes) -> tuple[bytes, bool]:
    """Return the bytes that the signature covers, and whether they are of a batch."""
    if not body.lstrip(b" \t\r\n").startswith(b"["):
        return body, False
    if (opening := ARRAY.match(body)) and (end := _end_of_element(body, opening.end())):
        return body[opening.end() : end], True
    raise Unauthenticated("signature_mismatch", "the batch has no first event that a signature could cover")


def _end_of_element(body: bytes, start: int) -> int | None:
    depth = 0
    for token in TOKEN.finditer(body, start, start + LONGEST_EVENT):
        depth += {b"{": 1, b"[": 1, b"}": -1, b"]": -1}.get(token[0], 0)
        if depth == 0:
            return token.end()
        if depth > MAX_DEPTH:
            return None
    return None


def _length(body: bytes) -> int:
    """Return how many events the batch has; an unreadable rest counts as one."""
    try:
        members = parse(body)
    except Unreadable:
        return 2
    return len(not_too_many(members))


def _object(member: Any) -> dict[str, Any]:
    if not isinstance(member, dict):
        raise Unreadable("malformed_body", "this is not a JSON object")
    return member


def _event(kind: str, body: dict[str, Any], otherwise: Callable[[], str], config: SourceConfig) -> Event:
    """Return one event; without a message id, what `otherwise` returns identifies it."""
    about_group = kind == "group"  # a group call's own traits describe the company, not the person
    of_person, of_context = body.get("traits"), find(body, "context", "traits")
    sent = [of_context] if about_group else [of_person, of_context]
    traits = [found for found in sent if isinstance(found, dict)]
    identifier = id_at(body, "messageId")
    company = text(body, "traits", "name") if about_group else None
    return Event(
        source=config.name,
        type=kind,
        dedupe=(identifier or otherwise(),),
        id=identifier,
        occurred_at=instant(body, "timestamp"),
        email=_any_of(traits, "email") or text(body, "properties", "email"),
        first_name=_any_of(traits, "firstName", "first_name"),
        last_name=_any_of(traits, "lastName", "last_name"),
        name=_any_of(traits, "name"),
        company=company or _any_of(traits, "company") or _any_of(_companies(traits), "name"),
        data=body,
        exit=kind == "delete",
    )


def _companies(traits: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [company for found in traits if isinstance(company := found.get("company"), dict)]


def _any_of(traits: list[dict[str, Any]], *keys: str) -> str | None:
    """Return the first text under one of these keys, of the first object that has one."""
    for found in traits:
        if (value := any_text(found, *keys)) is not None:
            return value
    return None


PROVIDER = Segment()
