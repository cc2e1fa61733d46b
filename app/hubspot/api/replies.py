"""One reply of HubSpot as received, and defensive readers of its parts. Sans-I/O.

Every field of an error body is optional and not every body is JSON (HubSpot's error-handling page): each reader here
returns a value or None for any bytes.
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import orjson

if TYPE_CHECKING:
    from collections.abc import Mapping

DETAIL_LENGTH = 500
LONGEST_RETRY_AFTER = 7 * 24 * 3600.0  # a week; HubSpot's longest is 24 hours (477), a longer one is garbage

# Bounded, and matched from the start of a word only, so that the cost is linear in the text's length.
_ADDRESS = re.compile(
    r"(?<![^\s@<>\"'(),;:\[\]{}=])[^\s@<>\"'(),;:\[\]{}=]{1,256}?(?:@|%40|\\u0040)[^\s@<>\"'(),;:\[\]{}]{1,256}",
    re.IGNORECASE,
)
_WORD = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,63}\Z")
_IDENTIFIER = re.compile(r"[A-Za-z0-9_-]{1,64}\Z")
_CORRELATION = re.compile(r"[A-Za-z0-9-]{1,64}\Z")


@dataclass(frozen=True, slots=True)
class Reply:
    """Status, headers (lower-case names) and body of one answer."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def ok(self) -> bool:
        """Whether HubSpot accepted the request."""
        return 200 <= self.status < 300  # noqa: PLR2004  # the status classes of HTTP read best as they are

    def json(self) -> Any:
        """Return the body as JSON, None when it is not JSON."""
        try:
            return orjson.loads(self.body)
        except ValueError:
            return _as_python_reads_it(self.body)


def _as_python_reads_it(body: bytes) -> Any:
    """Return JSON that orjson refuses and Python reads: half of a surrogate pair, NaN; None for anything else."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def mapping(value: Any) -> dict[str, Any]:
    """Return `value` when it is an object, an empty one otherwise."""
    return value if isinstance(value, dict) else {}


def items(value: Any) -> list[dict[str, Any]]:
    """Return the objects in `value` when it is a list, none otherwise."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def identifier(value: Any) -> str | None:
    """Return one of HubSpot's ids as text: the schemas say string, some answers say integer."""
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 10**30:
        return str(value)
    return value if isinstance(value, str) and _IDENTIFIER.match(value) else None


def text(value: Any) -> str | None:
    """Return a non-empty text."""
    return value if isinstance(value, str) and value else None


def word(value: Any) -> str | None:
    """Return one of HubSpot's own words (a code, a category), None for a value that does not look like one."""
    return value if isinstance(value, str) and _WORD.match(value) else None


def words(value: Any) -> tuple[str, ...] | None:
    """Return HubSpot's words in a list, None where there is no list."""
    return tuple(found for item in value if (found := word(item))) if isinstance(value, list) else None


def names(value: Any) -> list[str]:
    """Return the texts in `value` when it is a list, none otherwise."""
    return [name for name in value if isinstance(name, str)] if isinstance(value, list) else []


def count(value: Any) -> int | None:
    """Return a whole number from 0 on."""
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def instant(value: Any) -> datetime | None:
    """Return an aware instant from RFC 3339 or from milliseconds since 1970 (both occur in contact properties)."""
    try:
        if isinstance(value, str) and value.isascii() and value.isdigit():
            return datetime.fromtimestamp(int(value) / 1000, UTC)
        parsed = datetime.fromisoformat(value) if isinstance(value, str) else None
        return parsed.astimezone(UTC) if parsed and parsed.tzinfo else None
    except (ValueError, OverflowError, OSError):
        return None


def seconds(value: str | None) -> float | None:
    """Return a Retry-After in seconds, None where it is absent or makes no sense."""
    try:
        wait = float(value or "")
    except ValueError:
        return None
    return wait if math.isfinite(wait) and 0 <= wait <= LONGEST_RETRY_AFTER else None


def correlation_id(value: Any) -> str | None:
    """Return HubSpot's id of a request (a UUID), by which its support finds the request."""
    return value if isinstance(value, str) and _CORRELATION.match(value) else None


def scrubbed(value: Any) -> str:
    """Return a message without e-mail addresses, printable, on one line, at most 500 characters."""
    printable = (character if character.isprintable() else " " for character in value) if isinstance(value, str) else ()
    line = " ".join("".join(printable).split())
    return _ADDRESS.sub("[address]", line)[:DETAIL_LENGTH]
