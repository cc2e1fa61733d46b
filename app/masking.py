"""E-mail addresses masked in any text: `ada@corp.example` becomes `a***@corp.example`. Pure."""

from __future__ import annotations

import re
from typing import Any

# What a local part may hold (RFC 5322, atext and the dot), and what is no ASCII. A run is looked at from its first
# character only, so that the time stays linear in the length of a text without an address.
_ATOM = r"[\w!#$%&'*+\-/=?^`{|}~.]"
_MARK = r"[!#$%&'*+\-/=?^`{|}~.]"
# An at sign as texts carry it: itself, full width, in a URL, in JSON, in HTML.
_SIGN = r"(?:[@\uff20]|%(?:25){0,4}40|\\u0040|\\uff20|&\#0{0,4}64;|&\#[xX]0{0,4}40;|&commat;)"
_ADDRESS = re.compile(rf'(?:(?<!{_ATOM})({_MARK}*+\w?+){_ATOM}*?|"([^"\n]?)[^"\n]{{0,64}}")({_SIGN})(?=[\w\[])')
_HINTS = ("@", "\uff20", "40", "64;", "&commat;", "uff20")


def masked_text(text: str) -> str:
    """Return `text` with the local part of every address cut to its first character, the same each time."""
    return _ADDRESS.sub(_cut, text) if any(hint in text for hint in _HINTS) else text


def _cut(found: re.Match[str]) -> str:
    if found.group(1) is not None and not any(map(str.isalnum, found.group(1))):
        return found.group()  # `*@corp.example` names no person
    return f"{found.group(1) or found.group(2) or ''}***{found.group(3)}"


def masked_value(value: Any) -> Any:
    """Return a JSON value with the addresses in its strings masked, names of members included."""
    if isinstance(value, str):
        return masked_text(value)
    if isinstance(value, list | tuple):
        return [masked_value(item) for item in value]
    if isinstance(value, dict):
        return {masked_text(str(name)): masked_value(item) for name, item in value.items()}
    return value
