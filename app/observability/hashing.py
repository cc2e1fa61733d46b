"""Addresses in logs are keyed hashes: the same person can be followed, and nobody is named."""

from __future__ import annotations

import hashlib


def hash_email(address: str, key: bytes) -> str:
    """Return 16 hexadecimal characters that stand for `address` under `key` (up to 64 bytes)."""
    normal = address.strip().lower().encode("utf-8", "surrogatepass")
    return hashlib.blake2b(normal, key=key[:64], digest_size=8).hexdigest()
