"""Short texts encrypted at rest: Fernet (AES-128-CBC with HMAC-SHA256) under the keys of SEGUE_ENCRYPTION_KEYS.

Every text is sealed together with its context (the account and the token), which decryption must name again: rows that
were swapped in the database do not decrypt.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from app.errors import DecryptionFailed, StartError

if TYPE_CHECKING:
    from collections.abc import Sequence

SETTING = "SEGUE_ENCRYPTION_KEYS"
_KEY = re.compile(r"[A-Za-z0-9_-]{43}=")


class Encryption:
    """Encrypts texts with the first of `keys`, and decrypts with any of them: the newest key comes first."""

    def __init__(self, keys: Sequence[str]) -> None:
        self._fernet = MultiFernet([Fernet(key) for key in keys])

    def encrypt(self, text: str, context: Sequence[str]) -> bytes:
        """Return `text` encrypted for `context`."""
        return self._fernet.encrypt(json.dumps([*context, text]).encode("ascii"))

    def decrypt(self, sealed: bytes, context: Sequence[str]) -> str:
        """Return the text. Raises DecryptionFailed for data that these keys did not encrypt for this `context`."""
        try:
            *sealed_for, text = json.loads(self._fernet.decrypt(sealed))
        except (InvalidToken, ValueError, TypeError) as error:
            raise DecryptionFailed(f"{_named(context)} was sealed with none of the keys in {SETTING}") from error
        if sealed_for != list(context):
            raise DecryptionFailed(f"what stands in the place of {_named(context)} belongs elsewhere")
        return str(text)

    def rotate(self, sealed: bytes) -> bytes:
        """Return the same text encrypted with the newest key. Raises DecryptionFailed."""
        try:
            return self._fernet.rotate(sealed)
        except InvalidToken as error:
            raise DecryptionFailed(f"it was sealed with none of the keys in {SETTING}") from error


def encryption(keys: str) -> Encryption:
    """Return the encryption for comma-separated Fernet keys, the newest first. Raises StartError, without a key."""
    listed = [key.strip() for key in keys.split(",")]
    for number, key in enumerate(listed, start=1):
        # Fernet accepts more: it reads only up to a key's padding, and would silently drop a second key.
        if not _KEY.fullmatch(key):
            raise StartError(
                f"{SETTING}: key {number} of {len(listed)} is no key; a key is 32 bytes in URL-safe base64, and "
                "`segue new-key` makes one; several are separated by commas, the newest first"
            )
    return Encryption(listed)


def new_key() -> str:
    """Return a new random key."""
    return Fernet.generate_key().decode("ascii")


def _named(context: Sequence[str]) -> str:
    return " ".join(context)
