"""What strangers wrote, fit to be shown: addresses masked, `a***@corp.example`, and no control characters. Pure."""

from __future__ import annotations

import re
from typing import Any

# An at sign as texts carry it: itself, full width, small, in a URL, in JSON, in HTML; before what may be a domain.
_SIGN = re.compile(
    r"([@\uff20\ufe6b]|%(?:25){0,4}40|\\u(?:0040|ff20)|&(?:amp;)*(?:\#0{0,4}64|\#x0{0,4}40|commat);)(?=[\w\[%\\&]|[^\x00-\x7f])",
    re.IGNORECASE,
)
_HINTS = ("@", "\uff20", "\ufe6b", "40", "64;", "commat;", "ff20")
# The local part before a sign, read backwards, so that each text between two signs is looked at once: an unquoted one
# has no separator (RFC 5322, specials), but HTML's forms of a character, which end in one; or a quoted one, also with
# quotes in HTML's form.
_LOCAL = re.compile(r';43#&[^<>\n]*?;43#&|(?:;[0-9a-fA-F]{1,6}[xX]?#(?:;pma)*&|;pma&|[^\s<>()\[\]:;,"])+|"[^"\n]*"')
_ESCAPED = r"&\#[xX]?[0-9a-fA-F]+;|\\u[0-9a-fA-F]{4}|%[0-9a-fA-F]{2}"
_FIRST = re.compile(rf"(?:(?!{_ESCAPED})[\W_])*+[^\W_]?")  # the marks that it begins with, and its first character
# A local part that is masked, in a page also after a mark in HTML's form: no second look must take its first character.
_MASKED = re.compile(r"(?:&(?:amp|\#34|\#39);|[^\w&*]|_)*+[^\W_]?\*\*\*")


def masked_text(text: str) -> str:
    """Return `text` with the local part of every address cut to its first character, the same each time."""
    lower = text.lower()
    if not any(hint in lower for hint in _HINTS):
        return text
    parts = _SIGN.split(text)  # texts, and the signs between them
    parts[:-1:2] = [_cut(part) for part in parts[:-1:2]]
    return "".join(parts)


def _cut(text: str) -> str:
    """Return what stands before a sign, without what tells the person."""
    found = _LOCAL.match(text[::-1])
    if found is None:
        return text
    local = found.group()[::-1]
    if _MASKED.fullmatch(local):
        return text
    first = _FIRST.match(local.strip('"'))
    kept = first.group() if first else ""
    if kept == local.strip('"') and not kept[-1:].isalnum():
        return text  # `*@corp.example` names no person
    return f"{text[: -found.end()]}{kept}***"


def printable(text: str) -> str:
    """Return `text` with control characters as escapes: a terminal would obey them. Ends of lines and tabs stay."""
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() or one in "\n\t" else repr(one)[1:-1] for one in text)


def masked_value(value: Any) -> Any:
    """Return a JSON value with the addresses in its strings masked, names of members included."""
    if isinstance(value, str):
        return masked_text(value)
    if isinstance(value, list | tuple):
        return [masked_value(item) for item in value]
    if isinstance(value, dict):
        return {masked_text(str(name)): masked_value(item) for name, item in value.items()}
    return value
