"""HTTP Message Signatures (RFC 9421, RFC 9530): what a source asks of them.

A secret is base64 of a shared key or a PEM public key. The key alone determines the algorithm, never the request.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.clock import in_words
from app.errors import StartError, Unauthenticated
from app.sources.assurance import Authentication, Proof, mistakes_of_each
from app.sources.signing import has_expired

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from app.model import Delivery, Secret

COVERED = re.compile(r'"([a-z0-9-]+)"')
# Never stored, also where a signature covers them: such a delivery cannot be checked again later.
CREDENTIALS = frozenset({"authorization", "proxy-authorization", "cookie"})


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

    def headers(self, delivery: Delivery) -> frozenset[str]:
        """Return the headers of the signature, and those that it says to cover."""
        covered = COVERED.findall(delivery.headers.get("signature-input", ""))
        return frozenset({"signature-input", "signature", "content-digest", *covered}) - CREDENTIALS

    def mistakes(self, secrets: tuple[Secret, ...]) -> list[str]:
        """Return what is wrong with the keys."""
        from app.sources import message_library  # noqa: PLC0415  # most services have no source that needs it

        mistake = "is neither base64 of a shared key nor a PEM public key (ed25519, ECDSA P-256 or P-384, RSA)"
        return mistakes_of_each(secrets, lambda value: mistake if message_library.key_of(value) is None else None)

    def verify(self, delivery: Delivery, secrets: tuple[Secret, ...], now: datetime) -> Secret:
        """Raise Unauthenticated unless one of the keys signed what must be covered, and the digest is the body's."""
        from app.sources import message_library  # noqa: PLC0415  # most services have no source that needs it

        for header in ("signature-input", "signature"):
            if not delivery.headers.get(header, "").strip():
                raise Unauthenticated("missing_signature", f"the {header} header is missing")
        keys = [(secret, key) for secret in secrets if (key := message_library.key_of(secret.value))]
        if not keys:
            raise Unauthenticated("missing_signature", "the source has no usable key, so nothing can be verified")
        mismatch = None
        for secret, key in keys:
            mismatch = message_library.mismatch(
                key, delivery, now, components=self.components, tag=self.tag, tolerance=self.tolerance
            )
            if mismatch is None:
                if has_expired(secret, now):
                    raise Unauthenticated("expired", "signed with a key whose not_after has passed")
                return secret
        raise Unauthenticated("signature_mismatch", f"no key of the source fits: {mismatch}")

    def sign(self, request: Delivery, secrets: tuple[Secret, ...], now: datetime) -> dict[str, str]:
        """Return the headers of a signature with the first shared key; a public key signs nothing."""
        from app.sources import message_library  # noqa: PLC0415  # most services have no source that needs it

        known = [message_library.key_of(secret.value) for secret in secrets if not has_expired(secret, now)]
        shared = next((key for found in known if found for _, key in [found] if isinstance(key, bytes)), None)
        if shared is None:
            raise StartError(f"the source {request.source} has no shared key in force to sign with")
        return message_library.signed(request, shared, now)
