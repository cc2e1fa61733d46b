"""HTTP Message Signatures (RFC 9421, RFC 9530) by the library http-message-signatures; Segue provides the clock.

A secret is base64 of a shared key or a PEM public key. The key alone determines the algorithm, never the request.
"""

from __future__ import annotations

import binascii
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
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

from app.clock import in_words
from app.errors import StartError, Unauthenticated
from app.sources.assurance import Authentication, Proof, in_future, mistakes_of_each, too_old
from app.sources.signing import has_expired

if TYPE_CHECKING:
    from app.model import Delivery, Secret

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


@dataclass(frozen=True, slots=True)
class MessageSignature(Authentication):
    """A signature that covers `components`, and whose `created` is off by at most `tolerance`.

    Of several signatures the one with this `tag` counts.
    """

    components: tuple[str, ...]
    tag: str | None
    tolerance: timedelta

    @property
    def proof(self) -> Proof:
        """What a signature of this kind is worth."""
        return Proof("HTTP Message Signature", ", ".join(self.components), f"for {in_words(self.tolerance)}")

    def mistakes(self, secrets: tuple[Secret, ...]) -> list[str]:
        """Return what is wrong with the keys."""
        mistake = "is neither base64 of a shared key nor a PEM public key (ed25519, ECDSA P-256 or P-384, RSA)"
        return mistakes_of_each(secrets, lambda value: mistake if _key(value) is None else None)

    def verify(self, delivery: Delivery, secrets: tuple[Secret, ...], now: datetime) -> Secret:
        """Raise Unauthenticated unless one of the keys signed what must be covered, and the digest is the body's."""
        for header in ("signature-input", "signature"):
            if not delivery.headers.get(header, "").strip():
                raise Unauthenticated("missing_signature", f"the {header} header is missing")
        keys = [(secret, key) for secret in secrets if (key := _key(secret.value))]
        if not keys:
            raise Unauthenticated("missing_signature", "the source has no usable key, so nothing can be verified")
        last_error: InvalidSignature | None = None
        for secret, (algorithm, key) in keys:
            try:
                self._verify_by(algorithm, key, delivery, now)
            except InvalidSignature as error:
                last_error = error
            else:
                if has_expired(secret, now):
                    raise Unauthenticated("expired", "signed with a key whose not_after has passed")
                return secret
        raise Unauthenticated("signature_mismatch", f"no key of the source fits: {last_error}")

    def sign(self, request: Delivery, secrets: tuple[Secret, ...], now: datetime) -> dict[str, str]:
        """Return the headers of a signature with the first shared key; a public key signs nothing."""
        known = [_key(secret.value) for secret in secrets if not has_expired(secret, now)]
        shared = next((key for found in known if found for algorithm, key in [found] if isinstance(key, bytes)), None)
        if shared is None:
            raise StartError(f"the source {request.source} has no shared key in force to sign with")
        message = _Message(request.method.upper(), request.url, {})
        signer = HTTPMessageSigner(signature_algorithm=algorithms.HMAC_SHA256, key_resolver=_Key(shared))
        signer.sign(message, key_id="segue", created=now, body=request.body, covered_component_ids=SIGNED)
        return {name.lower(): value for name, value in message.headers.items()}

    def _verify_by(self, algorithm: Any, key: Any, delivery: Delivery, now: datetime) -> None:
        message = _Message(delivery.method.upper(), delivery.url, dict(delivery.headers))
        verifier = _verifier(algorithm, key, self.tolerance, now)
        try:
            results = verifier.verify(message, max_age=None, expect_tag=self.tag)
        except HTTPMessageSignaturesException as error:
            raise _translated(error) from error
        except ValueError as error:  # a URL or header that cannot be taken apart
            raise Unauthenticated("malformed_signature", f"the signature's headers cannot be read: {error}") from error
        covered = {component.strip('"') for result in results for component in result.covered_components}
        _require_covered(self.components, covered)
        if "content-digest" in covered:
            try:
                verifier.verify_body(message, results, delivery.body)
            except HTTPMessageSignaturesException as error:
                raise Unauthenticated("digest_mismatch", f"the digest is not the body's: {error}") from error


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


def _require_covered(components: tuple[str, ...], covered: set[str]) -> None:
    missing = [name for name in components if name not in covered and not _covered_otherwise(name, covered)]
    if missing:
        raise Unauthenticated("malformed_signature", f"the signature does not cover {', '.join(missing)}")


def _covered_otherwise(name: str, covered: set[str]) -> bool:
    return name == "@target-uri" and {"@path", "@authority"} <= covered


def _translated(error: HTTPMessageSignaturesException) -> Exception:
    """Return Unauthenticated for unreadable headers; the error of a signature by another key is returned as it is."""
    if isinstance(error, InvalidSignature) and not str(error).startswith(("Malformed", "Signature-Input")):
        return error
    return Unauthenticated("malformed_signature", f"the signature's headers cannot be read: {error}")


def _moment(value: Any) -> datetime | None:
    try:
        return datetime.fromtimestamp(value, UTC) if isinstance(value, int) and not isinstance(value, bool) else None
    except (OverflowError, ValueError, OSError):
        return None


@lru_cache(maxsize=256)
def _key(secret: str) -> tuple[Any, Any] | None:
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
