"""Short texts encrypted at rest: Fernet (AES-128-CBC with HMAC-SHA256) under the keys of SEGUE_ENCRYPTION_KEYS.

Every text is sealed together with its context (which account's which token), which must be named again to open it: rows
that somebody swapped in the database do not open.
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
    """Seals texts with the first of `keys` and opens what any of them sealed: the newest key stands first."""

    def __init__(self, keys: Sequence[str]) -> None:
        self._fernet = MultiFernet([Fernet(key) for key in keys])

    def encrypt(self, text: str, context: Sequence[str]) -> bytes:
        """Return `text` sealed for `context`."""
        return self._fernet.encrypt(json.dumps([*context, text]).encode("ascii"))

    def decrypt(self, sealed: bytes, context: Sequence[str]) -> str:
        """Return the text. Raises DecryptionFailed for anything that these keys did not seal for this `context`."""
        try:
            *sealed_for, text = json.loads(self._fernet.decrypt(sealed))
        except (InvalidToken, ValueError, TypeError) as error:
            raise DecryptionFailed(f"{_named(context)} was sealed with none of the keys in {SETTING}") from error
        if sealed_for != list(context):
            raise DecryptionFailed(f"what stands in the place of {_named(context)} belongs elsewhere")
        return str(text)

    def rotate(self, sealed: bytes) -> bytes:
        """Return the same text sealed anew with the newest key. Raises DecryptionFailed."""
        try:
            return self._fernet.rotate(sealed)
        except InvalidToken as error:
            raise DecryptionFailed(f"it was sealed with none of the keys in {SETTING}") from error


def encryption(keys: str) -> Encryption:
    """Return the encryption under comma-separated Fernet keys, the newest first. Raises StartError, no key told."""
    listed = [key.strip() for key in keys.split(",")]
    for number, key in enumerate(listed, start=1):
        # Fernet itself takes more: it reads no further than a key's padding, and would drop a second one unnoticed.
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
