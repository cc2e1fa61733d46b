"""HTTP Message Signatures by the libraries http-message-signatures and cryptography; Segue provides the clock.

Only a source that is signed this way imports this module: cryptography takes 8 MB.
"""

from __future__ import annotations

import binascii
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, SECP384R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from http_message_signatures import (
    HTTPMessageSigner,
    HTTPMessageVerifier,
    HTTPSignatureKeyResolver,
    InvalidSignature,
    algorithms,
)
from http_message_signatures.exceptions import HTTPMessageSignaturesException

from app.errors import Unauthenticated
from app.sources.assurance import in_future, too_old

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import timedelta

    from app.model import Delivery

SIGNED = ("@method", "@target-uri")


@dataclass(frozen=True)
class _Message:
    """A request as the library reads it."""

    method: str
    url: str
    headers: dict[str, str]


@dataclass(frozen=True)
class _Key(HTTPSignatureKeyResolver):
    """One key for every key id: the operator chooses the key, not the request."""

    key: Any

    def resolve_public_key(self, key_id: str) -> Any:
        return self.key

    def resolve_private_key(self, key_id: str) -> Any:
        return self.key


def mismatch(
    key: tuple[Any, Any],
    delivery: Delivery,
    now: datetime,
    *,
    components: Sequence[str],
    tag: str | None,
    tolerance: timedelta,
) -> str | None:
    """Return None where `key` signed what must be covered, and the digest is the body's; else why another key did.

    Raises Unauthenticated for what no other key would mend.
    """
    algorithm, secret = key
    verifier = _verifier(algorithm, secret, tolerance, now)
    message = _Message(delivery.method.upper(), delivery.url, dict(delivery.headers))
    try:
        results = verifier.verify(message, max_age=None, expect_tag=tag)
    except HTTPMessageSignaturesException as error:
        if _by_another_key(error):
            return str(error)
        raise _unreadable(error) from error
    except ValueError as error:  # a URL or header that cannot be taken apart
        raise _unreadable(error) from error
    covered = {component.strip('"') for result in results for component in result.covered_components}
    _require_covered(components, covered)
    if "content-digest" in covered:
        try:
            verifier.verify_body(message, results, delivery.body)
        except HTTPMessageSignaturesException as error:
            raise Unauthenticated("digest_mismatch", f"the digest is not the body's: {error}") from error
    return None


def signed(request: Delivery, shared: bytes, now: datetime) -> dict[str, str]:
    """Return the headers of a signature with a shared key."""
    message = _Message(request.method.upper(), request.url, {})
    signer = HTTPMessageSigner(signature_algorithm=algorithms.HMAC_SHA256, key_resolver=_Key(shared))
    signer.sign(message, key_id="segue", created=now, body=request.body, covered_component_ids=SIGNED)
    return {name.lower(): value for name, value in message.headers.items()}


def _verifier(algorithm: Any, key: Any, tolerance: timedelta, now: datetime) -> HTTPMessageVerifier:
    class Verifier(HTTPMessageVerifier):
        """The library's verifier with `now` as its clock; it names the check of time that failed."""

        def validate_created_and_expires(self, sig_input: Any, max_age: Any = None) -> None:
            created, expires = (_moment(sig_input.params.get(name)) for name in ("created", "expires"))
            if created is None:
                raise Unauthenticated("malformed_signature", "the signature has no `created`")
            if now - created > tolerance:
                raise Unauthenticated("timestamp_too_old", too_old(now - created, tolerance))
            if created - now > tolerance:
                raise Unauthenticated("timestamp_in_future", in_future(created - now))
            if expires is not None and now > expires:
                raise Unauthenticated("expired", "the signature's `expires` has passed")

    return Verifier(signature_algorithm=algorithm, key_resolver=_Key(key))


def _require_covered(components: Sequence[str], covered: set[str]) -> None:
    missing = [name for name in components if name not in covered and not _covered_otherwise(name, covered)]
    if missing:
        raise Unauthenticated("malformed_signature", f"the signature does not cover {', '.join(missing)}")


def _covered_otherwise(name: str, covered: set[str]) -> bool:
    return name == "@target-uri" and {"@path", "@authority"} <= covered


def _by_another_key(error: HTTPMessageSignaturesException) -> bool:
    return isinstance(error, InvalidSignature) and not str(error).startswith(("Malformed", "Signature-Input"))


def _unreadable(error: Exception) -> Unauthenticated:
    return Unauthenticated("malformed_signature", f"the signature's headers cannot be read: {error}")


def _moment(value: Any) -> datetime | None:
    try:
        return datetime.fromtimestamp(value, UTC) if isinstance(value, int) and not isinstance(value, bool) else None
    except (OverflowError, ValueError, OSError):
        return None


@lru_cache(maxsize=256)
def key_of(secret: str) -> tuple[Any, Any] | None:
    """Return the algorithm and the key of a secret, None where the secret is not a key."""
    try:
        if "-----BEGIN" not in secret:
            shared = binascii.a2b_base64(secret.strip(), strict_mode=True)
            return (algorithms.HMAC_SHA256, shared) if shared else None
        public = load_pem_public_key(secret.encode())
    except (ValueError, UnsupportedAlgorithm):
        return None
    if isinstance(public, Ed25519PublicKey):
        return algorithms.ED25519, public
    if isinstance(public, RSAPublicKey):
        return algorithms.RSA_PSS_SHA512, public
    return _elliptic(public)


def _elliptic(public: Any) -> tuple[Any, Any] | None:
    if not isinstance(public, EllipticCurvePublicKey):
        return None
    known = {SECP256R1.name: algorithms.ECDSA_P256_SHA256, SECP384R1.name: algorithms.ECDSA_P384_SHA384}
    algorithm = known.get(public.curve.name)
    return (algorithm, public) if algorithm else None
