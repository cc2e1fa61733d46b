"""Passwords of senders that sign nothing: in a header, by Basic, as a bearer token, or in the URL.

Such a secret authenticates the sender, not the content. It is compared in constant time.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal
from urllib.parse import unquote, unquote_plus

from app.errors import StartError, Unauthenticated
from app.sources.assurance import WHILE_IN_FORCE, Authentication, Proof, mistakes_of_each
from app.sources.fields import path_of, query_of
from app.sources.redaction import without
from app.sources.signing import has_expired, octets

if TYPE_CHECKING:
    from datetime import datetime

    from app.model import Delivery, Secret

SHORTEST_IN_URL = 16
URL_SAFE = re.compile(r"[A-Za-z0-9._~-]+")
HOW = {
    "header": "a secret in the header {header}",
    "basic": "user and password (Basic)",
    "bearer": "a token (Bearer, or access_token in the URL)",
    "url": "a secret as the URL's last part",
}


@dataclass(frozen=True, slots=True)
class Credential(Authentication):
    """Where the password is. `header` (lower case) matters only for the kind `header`."""

    kind: Literal["header", "basic", "bearer", "url"]
    header: str = "authorization"

    @property
    def proof(self) -> Proof:
        """What such a password is worth."""
        return Proof(HOW[self.kind].format(header=self.header), "the sender, not what is sent", WHILE_IN_FORCE)

    def headers(self, delivery: Delivery) -> frozenset[str]:
        """Return the header of the password, where it stands in one."""
        return frozenset(filter(None, (self.secret_header,)))

    @property
    def secret_header(self) -> str | None:
        """The header of the password, None where it stands in the URL."""
        return None if self.kind == "url" else self.header

    def mistakes(self, secrets: tuple[Secret, ...]) -> list[str]:
        """Return a sentence for each secret that cannot work, or one sentence where none is set."""
        return mistakes_of_each(secrets, lambda value: _mistake(self, value))

    def verify(self, delivery: Delivery, secrets: tuple[Secret, ...], now: datetime) -> Secret:
        """Return the secret that was presented. Raises Unauthenticated for a missing, wrong or expired one."""
        if not any(secret.value for secret in secrets):
            raise Unauthenticated("auth_missing", "the source has no secret, so nothing can be verified")
        presented = octets(_presented(self, delivery))
        # Every secret is compared, so that the time taken does not depend on which one matches.
        matching = [
            secret for secret in secrets if hmac.compare_digest(presented, octets(secret.value)) and secret.value
        ]
        if not matching:
            raise Unauthenticated("auth_mismatch", f"what was sent ({self.proof.how}) is none of the source's secrets")
        in_force = [secret for secret in matching if not has_expired(secret, now)]
        if not in_force:
            raise Unauthenticated("expired", "sent with a secret whose not_after has passed")
        return in_force[0]

    def sign(self, request: Delivery, secrets: tuple[Secret, ...], now: datetime) -> dict[str, str]:
        """Return the headers that a sender adds; none where the secret is in the URL."""
        value = _first(secrets, now)
        if self.kind == "basic":
            return {"authorization": "Basic " + base64.b64encode(octets(value)).decode()}
        if self.kind == "bearer":
            return {"authorization": f"Bearer {value}"}
        return {self.header: value} if self.kind == "header" else {}

    def address(self, url: str, secrets: tuple[Secret, ...], now: datetime) -> str:
        """Return the URL that the sender calls: for the kind `url` its last part is the secret."""
        return f"{url.rstrip('/')}/{_first(secrets, now)}" if self.kind == "url" else url

    def redacted(self, delivery: Delivery, secrets: tuple[Secret, ...]) -> Delivery:
        """Return the delivery without the source's secrets, also where the body repeats the one of the URL."""
        for secret in secrets:
            if secret.value:
                delivery = without(delivery, secret.value, in_body=self.kind == "url")
        return delivery


def _presented(credential: Credential, delivery: Delivery) -> str:
    if credential.kind == "url":
        return _in_url(delivery)
    value = delivery.headers.get(credential.header, "").strip()
    if credential.kind == "bearer" and not value:
        return _required(_access_token(delivery.url), "no token was sent")
    _required(value, f"the {credential.header} header is missing")
    if credential.kind == "header":
        return value
    scheme, _, rest = value.partition(" ")
    if scheme.lower() != credential.kind:
        raise Unauthenticated("auth_mismatch", f"the authorization header is not of the kind {credential.kind.title()}")
    return _decoded(rest.strip()) if credential.kind == "basic" else rest.strip()


def _access_token(url: str) -> str:
    pieces = [piece.partition("=") for piece in query_of(url).split("&")]
    return next((unquote_plus(value) for name, _, value in pieces if name == "access_token"), "")


def _in_url(delivery: Delivery) -> str:
    """Return the last part of the path, which follows the source's name."""
    parts = [part for part in path_of(delivery.url).split("/") if part]
    last = unquote(parts[-1]) if parts else ""
    missing = "the URL ends with the source's name: the secret stands behind it"
    return _required("" if last == delivery.source else last, missing)


def _required(value: str, missing: str) -> str:
    if value:
        return value
    raise Unauthenticated("auth_missing", missing)


def _decoded(text: str) -> str:
    try:
        return binascii.a2b_base64(text, strict_mode=True).decode()
    except ValueError as error:
        raise Unauthenticated("auth_mismatch", "the authorization header is not base64 of user and password") from error


def _first(secrets: tuple[Secret, ...], now: datetime) -> str:
    value = next((secret.value for secret in secrets if secret.value and not has_expired(secret, now)), None)
    if value is None:
        raise StartError("the source has no usable secret in force to send with: set one under `secrets`")
    return value


def _mistake(credential: Credential, value: str) -> str | None:
    if not value.strip() or value != value.strip():
        return "begins or ends with white space" if value.strip() else "is empty"
    if credential.kind == "basic":
        return None if ":" in value else "is no user and password: write them as user:password"
    if credential.kind == "url":
        return _mistake_in_url(value)
    return None if value.isascii() else "cannot stand in a header: use ASCII"


def _mistake_in_url(value: str) -> str | None:
    if not URL_SAFE.fullmatch(value):
        return "cannot stand in a URL: use letters, digits and . _ ~ -"
    if len(value) < SHORTEST_IN_URL:
        return f"is shorter than {SHORTEST_IN_URL} characters, and nothing else keeps others out"
    return None
