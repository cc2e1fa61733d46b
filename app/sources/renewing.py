"""Replaces values in a sample wherever one stands alone, in each form in which senders write them.

A value stands alone where it is a whole string or number of JSON, a whole text of XML, a whole field of a form or a
query, or a whole header. Everything else in a text stays byte for byte as it is.
"""

from __future__ import annotations

import json
import re
import secrets
from html import escape, unescape
from typing import TYPE_CHECKING
from urllib.parse import quote_plus, unquote_plus

if TYPE_CHECKING:
    from collections.abc import Mapping

# Possessive quantifiers: an unterminated string is not scanned repeatedly.
TOKEN = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?', re.DOTALL)
TEXT_OF_XML = re.compile(r"(?<=>)[^<]+(?=<)")
FIELD_OF_MULTIPART = re.compile(r"(?<=\r\n\r\n)[^\r\n]*(?=\r\n--)")
LAST_DIGITS = re.compile(r"\d+(?=\D*\Z)")
NAME = "segue_sample"


def fresh(value: str) -> str:
    """Return another value of the same kind: other digits for a number or a URL with one, else a new end."""
    digits = str(secrets.randbelow(9 * 10**14) + 10**14)
    if value.isdecimal():
        return digits
    if value.startswith("http") and LAST_DIGITS.search(value):
        return LAST_DIGITS.sub(digits, value, count=1)
    return f"{value}-{secrets.token_hex(4)}"


def renewed(text: str, values: Mapping[str, str], *, form: bool = False) -> str:
    """Return `text` with each key of `values` replaced by its value; `form` means a form's body, or a query."""
    if form:
        return "&".join(_field(field, values) for field in text.split("&"))
    if text.lstrip().startswith(("{", "[")):
        return TOKEN.sub(lambda found: _token(found[0], values), text)
    if text.lstrip().startswith("<"):
        return TEXT_OF_XML.sub(lambda found: _text_of_xml(found[0], values), text)
    return FIELD_OF_MULTIPART.sub(lambda found: values.get(found[0], found[0]), text)


def with_a_field(text: str, *, form: bool = False) -> str:
    """Return `text` with a field of its own, which no provider reads, where it is a form or an object of JSON."""
    token = secrets.token_hex(8)
    if form:
        return f"{text}&{NAME}={token}" if text else f"{NAME}={token}"
    opening = re.match(r"\s*\{(\s*\})?", text)
    if opening is None:
        return text
    field = f'"{NAME}":"{token}"'
    return f"{{{field}}}" if opening[1] else text[: opening.end()] + field + "," + text[opening.end() :]


def _token(token: str, values: Mapping[str, str]) -> str:
    if not token.startswith('"'):
        other = values.get(token, token)
        return other if other.isdecimal() else token
    try:
        value = json.loads(token)
    except ValueError:
        return token
    other = values.get(value) or renewed(value, values)
    return token if other == value else json.dumps(other)


def _text_of_xml(run: str, values: Mapping[str, str]) -> str:
    other = values.get(unescape(run).strip())
    return run if other is None else escape(other, quote=False)


def _field(field: str, values: Mapping[str, str]) -> str:
    name, separator, written = field.partition("=")
    try:
        value = unquote_plus(written, errors="strict")
    except UnicodeDecodeError:  # an older site's encoding
        return field
    other = values.get(value) or renewed(value, values)
    return field if other == value else f"{name}{separator}{quote_plus(other)}"
