"""Reading a field of parsed JSON: values as text, ids, lists and instants.

A field that identifies an event is required: `required` raises Unreadable and names the path. A field that describes
the person or the time may be absent: an unusable value reads as None, because a sender retries a refused event for a
day and may disable the webhook, while an event without an address is recorded and explained. Paths are written as JSON
pointers.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any, Literal

from app.errors import Unreadable

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# As seconds this number is the year 5138; as milliseconds it is March 1973, before any webhook.
FIRST_MILLISECONDS = 100_000_000_000
DIGITS = re.compile(r"[0-9]{1,16}")


def find(value: Any, *path: str | int) -> Any:
    """Return the value at `path`, or None where there is none."""
    for step in path:
        if isinstance(value, dict):
            value = value.get(str(step))
        elif isinstance(value, list) and isinstance(step, int) and 0 <= step < len(value):
            value = value[step]
        else:
            return None
    return value


def list_at(value: Any, *path: str | int) -> list[Any]:
    """Return the list at `path`, empty where there is none."""
    found = find(value, *path)
    return found if isinstance(found, list) else []


def text(value: Any, *path: str | int) -> str | None:
    """Return the text at `path` as it was sent, or None where there is none or only white space."""
    found = find(value, *path)
    return found if isinstance(found, str) and found.strip() else None


def first_text(*candidates: str | None) -> str | None:
    """Return the first candidate that is not None."""
    for candidate in candidates:
        if candidate is not None:
            return candidate
    return None


def any_text(value: dict[str, Any], *keys: str) -> str | None:
    """Return the first text among `keys` of an object; None where each is missing, no text, or only white space."""
    for key in keys:
        found = value.get(key)
        if found and isinstance(found, str) and found.strip():
            return found
    return None


def id_at(value: Any, *path: str | int) -> str | None:
    """Return the id at `path`, a text or a whole number, as text; None where there is none."""
    found = find(value, *path)
    if isinstance(found, int) and not isinstance(found, bool):
        return str(found)
    return found if isinstance(found, str) and found else None


def required(value: Any, *path: str | int) -> str:
    """Return the id at `path`; raise Unreadable naming the path where there is none."""
    found = id_at(value, *path)
    if found is None:
        raise Unreadable("missing_field", f"{pointer(path)} is missing, empty, or neither text nor a whole number")
    return found


def instant(value: Any, *path: str | int) -> datetime | None:
    """Return the time at `path`, in UTC; None where there is none or it cannot be read."""
    return as_instant(find(value, *path))


def as_instant(value: Any, unit: Literal["s", "ms"] | None = None) -> datetime | None:
    """Return ISO 8601 text (UTC where it names no zone) or a Unix time as a time in UTC; None for anything else.

    Without a `unit` a number too large for seconds is milliseconds.
    """
    if isinstance(value, str):
        return _from_iso(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    milliseconds = unit == "ms" or (unit is None and abs(value) >= FIRST_MILLISECONDS)
    try:
        return EPOCH + (timedelta(milliseconds=value) if milliseconds else timedelta(seconds=value))
    except (OverflowError, ValueError):  # beyond the year 9999, or NaN
        return None


def from_digits(value: str, unit: Literal["s", "ms"] | None = None) -> datetime | None:
    """Return the Unix time in a text, in UTC; None where it is not a plausible whole number."""
    digits = value.strip()
    return as_instant(int(digits), unit) if DIGITS.fullmatch(digits) else None


def storable(value: str) -> str:
    """Return text of a header or a URL, repaired for the database as `parse` repairs a body. Raises Unreadable."""
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise Unreadable("malformed_header", "a header or the URL holds half a surrogate pair") from error
    return value.replace("\0", "\ufffd")


def path_of(url: str) -> str:
    """Return a URL's path. The host comes from the caller and is ignored."""
    return "/" + url.partition("?")[0].partition("#")[0].partition("://")[2].partition("/")[2]


def query_of(url: str) -> str:
    """Return a URL's query, without the question mark."""
    return url.partition("?")[2].partition("#")[0]


def body_digest(body: bytes) -> str:
    """Return the digest that identifies an event without an id of its own."""
    return sha256(body).hexdigest()


def tuple_or_digest(kind: str, *parts: str | None, body: bytes) -> tuple[str, ...]:
    """Return the documented tuple that identifies an event; its kind and its whole body where a part is missing."""
    known = [part for part in parts if part is not None]
    return (kind, *known) if len(known) == len(parts) else (kind, body_digest(body))


def window_of(moment: datetime, length: timedelta) -> str:
    """Return the number of the window of this length in which a moment lies.

    It belongs to the identity of an event that names neither itself nor its time: within a window it is a repetition,
    and in the next one another event. A repetition across a boundary is another event, too.
    """
    return str((moment - EPOCH) // length)


def pointer(path: tuple[str | int, ...]) -> str:
    """Return the path as a JSON pointer."""
    return "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in path)


def _from_iso(value: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(value)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
