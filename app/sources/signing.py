"""Signatures: a digest over a template of the request, described by data.

A `Scheme` names the header of the signature, what the signature covers, and how both are written. `verify` and `sign`
read the same scheme, so what is accepted and what is produced cannot drift apart. The raw body is used as received.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Literal, NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from app.errors import StartError, Unauthenticated
from app.sources.assurance import WHILE_IN_FORCE, Proof, for_so_long

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime, timedelta

    from app.model import Delivery, Secret

# Sixteen digits go far beyond the year 5138 in milliseconds; a longer number is not a timestamp.
LONGEST_TIMESTAMP = 16
# A sender that rotates sends two or three. Each one costs time, and any caller may send many.
MOST_SIGNATURES = 16
PLACEHOLDER = re.compile(r"\{(method|url|id|timestamp|body|secret)\}")


@dataclass(frozen=True, slots=True)
class Scheme:
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
        return Proof(how, ", ".join(covered), for_so_long(self.tolerance) if self.tolerance else WHILE_IN_FORCE)


class Presented(NamedTuple):
    """What the request claims: the signatures, decoded, and the signed header values as they were written."""

    signatures: tuple[bytes, ...]
    id: str
    timestamp: str


def verify(scheme: Scheme, delivery: Delivery, secrets: Iterable[Secret], now: datetime) -> Secret:
    """Return the secret that signed the delivery, or raise Unauthenticated with the name of the check that failed."""
    usable = [(secret, key) for secret in secrets if (key := key_of(scheme, secret.value))]
    if not usable:
        raise Unauthenticated("missing_signature", "the source has no usable secret, so nothing can be verified")
    presented = read(scheme, delivery.headers)
    matching = [secret for secret, key in usable if _signed_by(scheme, key, delivery, presented)]
    # During a rotation a sender may sign with both secrets, and the expired one may come first.
    in_force = next((secret for secret in matching if not has_expired(secret, now)), None)
    if in_force is not None:
        _check_timestamp(scheme, presented.timestamp, now)
        return in_force
    if matching:
        raise Unauthenticated("expired", "signed with a secret whose not_after has passed")
    raise Unauthenticated("signature_mismatch", f"the {scheme.header} header matches none of the source's secrets")


def sign(scheme: Scheme, delivery: Delivery, secrets: Iterable[Secret], now: datetime) -> dict[str, str]:
    """Return the headers that a sender holding the first secret in force would add; the message id is `delivery.id`."""
    usable = [key_of(scheme, secret.value) for secret in secrets if not has_expired(secret, now)]
    key = next((each for each in usable if each), None)
    if key is None:
        raise StartError("the source has no usable secret in force to sign with: set one under `secrets`")
    scale = 1000 if scheme.timestamp_unit == "ms" else 1
    presented = Presented((), delivery.id, str(int(now.timestamp() * scale)))
    headers = {scheme.header: _written(scheme, digest(scheme, key, delivery, presented), presented.timestamp)}
    if scheme.id_header:
        headers[scheme.id_header] = presented.id
    if scheme.timestamp_header:
        headers[scheme.timestamp_header] = presented.timestamp
    return headers


def read(scheme: Scheme, headers: Mapping[str, str]) -> Presented:
    """Return what the headers claim. Raises Unauthenticated for a missing or unreadable header."""
    value = _required(headers, scheme.header)
    identifier = _required(headers, scheme.id_header) if scheme.id_header else ""
    timestamp = _required(headers, scheme.timestamp_header) if scheme.timestamp_header else ""
    written, timestamp = _entries(scheme, value, timestamp)
    signatures = tuple(decoded for text in written[:MOST_SIGNATURES] if (decoded := _decoded(text, scheme.encoding)))
    if not signatures:
        raise Unauthenticated(
            "malformed_signature", f"the {scheme.header} header holds no signature of the expected form"
        )
    return Presented(signatures, identifier, timestamp)


def _entries(scheme: Scheme, value: str, timestamp: str) -> tuple[list[str], str]:
    """Return the signatures as the header writes them, and the timestamp: the header's own in the layout `pairs`."""
    if scheme.layout == "plain":
        return [value.removeprefix(scheme.prefix)] if value.startswith(scheme.prefix) else [], timestamp
    if scheme.layout == "list":
        # Two header lines of this name are joined by a comma.
        entries = [entry.rstrip(",").partition(",") for entry in value.split()]
        return [rest for tag, _, rest in entries if tag == scheme.version], timestamp
    parts = [part.partition(scheme.equals) for part in value.split(scheme.separator)]
    pairs = [(name.strip(), rest.strip()) for name, _, rest in parts]
    timestamp = next((rest for name, rest in pairs if name == scheme.timestamp_tag), "")
    return [rest for name, rest in pairs if name == scheme.version], timestamp


