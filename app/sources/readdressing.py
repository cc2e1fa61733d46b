"""Replaces a sample's addresses by another one, in each encoding in which senders write them.

Everything else in a text stays byte for byte as it is. An address in an unknown encoding stays, too: the caller reads
the result with the provider, and refuses it where the provider finds another address.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection
from html import escape, unescape
from urllib.parse import quote, quote_plus, unquote_plus

# A string of JSON with its quotes. Possessive quantifiers: an unterminated string is not scanned repeatedly.
STRING = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"', re.DOTALL)
TEXT_OF_XML = re.compile(r"(?<=>)[^<]+")
# "ada@corp.example" is no part of "banda@corp.example", nor of "ada@corp.example.org"; a full stop may follow it.
BEGINS, ENDS = r"(?<![\w.+-])", r"(?![\w-]|\.\w)"

Swap = Callable[[str], str]


def readdressed(text: str, addresses: Collection[str], new: str, *, form: bool = False) -> str:
    """Return `text` with `new` in place of each of `addresses`, ignoring case.

    `form` means a form-encoded body or the query of a URL. JSON, JSON in the strings of JSON and XML are recognised by
    their content; any other text is plain.
    """
    if not addresses:
        return text
    if form:  # a "+" that was not encoded is decoded as a space
        return _in_form(text, _swap({*addresses, *[address.replace("+", " ") for address in addresses]}, new))
    return _in_text(text, _swap(addresses, new))


def _swap(addresses: Collection[str], new: str) -> Swap:
    """Return the function that replaces the addresses in plain text, percent-encoded ones included."""
    plain = _any_of(addresses)
    quoted = _any_of([quote(address, safe="") for address in addresses])
    pattern = re.compile(f"{BEGINS}(?:({plain})|{quoted}){ENDS}", re.IGNORECASE)
    return lambda text: pattern.sub(lambda found: new if found[1] else quote(new, safe=""), text)


def _any_of(texts: Collection[str]) -> str:
    return "|".join(re.escape(text) for text in sorted(texts, key=len, reverse=True))


def _in_text(text: str, swap: Swap) -> str:
    if _is_json(text):
        return STRING.sub(lambda found: _in_string(found[0], swap), text)
    if text.lstrip().startswith("<"):
        return swap(TEXT_OF_XML.sub(lambda found: _in_xml(found[0], swap), text))
    return swap(text)


def _is_json(text: str) -> bool:
    if not text.lstrip().startswith(("{", "[")):
        return False
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _in_string(token: str, swap: Swap) -> str:
    value = json.loads(token)
    changed = _in_text(value, swap)
    return token if changed == value else json.dumps(changed)


def _in_xml(run: str, swap: Swap) -> str:
    value = unescape(run)
    changed = swap(value)
    return run if changed == value else escape(changed, quote=False)


def _in_form(text: str, swap: Swap) -> str:
    return "&".join(_in_field(field, swap) for field in text.split("&"))


def _in_field(field: str, swap: Swap) -> str:
    name, separator, written = field.partition("=")
    try:
        value = unquote_plus(written, errors="strict")
    except UnicodeDecodeError:  # an older site's encoding
        return field
    changed = _in_text(value, swap)
    return field if changed == value else f"{name}{separator}{quote_plus(changed)}"
