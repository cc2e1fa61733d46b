"""The entries of suppression lists: addresses, domains and patterns of people who are never enrolled. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from app.people.addresses import ascii_host, former_host, normalise, parts_of

MAXIMUM_LENGTH = 320
_DOMAIN = re.compile(r"([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]")
_PATTERN = re.compile(r"[^\s@\x00-\x1f\ud800-\udfff]*@[^\s@\x00-\x1f\ud800-\udfff]+")
HOW = "write an address, a domain, or a pattern: ada@corp.example, corp.example, *.corp.example"
NO_ASCII_FORM = (
    "this domain has no ASCII form (IDNA), by which addresses are looked for: where letters beyond ASCII stand, "
    "a star stands for whole parts between dots, *.b\u00fccher.example"
)


class Kind(StrEnum):
    """What an entry matches."""

    ADDRESS = "address"
    DOMAIN = "domain"  # every address at exactly this domain
    PATTERN = "pattern"  # every address that it matches; `*` matches any text


@dataclass(frozen=True, slots=True)
class Suppression:
    """One entry, in the normal form of addresses: lower case, NFC, domains in ASCII; a pattern contains an `@`."""

    kind: Kind
    value: str

    def matches(self, email: str) -> bool:
        """Tell whether the entry matches this address, which is in its normal form."""
        if self.kind is Kind.PATTERN:
            return fits(self.value, email)
        return self.value in keys_of(email)


def read(text: str) -> Suppression:
    """Parse an entry: ada@corp.example, corp.example, *.corp.example, *@*.gov. Raises ValueError.

    A pattern without an `@` matches domains.
    """
    local, at, domain = parts_of(text)
    local = local.removeprefix("@")
    at = at if local else ""  # @corp.example is its domain
    host = ascii_host(domain)
    if host is None:
        raise ValueError(NO_ASCII_FORM)
    if "*" in local + host:
        value = f"{local}@{host}" if at else f"*@{host}"
        if len(value) <= MAXIMUM_LENGTH and _PATTERN.fullmatch(value) and value.strip("*@."):
            return Suppression(Kind.PATTERN, value)
    elif at and (address := normalise(f"{local}@{host}")):
        return Suppression(Kind.ADDRESS, address)
    elif not at and _DOMAIN.fullmatch(host):
        return Suppression(Kind.DOMAIN, host)
    raise ValueError(HOW)


def keys_of(email: str) -> tuple[str, str]:
    """Return the values under which an entry for this address is listed: itself, and its domain."""
    return email, email.rpartition("@")[2]


def forms_of(email: str) -> tuple[str, ...]:
    """Return the forms in which entries that were stored at any time may match this address.

    Entries that were stored before domains followed IDNA 2008 are never released by it: see docs/decisions.
    """
    current = normalise(email) or email
    local, _, host = current.rpartition("@")
    former = former_host(host)
    return tuple(dict.fromkeys((email, current, *([f"{local}@{former}"] if former else []))))


def fits(pattern: str, text: str) -> bool:
    """Tell whether `text` is the texts between the stars of `pattern`, in their order, with any text at each star.

    The first place that fits is taken and never given up, which loses no match. A regular expression would try every
    way to share out the text among the stars: the operator writes the pattern, but a stranger writes the address.
    """
    first, *middle, last = pattern.split("*")
    end = len(text) - len(last)
    if end < len(first) or not (text.startswith(first) and text.endswith(last)):
        return False
    place = len(first)
    for part in middle:
        found = text.find(part, place, end)
        if found < 0:
            return False
        place = found + len(part)
    return True
