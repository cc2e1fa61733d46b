"""E-mail addresses: one form per person, and which providers give them to anybody."""

from __future__ import annotations

import re
import unicodedata

MAXIMUM_LENGTH = 254  # RFC 5321's limit of a path, less its brackets
MAXIMUM_LOCAL = 64

# Providers where anyone gets an address: a company cannot be told by them.
FREE_MAIL = frozenset(
    """
    126.com 163.com aim.com aol.com comcast.net duck.com fastmail.com free.fr gmail.com gmx.at gmx.ch gmx.com gmx.de
    gmx.net googlemail.com hey.com hotmail.co.uk hotmail.com hotmail.de hotmail.fr icloud.com laposte.net libero.it
    live.com mac.com mail.com mail.ru mailbox.org me.com msn.com orange.fr outlook.com outlook.de pm.me posteo.de
    proton.me protonmail.com qq.com rocketmail.com t-online.de tutanota.com web.de yahoo.co.uk yahoo.com yahoo.de
    yahoo.fr yandex.com yandex.ru ymail.com zoho.com
    """.split(),  # noqa: SIM905  # a list of sixty lines says no more
)
_LOCAL = re.compile(r"[^\s@<>()\[\]\\,;:\"\x00-\x1f\x7f]+")
_DOMAIN = re.compile(r"(?=.{4,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]")
_DOTS = re.compile("[.\u3002\uff0e\uff61]")  # what IDNA takes for a dot


def folded(text: str) -> str:
    """Return `text` trimmed, in lower case and NFC: small letters may compose where their capitals do not."""
    return unicodedata.normalize("NFC", text.strip().lower())


def ascii_host(host: str) -> str | None:
    """Return a folded host in ASCII (IDNA), None where it has no such form. A star, as patterns have it, stays one.

    What is written between two dots is encoded as a whole, so that beside other letters a star can stand for nothing.
    """
    try:
        return ".".join(label if label.isascii() else _encoded(label) for label in _DOTS.split(host))
    except UnicodeError:
        return None


def _encoded(label: str) -> str:
    encoded = label.encode("idna").decode()
    if "*" in encoded:
        raise UnicodeError("a star beside letters beyond ASCII")
    return encoded


def normalise(address: str | None) -> str | None:
    """Return the one form of `address` that stands for its person, None when it is no usable address.

    Trimmed, lower case, NFC, the domain in ASCII (IDNA). Dots and plus tags are kept: they may be other people.
    """
    if not address:
        return None
    local, separator, told = folded(address).rpartition("@")
    if not separator or not _LOCAL.fullmatch(local) or len(local) > MAXIMUM_LOCAL or local[0] == "." or ".." in local:
        return None
    host = ascii_host(told)
    if host is None or not _DOMAIN.fullmatch(host) or len(local) + len(host) >= MAXIMUM_LENGTH:
        return None
    try:
        local.encode()
    except UnicodeEncodeError:
        return None
    return f"{local}@{host}"


def listed_address(address: str | None) -> str | None:
    """Return what an address is stored, listed and asked for under: its normal form, else what was sent, shortened.

    No address is longer, and PostgreSQL takes no index entry of any length.
    """
    if not address:
        return None
    return normalise(address) or address.strip().lower()[:MAXIMUM_LENGTH] or None


def domain(address: str | None) -> str | None:
    """Return the domain of a usable address."""
    normal = normalise(address)
    return normal.rpartition("@")[2] if normal else None


def is_free_mail(address: str | None) -> bool:
    """Tell whether the address is at a provider that gives them to anybody."""
    return domain(address) in FREE_MAIL
