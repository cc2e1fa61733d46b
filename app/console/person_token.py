"""A person in a URL: the address encrypted, so that neither logs of proxies nor browsers' histories hold it. Pure.

The same address has the same token in one installation, so that people can share links. AES-SIV (RFC 5297) is made for
that: deterministic, and a token that was not made with the key is recognised.
"""

from __future__ import annotations

import base64
import binascii
import re

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from cryptography.hazmat.primitives.hashes import SHA512
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

KEY_NAME = "console"  # of the installation's key, see `app.database.installation`
LONGEST = 2_000  # characters of a token: an address has 254, each of at most four bytes
_PURPOSE = b"segue: person in a URL"
_KEY_BYTES = 64
_TOKEN = re.compile("[A-Za-z0-9_-]+")


class PersonTokens:
    """Writes and reads tokens under the installation's key."""

    def __init__(self, key: bytes) -> None:
        derived = HKDF(SHA512(), _KEY_BYTES, salt=None, info=_PURPOSE).derive(key)
        self._cipher = AESSIV(derived)

    def token_of(self, address: str) -> str:
        """Return the token of a listed address."""
        sealed = self._cipher.encrypt(address.encode(), None)
        return base64.urlsafe_b64encode(sealed).decode().rstrip("=")

    def address_of(self, token: str) -> str | None:
        """Return the address that a token stands for, None for anything that is no token of this installation."""
        if len(token) > LONGEST or not _TOKEN.fullmatch(token):
            return None
        try:
            sealed = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
            address = self._cipher.decrypt(sealed, None).decode()
        except (binascii.Error, InvalidTag, ValueError):
            return None
        return address if self.token_of(address) == token else None  # the last character may have unused bits
