"""What is kept of a person as JSON: times in UTC, raw bytes as text where they are text, else in Base64. Pure."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from typing import Any


def as_json(found: Any) -> bytes:
    """Return an export as JSON, for people to read."""
    return json.dumps(found, ensure_ascii=False, indent=2, default=_plain).encode("utf-8", "replace")


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, bytes | memoryview):
        return _text(bytes(value))
    return str(value)


def _text(data: bytes) -> Any:
    try:
        return data.decode()
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(data).decode()}