def _signed_by(scheme: Scheme, key: bytes, delivery: Delivery, presented: Presented) -> bool:
    """Return whether one of the signatures is by `key`."""
    if scheme.algorithm == "ed25519":
        covered = content(scheme, key, delivery, presented)
        return any(_verified(key, signature, covered) for signature in presented.signatures)
    expected = digest(scheme, key, delivery, presented)
    return any(hmac.compare_digest(expected, signature) for signature in presented.signatures)


def _verified(key: bytes, signature: bytes, covered: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, covered)
    except (InvalidSignature, ValueError):  # ValueError: a key of another length, which `check` reports
        return False
    return True


def digest(scheme: Scheme, key: bytes, delivery: Delivery, presented: Presented) -> bytes:
    """Return the digest of what the template names, keyed unless the scheme is a plain hash."""
    covered = content(scheme, key, delivery, presented)
    return (
        hmac.digest(key, covered, scheme.algorithm) if scheme.keyed else hashlib.new(scheme.algorithm, covered).digest()
    )


def content(scheme: Scheme, key: bytes, delivery: Delivery, presented: Presented) -> bytes:
    """Return the bytes that the template names."""
    parts: dict[str, bytes] = {
        "method": octets(delivery.method.upper()),
        "url": octets(delivery.url),
        "id": octets(presented.id),
        "timestamp": octets(presented.timestamp),
        "body": delivery.body,
        "secret": key,
    }
    return b"".join([parts[piece] if named else piece.encode() for named, piece in pieces(scheme.template)])


@lru_cache(maxsize=64)
def pieces(template: str) -> tuple[tuple[bool, str], ...]:
    """Return the template as (is a placeholder, name or literal text), in order."""
    return tuple((index % 2 == 1, piece) for index, piece in enumerate(PLACEHOLDER.split(template)) if piece)


def key_of(scheme: Scheme, secret: str) -> bytes | None:
    """Return the key in a pasted secret, None where there is none, which `check` reports."""
    if scheme.key == "utf-8":
        return octets(secret)
    text = secret.removeprefix(scheme.key_prefix).rstrip("=")
    return _decoded(text + "=" * (-len(text) % 4), "base64")


def _written(scheme: Scheme, signature: bytes, timestamp: str) -> str:
    text = signature.hex() if scheme.encoding == "hex" else base64.b64encode(signature).decode()
    if scheme.layout == "list":
        return f"{scheme.version},{text}"
    if scheme.layout == "pairs":
        return (
            f"{scheme.timestamp_tag}{scheme.equals}{timestamp}{scheme.separator}{scheme.version}{scheme.equals}{text}"
        )
    return scheme.prefix + text


def _required(headers: Mapping[str, str], name: str) -> str:
    if value := headers.get(name, "").strip():
        return value
    raise Unauthenticated("missing_signature", f"the {name} header is missing")


def _decoded(text: str, encoding: Literal["hex", "base64"]) -> bytes | None:
    try:
        return binascii.unhexlify(text) if encoding == "hex" else binascii.a2b_base64(text, strict_mode=True)
    except ValueError:  # binascii.Error is one: not of this encoding, which callers treat as no signature at all
        return None


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
        raise Unauthenticated("timestamp_too_old", f"signed {age:.0f} s ago, accepted up to {scheme.tolerance}")
    if scheme.future and -age > scheme.tolerance.total_seconds():
        raise Unauthenticated("timestamp_in_future", f"signed {-age:.0f} s ahead of this clock: check both clocks")
