"""E-mail addresses: one normal form per person, and the free-mail providers. Pure."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

import idna

from app.people.invisible import visible, without_joiners

MAXIMUM_LENGTH = 254  # RFC 5321's limit of a path, less its brackets
MAXIMUM_LOCAL = 64

# Providers where anyone can get an address: their domain identifies no company. These stand beside the thousands that
# app/people/domain_lists.py takes from a package, which lacks some of them.
FREE_MAIL = frozenset(
    """
    126.com 163.com aim.com aol.com comcast.net duck.com fastmail.com free.fr gmail.com gmx.at gmx.ch gmx.com gmx.de
    gmx.net googlemail.com hey.com hotmail.co.uk hotmail.com hotmail.de hotmail.fr icloud.com laposte.net libero.it
    live.com mac.com mail.com mail.ru mailbox.org me.com msn.com orange.fr outlook.com outlook.de pm.me posteo.de
    proton.me protonmail.com qq.com rocketmail.com t-online.de tutanota.com web.de yahoo.co.uk yahoo.com yahoo.de
    yahoo.fr yandex.com yandex.ru ymail.com zoho.com
    """.split(),  # noqa: SIM905  # a list literal would take sixty lines
)
# Addresses as almost all are: their normal form is their lower case. Any other one takes the long way of `normalise`,
# which takes five times as long and comes to the same.
_PLAIN = re.compile(
    r"(?=.{6,254}$)(?=[^@]{1,64}@)(?!.*xn--)[a-z0-9_+-]+(?:\.[a-z0-9_+-]+)*"
    r"@(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]"
)
_LOCAL = re.compile(r"[^\s@<>()\[\]\\,;:\"\x00-\x1f\x7f]+")
_DOMAIN = re.compile(r"(?=.{4,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]")


def folded(text: str) -> str:
    """Return `text` without what is not seen, in lower case and NFC.

    Lower case comes first: small letters may compose where capitals do not.
    """
    return unicodedata.normalize("NFC", visible(text).lower())


def parts_of(text: str) -> tuple[str, str, str]:
    """Return what stands before the last `@` of an address or an entry, that `@`, and the host; all folded."""
    local, at, host = folded(text).rpartition("@")
    return without_joiners(local), at, host


def ascii_host(host: str) -> str | None:
    """Return a folded host in ASCII (IDNA 2008, mapped by UTS 46), None where it has no such form.

    A pattern's star stays a star. IDNA encodes each label as a whole: a label with a star beside letters beyond ASCII
    has no such form.
    """
    try:
        mapped = host if host.isascii() else idna.uts46_remap(host, std3_rules=False, transitional=False)
        # A full-width star becomes a star, which would match any text.
        return ".".join(map(_encoded, mapped.split("."))) if mapped.count("*") == host.count("*") else None
    except UnicodeError:
        return None


def _encoded(label: str) -> str:
    """Return one label in ASCII; raise UnicodeError where IDNA refuses it."""
    if label.isascii() and ("*" in label or not label.startswith("xn--")):
        return label
    if "*" in label:
        raise UnicodeError("a star beside letters beyond ASCII")
    try:
        return idna.alabel(label).decode()
    except UnicodeError:
        # A joiner belongs to a domain only between letters that IDNA names; anywhere else it came with a copied text.
        bare = without_joiners(label)
        return bare if bare.isascii() else idna.alabel(bare).decode()


def former_host(host: str) -> str | None:
    """Return the form that IDNA 2003 gave a host, in which a list may still have it; None where it is the same.

    IDNA 2003 wrote stra\u00dfe.example as strasse.example, and took joiners off.
    """
    if "xn--" not in host:
        return None
    try:
        former = idna.decode(host).encode("idna").decode()
    except UnicodeError:
        return None
    return former if former != host else None


def normalise(address: str | None) -> str | None:
    """Return the normal form of `address`, which identifies its person, None where it is no usable address.

    Without what is not seen, lower case, NFC, the domain in ASCII (IDNA 2008). Dots and plus tags are kept: they may
    belong to other people.
    """
    if not address:
        return None
    return _normal_form(address) if len(address) <= MAXIMUM_LENGTH else _normalise_any(address)


@lru_cache(maxsize=1024)  # an event's address is asked for five times, from its first condition to its last row
def _normal_form(address: str) -> str | None:
    return lowered if _PLAIN.fullmatch(lowered := address.lower()) else _normalise_any(address)


def _normalise_any(address: str) -> str | None:
    local, separator, domain_part = parts_of(address)
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
    return normalise(address) or folded(address)[:MAXIMUM_LENGTH] or None


def read_domain(text: str) -> str:
    """Return the ASCII form of a domain as an operator writes it: corp.example, @corp.example. Raises ValueError."""
    local, _, written = parts_of(text)
    host = ascii_host(written)
    if local or host is None or not _DOMAIN.fullmatch(host):
        raise ValueError("write a domain, such as corp.example")
    return host


def domain(address: str | None) -> str | None:
    """Return the domain of a usable address."""
    normal = normalise(address)
    return normal.rpartition("@")[2] if normal else None
