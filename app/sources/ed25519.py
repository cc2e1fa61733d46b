"""Ed25519 signatures. Only a source that is signed this way imports this module."""

from __future__ import annotations

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey


def verified(key: bytes, signature: bytes, covered: bytes) -> bool:
    """Return whether the signature over `covered` is by the private part of `key`."""
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, covered)
    except (InvalidSignature, ValueError):  # ValueError: a key of another length, which `check` reports
        return False
    return True
