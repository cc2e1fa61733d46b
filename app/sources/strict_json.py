"""Reading untrusted JSON: strictly, with two repairs.

`parse` raises Unreadable for what two readers could read differently (a repeated key, NaN, an infinite number, a byte
order mark: `encodings` takes the one at the start of a body off), and for bodies nested deeper than `MAX_DEPTH`.
Integers keep all their digits. Two things are repaired, because a lead is worth more than a character: NUL, which
PostgreSQL cannot store in a text, and half a surrogate pair, which senders leave where they cut a text in the middle of
an emoji. Each becomes U+FFFD.
"""

from __future__ import annotations

import json
import math
import re
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from collections import Counter
from typing import Any, NoReturn

import orjson

from app.errors import Unreadable

# Far above any real payload (Stripe's deepest is about 10), far below the limits of recursion and PostgreSQL's jsonb.
MAX_DEPTH = 100
LONGEST_NAME = 60
LONE_SURROGATE = re.compile("[\ud800-\udfff]")
ESCAPED_NUL = re.compile(r"(?<!\\)((?:\\\\)*)\\u0000")
# The form of a document: its brackets are all of one kind, and so are its digits.
FORM = bytes.maketrans(b"[]123456789", b"{}000000000")
LONG_NUMBER = b"0" * 19
NO_BRACKETS = bytes(set(range(256)) - set(b"{}"))


def parse(body: bytes | str) -> Any:
    """Return the JSON value in `body`; raise Unreadable where it is not strict JSON in UTF-8."""
    if isinstance(body, bytes) and (plain := _plain(body)) is not None:
        return plain
    try:
        text = body if isinstance(body, str) else body.decode()
        if "\\u0000" in text:
            text = ESCAPED_NUL.sub(r"\1\\ufffd", text)
        value = DECODER.decode(text)
        value = _repaired(text, value)
    except UnicodeError as error:
        raise Unreadable("malformed_body", f"the body is not UTF-8{_guessed(body)}") from error
    except RecursionError as error:
        raise _too_deep() from error
    except ValueError as error:
        raise Unreadable("malformed_body", f"the body is not JSON: {error}") from error
    if text.count("[") + text.count("{") > MAX_DEPTH and _depth(value) > MAX_DEPTH:
        raise _too_deep()
    return value


def parse_object(body: bytes | str) -> dict[str, Any]:
    """Return the JSON object in `body`; raise Unreadable where it is anything else."""
    value = parse(body)
    if not isinstance(value, dict):
        raise Unreadable("malformed_body", "the body is not a JSON object")
    return value


def _plain(body: bytes) -> Any:
    """Return the value of a body that orjson and DECODER read alike, as almost all are; None for any other one.

    Without a backslash, quotes stand around texts only. Between the texts stand all numbers and brackets, and where a
    key was repeated, the value that is written again has fewer texts. Reading and checking so takes a third as long.
    """
    if b"\\" in body:
        return None
    parts = body.split(b'"')
    form = b"".join(parts[::2]).translate(FORM)
    try:
        value = orjson.loads(body)
        texts_kept = orjson.dumps(value).count(b'"') == len(parts) - 1
    except (ValueError, TypeError):  # it reads what is nested deeper than it writes
        return None
    return value if texts_kept and LONG_NUMBER not in form and not _is_deep(form) else None


def _is_deep(form: bytes) -> bool:
    """Tell whether valid JSON of this form, its texts left out, is nested deeper than `MAX_DEPTH`."""
    brackets = form.translate(None, NO_BRACKETS)
    depth = 0
    while brackets and depth <= MAX_DEPTH:
        brackets = brackets.replace(b"{}", b"")  # the innermost ones
        depth += 1
    return depth > MAX_DEPTH


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise ValueError(f"the key {_repeated(pairs)} appears twice in one object")
    return result


def _repeated(pairs: list[tuple[str, Any]]) -> str:
    """Return the name of a repeated key for a log: in part, and hidden where it may be an address."""
    ((name, _), *_) = Counter(key for key, _ in pairs).most_common(1)
    return "(an address)" if "@" in name else repr(name[:LONGEST_NAME])


def _guessed(body: bytes | str) -> str:
    marked = isinstance(body, bytes) and body.startswith((BOM_UTF16_LE, BOM_UTF16_BE))
    return ": it is UTF-16, which its content type does not declare" if marked else ""


def _finite(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise ValueError("a number is too large")
    return number


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _repaired(source: str, value: Any) -> Any:
    """Return the value with halves of surrogate pairs replaced."""
    # The escape is rare (most senders write UTF-8), so the value is encoded as a test only where it occurs.
    if "\\ud" not in source and "\\uD" not in source:
        return value
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return _without_lone_surrogates(value)
    return value


def _without_lone_surrogates(value: Any) -> Any:
    if isinstance(value, str):
        return LONE_SURROGATE.sub("\N{REPLACEMENT CHARACTER}", value)
    if isinstance(value, dict):
        return {_without_lone_surrogates(key): _without_lone_surrogates(item) for key, item in value.items()}
    return [_without_lone_surrogates(item) for item in value] if isinstance(value, list) else value


def _depth(value: Any) -> int:
    depth, level = 0, [value]
    while level:
        depth += 1
        level = [
            child
            for item in level
            for child in (item.values() if isinstance(item, dict) else item if isinstance(item, list) else ())
        ]
    return depth - 1


def _too_deep() -> Unreadable:
    return Unreadable("malformed_body", f"the body is nested deeper than {MAX_DEPTH} levels")


# The standard library's decoder: orjson turns integers above 64 bits into floats and drops repeated keys silently.
DECODER = json.JSONDecoder(object_pairs_hook=_unique, parse_float=_finite, parse_constant=_no_constant)
