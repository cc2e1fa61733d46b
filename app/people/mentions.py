"""How an address may stand in what is stored: as patterns of PostgreSQL's regular expressions. Pure.

A raw request holds it as its sender wrote it: percent-encoded, with JSON's escapes, the domain in letters or in ASCII.
Parsed payloads hold it plainly.
"""

from __future__ import annotations

import re
from urllib.parse import quote

import idna

# What may stand before an address in JSON text and is no part of it: an escape such as `\\n`.
_BEFORE = r"(?:(?<![a-z0-9._%+-])|(?<=\\[nrtbf]))"
_AFTER = r"(?![a-z0-9-]|\.[a-z0-9])"
BEYOND_ASCII = 0x80
_PLAIN = re.compile(r"[A-Za-z0-9_]")


def exact(addresses: tuple[str, ...]) -> str:
    """Return the pattern that finds these addresses in text, and no other one that ends or begins alike."""
    return f"{_BEFORE}(?:{'|'.join(_escaped(form) for form in _forms(addresses))}){_AFTER}"


def raw(addresses: tuple[str, ...]) -> str:
    """Return the pattern that finds these addresses in `encode(bytes, 'escape')`, in whatever way they are encoded."""
    found = dict.fromkeys(one for form in _forms(addresses) for one in _encodings(form))
    return "|".join(_escaped(one) for one in found)


def _forms(addresses: tuple[str, ...]) -> list[str]:
    """Return each address, and the same with its domain in letters."""
    return list(dict.fromkeys(form for address in addresses for form in (address, _in_letters(address))))


def _in_letters(address: str) -> str:
    local, at, host = address.rpartition("@")
    try:
        return f"{local}{at}{idna.decode(host)}" if "xn--" in host else address
    except UnicodeError:
        return address


def _encodings(address: str) -> list[str]:
    local, at, host = address.rpartition("@")
    signs = ("@", "%40", r"\u0040") if at else ("",)
    plain = [f"{local}{sign}{host}" for sign in signs]
    coded = [f"{quote(local, safe='')}%40{quote(host, safe='')}"] if at else [quote(address, safe="")]
    ascii_json = address.encode("ascii", "backslashreplace").decode()
    return [_as_bytes(one) for one in (*plain, *coded, ascii_json)]


def _as_bytes(text: str) -> str:
    """Return text as `encode(bytes, 'escape')` shows it: a backslash doubled, bytes beyond ASCII in octal digits."""
    data = text.encode("utf-8", "replace")
    return "".join(
        "\\\\" if byte == ord("\\") else chr(byte) if byte < BEYOND_ASCII else f"\\{byte:03o}" for byte in data
    )


def _escaped(text: str) -> str:
    return "".join(one if _PLAIN.match(one) or not one.isascii() else f"\\{one}" for one in text)
