"""E-mail addresses: one normal form per person, and the free-mail providers. Pure."""

from __future__ import annotations

import re
import unicodedata

MAXIMUM_LENGTH = 254  # RFC 5321's limit of a path, less its brackets
MAXIMUM_LOCAL = 64

# Providers where anyone can get an address: their domain identifies no company.
FREE_MAIL = frozenset(
    """
    126.com 163.com aim.com aol.com comcast.net duck.com fastmail.com free.fr gmail.com gmx.at gmx.ch gmx.com gmx.de
    gmx.net googlemail.com hey.com hotmail.co.uk hotmail.com hotmail.de hotmail.fr icloud.com laposte.net libero.it
    live.com mac.com mail.com mail.ru mailbox.org me.com msn.com orange.fr outlook.com outlook.de pm.me posteo.de
    proton.me protonmail.com qq.com rocketmail.com t-online.de tutanota.com web.de yahoo.co.uk yahoo.com yahoo.de
    yahoo.fr yandex.com yandex.ru ymail.com zoho.com
    """.split(),  # noqa: SIM905  # a list literal would take sixty lines
)
_LOCAL = re.compile(r"[^\s@<>()\[\]\\,;:\"\x00-\x1f\x7f]+")
_DOMAIN = re.compile(r"(?=.{4,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]")
_DOTS = re.compile("[.\u3002\uff0e\uff61]")  # what IDNA accepts as a dot


def folded(text: str) -> str:
    """Return `text` trimmed, in lower case and NFC, in this order: small letters may compose where capitals do not."""
    return unicodedata.normalize("NFC", text.strip().lower())


def ascii_host(host: str) -> str | None:
    """Return a folded host in ASCII (IDNA), None where it has no such form. A pattern's star stays a star.

    IDNA encodes each label as a whole: a label with a star beside letters beyond ASCII has no such form.
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
    """Return the normal form of `address`, which identifies its person, None where it is no usable address.

    Trimmed, lower case, NFC, the domain in ASCII (IDNA). Dots and plus tags are kept: they may belong to other people.
    """
    if not address:
        return None
    local, separator, domain_part = folded(address).rpartition("@")
    if not separator or not _LOCAL.fullmatch(local) or len(local) > MAXIMUM_LOCAL or local[0] == "." or ".." in local:
        return None
    host = ascii_host(domain_part)
    if host is None or not _DOMAIN.fullmatch(host) or len(local) + len(host) >= MAXIMUM_LENGTH:
        return None
    try:
        local.encode()
    except UnicodeEncodeError:
        return None
    return f"{local}@{host}"


def listed_address(address: str | None) -> str | None:
    """Return the form in which an address is stored and searched: its normal form, else the sent text, shortened.

    No valid address is longer, and PostgreSQL limits the length of an index entry.
    """
    if not address:
        return None
    return normalise(address) or address.strip().lower()[:MAXIMUM_LENGTH] or None


def domain(address: str | None) -> str | None:
    """Return the domain of a usable address."""
    normal = normalise(address)
    return normal.rpartition("@")[2] if normal else None


def is_free_mail(address: str | None) -> bool:
    """Tell whether the address is at a free-mail provider."""
    return domain(address) in FREE_MAIL
