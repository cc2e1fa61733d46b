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


def normalise(address: str | None) -> str | None:
    """Return the one form of `address` that stands for its person, None when it is no usable address.

    Trimmed, lower case, NFC, the domain in ASCII (IDNA). Dots and plus tags are kept: they may be other people.
    """
    if not address:
        return None
    text = unicodedata.normalize("NFC", address.strip()).lower()
    local, separator, host = text.rpartition("@")
    if not separator or not _LOCAL.fullmatch(local) or len(local) > MAXIMUM_LOCAL or local[0] == "." or ".." in local:
        return None
    ascii_host = _ascii(host)
    if ascii_host is None or not _DOMAIN.fullmatch(ascii_host) or len(local) + len(ascii_host) >= MAXIMUM_LENGTH:
        return None
    try:
        local.encode()
    except UnicodeEncodeError:
        return None
    return f"{local}@{ascii_host}"


def listed_address(address: str | None) -> str | None:
    """Return what an address is stored, listed and asked for under: its normal form, else what was sent, shortened.

    No address is longer, and PostgreSQL takes no index entry of any length.
    """
    if not address:
        return None
    return normalise(address) or address.strip().lower()[:MAXIMUM_LENGTH] or None


def _ascii(host: str) -> str | None:
    if host.isascii():
        return host
    try:
        return host.encode("idna").decode()
    except UnicodeError:
        return None


def domain(address: str | None) -> str | None:
    """Return the domain of a usable address."""
    normal = normalise(address)
    return normal.rpartition("@")[2] if normal else None


def is_free_mail(address: str | None) -> bool:
    """Tell whether the address is at a provider that gives them to anybody."""
    return domain(address) in FREE_MAIL
