"""Signatures: a digest over a template of the request, described by data.

A `Scheme` names the header of the signature, what the signature covers, and how both are written. `verify` and `sign`
read the same scheme, so what is accepted and what is produced cannot drift apart. The raw body is used as received.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Literal

from app.clock import in_words
from app.errors import StartError, Unauthenticated
from app.sources.assurance import WHILE_IN_FORCE, Authentication, Proof, in_future, mistakes_of_each, too_old
from app.sources.signature_headers import Presented, decoded, read, written

if TYPE_CHECKING:
    from datetime import datetime

    from app.model import Delivery, Secret

# Sixteen digits go far beyond the year 5138 in milliseconds; a longer number is not a timestamp.
LONGEST_TIMESTAMP = 16
INNER_PAD, OUTER_PAD = (bytes(octet ^ pad for octet in range(256)) for pad in (0x36, 0x5C))
PLACEHOLDER = re.compile(r"\{(method|url|id|timestamp|body|secret)\}")


@dataclass(frozen=True, slots=True)
class Scheme(Authentication):
    """How one provider signs. Header names are lower case.

    `template` may use {method}, {url}, {id}, {timestamp}, {body} and, for plain hashes (`keyed` False), {secret}.
    `layout` is how the header is written: `plain` is prefix and signature; `pairs` is `t=1,v1=abc`, which also carries
    the timestamp (with other characters by `separator`, `equals` and `timestamp_tag`); `list` is `v1,abc v1,def`. In
    the last two, every entry tagged `version` counts, and others are ignored.
    `tolerance` None means that no timestamp is checked; with `future` False only its age is checked.
    """

    header: str
    template: str = "{body}"
    algorithm: Literal["sha1", "sha256", "sha512", "ed25519"] = "sha256"
    keyed: bool = True
    key: Literal["utf-8", "base64"] = "utf-8"
    key_prefix: str = ""
    encoding: Literal["hex", "base64"] = "hex"
    layout: Literal["plain", "pairs", "list"] = "plain"
    prefix: str = ""
    version: str = "v1"
    separator: str = ","
    equals: str = "="
    timestamp_tag: str = "t"
    id_header: str | None = None
    timestamp_header: str | None = None
    timestamp_unit: Literal["s", "ms"] = "s"
    tolerance: timedelta | None = None
    future: bool = True

    @property
    def proof(self) -> Proof:
        """What a signature of this scheme is worth."""
        covered = [name for name in ("method", "url", "id", "timestamp", "body") if f"{{{name}}}" in self.template]
        kind = "" if self.algorithm == "ed25519" else "HMAC-" if self.keyed else "plain "
        how = f"{kind}{self.algorithm.upper()} in {self.header}"
        return Proof(how, ", ".join(covered), f"for {in_words(self.tolerance)}" if self.tolerance else WHILE_IN_FORCE)

    @property
    def covers_url(self) -> bool:
        """Whether the template names the URL."""
        return "{url}" in self.template

    def headers(self, delivery: Delivery) -> frozenset[str]:
        """Return the headers of the signature, its id and its time."""
        return frozenset(filter(None, (self.header, self.id_header, self.timestamp_header)))

    def mistakes(self, secrets: tuple[Secret, ...]) -> list[str]:
        """Return a sentence for each secret that cannot work, or one sentence where none is set."""
        return mistakes_of_each(secrets, self._mistake)

    def _mistake(self, value: str) -> str | None:
        if not value.strip():
            return "is empty"
        if value != value.strip():
            return "begins or ends with white space"
        if not self.key_of(value):
            return f"is not base64 (with or without {self.key_prefix} in front): paste it as the sender shows it"
        return None

    def verify(self, delivery: Delivery, secrets: tuple[Secret, ...], now: datetime) -> Secret:
        """Return the secret that signed the delivery, or raise Unauthenticated."""
        usable = [(secret, key) for secret in secrets if (key := self.key_of(secret.value))]
        if not usable:
            raise Unauthenticated("missing_signature", "the source has no usable secret, so nothing can be verified")
        presented = read(self, delivery.headers)
        matching = [secret for secret, key in usable if _signed_by(self, key, delivery, presented)]
        # During a rotation a sender may sign with both secrets, and the expired one may come first.
        in_force = [secret for secret in matching if not has_expired(secret, now)]
        if in_force:
            _check_timestamp(self, presented.timestamp, now)
            return in_force[0]
        if matching:
            raise Unauthenticated("expired", "signed with a secret whose not_after has passed")
        raise Unauthenticated("signature_mismatch", f"the {self.header} header matches none of the source's secrets")

    def sign(self, request: Delivery, secrets: tuple[Secret, ...], now: datetime) -> dict[str, str]:
        """Return the headers that a sender with the first secret in force adds; the message id is `request.id`."""
        usable = [self.key_of(secret.value) for secret in secrets if not has_expired(secret, now)]
        key = next((each for each in usable if each), None)
        if key is None:
            raise StartError("the source has no usable secret in force to sign with: set one under `secrets`")
        scale = 1000 if self.timestamp_unit == "ms" else 1
        presented = Presented((), request.id, str(int(now.timestamp() * scale)))
        headers = {self.header: written(self, digest(self, key, request, presented), presented.timestamp)}
        if self.id_header:
            headers[self.id_header] = presented.id
        if self.timestamp_header:
            headers[self.timestamp_header] = presented.timestamp
        return headers

    def key_of(self, secret: str) -> bytes | None:
        """Return the key in a pasted secret, None where there is none, which `check` reports."""
        return octets(secret) if self.key == "utf-8" else _decoded_key(secret.removeprefix(self.key_prefix))


@lru_cache(maxsize=1024)  # the secrets of the sources in force; each delivery asks for some
def _decoded_key(secret: str) -> bytes | None:
    text = secret.rstrip("=")
    return decoded(text + "=" * (-len(text) % 4), "base64")


def _signed_by(scheme: Scheme, key: bytes, delivery: Delivery, presented: Presented) -> bool:
    """Return whether one of the signatures is by `key`."""
    if scheme.algorithm == "ed25519":
        from app.sources.ed25519 import verified  # noqa: PLC0415  # cryptography takes 8 MB

        covered = content(scheme, key, delivery, presented)
        return any(verified(key, signature, covered) for signature in presented.signatures)
    expected = digest(scheme, key, delivery, presented)
    return any(map(partial(hmac.compare_digest, expected), presented.signatures))


def digest(scheme: Scheme, key: bytes, delivery: Delivery, presented: Presented) -> bytes:
    """Return the digest of what the template names, keyed unless the scheme is a plain hash."""
    covered = content(scheme, key, delivery, presented)
    if not scheme.keyed:
        return hashlib.new(scheme.algorithm, covered).digest()
    begun_inner, begun_outer = _begun(key, scheme.algorithm)
    inner, outer = begun_inner.copy(), begun_outer.copy()
    inner.update(covered)
    outer.update(inner.digest())
    return outer.digest()


@lru_cache(maxsize=1024)  # setting a key up takes as long as an event's digest
def _begun(key: bytes, algorithm: str) -> tuple[hashlib._Hash, hashlib._Hash]:
    """Return HMAC's inner and outer hash (RFC 2104) behind the key: copies of these take half as long as `hmac`'s."""
    inner, outer = hashlib.new(algorithm), hashlib.new(algorithm)
    short = key if len(key) <= inner.block_size else hashlib.new(algorithm, key).digest()
    block = short.ljust(inner.block_size, b"\0")
    inner.update(block.translate(INNER_PAD))
    outer.update(block.translate(OUTER_PAD))
    return inner, outer


def content(scheme: Scheme, key: bytes, delivery: Delivery, presented: Presented) -> bytes:
    """Return the bytes that the template names."""
    named = [
        piece if isinstance(piece, bytes) else _named(piece, key, delivery, presented)
        for piece in pieces(scheme.template)
    ]
    return b"".join(named)


def _named(placeholder: str, key: bytes, delivery: Delivery, presented: Presented) -> bytes:
    match placeholder:
        case "body":
            return delivery.body
        case "timestamp":
            return octets(presented.timestamp)
        case "id":
            return octets(presented.id)
        case "url":
            return octets(delivery.url)
        case "method":
            return octets(delivery.method.upper())
        case _:
            return key


@lru_cache(maxsize=64)
def pieces(template: str) -> tuple[str | bytes, ...]:
    """Return the template's names of placeholders, and as bytes the literal text between them, in order."""
    each = enumerate(PLACEHOLDER.split(template))
    return tuple(piece if index % 2 else piece.encode() for index, piece in each if piece)


def octets(text: str) -> bytes:
    """Return the UTF-8 bytes of a header, URL or secret."""
    # No sender can send a lone surrogate, so its bytes do not matter: they match no signature.
    return text.encode("utf-8", "surrogatepass")


def has_expired(secret: Secret, now: datetime) -> bool:
    """Return whether the secret's `not_after` has passed."""
    return secret.not_after is not None and now > secret.not_after


def _check_timestamp(scheme: Scheme, timestamp: str, now: datetime) -> None:
    if scheme.tolerance is None:
        return
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= LONGEST_TIMESTAMP):
        raise Unauthenticated("malformed_signature", "the signed timestamp is not a whole number")
    age = now.timestamp() - int(timestamp) / (1000 if scheme.timestamp_unit == "ms" else 1)
    if age > scheme.tolerance.total_seconds():
        raise Unauthenticated("timestamp_too_old", too_old(timedelta(seconds=age), scheme.tolerance))
    if scheme.future and -age > scheme.tolerance.total_seconds():
        raise Unauthenticated("timestamp_in_future", in_future(timedelta(seconds=-age)))
