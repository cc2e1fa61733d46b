"""A form that does something once: its key is written with the first row of its act, in the transaction of the change.

A form that is sent twice, to whichever replica, changes nothing the second time, and is answered as the first time.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Once:
    """A form as it was sent: `sha256` knows the form again, `turn` tells this time from others."""

    sha256: bytes
    turn: str


@dataclass(frozen=True, slots=True)
class Before:
    """A form was sent before. `location` is where that led to, None where it had no answer; `message` what it said."""

    location: str | None
    message: str | None


def new_key() -> str:
    """Return the key of a form that is shown."""
    return secrets.token_urlsafe(18)


def once_of(key: str, *of: str) -> Once:
    """Return a form that is sent now. `of` is who sends it and where to: a key of others means nothing there."""
    digest = hashlib.sha256("\0".join((*of, key)).encode("utf-8", "surrogatepass"))
    return Once(digest.digest(), secrets.token_hex(8))
