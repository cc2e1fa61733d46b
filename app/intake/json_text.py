"""Values that are JSON text already, and their way into rows that are written as JSON."""

from __future__ import annotations

import json
from typing import Any

import orjson


class JsonText:
    """A value as JSON, in UTF-8. No dataclass: orjson would write that as an object."""

    __slots__ = ("text",)

    def __init__(self, text: bytes) -> None:
        self.text = text

    def __len__(self) -> int:
        return len(self.text)


def json_text(value: Any) -> JsonText:
    """Return a value as JSON text. Raises TypeError for what is no JSON."""
    return JsonText(dumped(value))


def dumped(value: Any) -> bytes:
    """Return the JSON of a value that may hold such texts.

    orjson refuses integers beyond 64 bits, which providers do send; json takes those.
    """
    try:
        return orjson.dumps(value, default=_fragment)
    except TypeError:
        return json.dumps(value, ensure_ascii=False, default=_plain).encode("utf-8", "surrogatepass")


def _fragment(value: Any) -> Any:
    return orjson.Fragment(value.text) if isinstance(value, JsonText) else dict(value)


def _plain(value: Any) -> Any:
    if isinstance(value, JsonText):
        return json.loads(value.text)
    return value.isoformat() if hasattr(value, "isoformat") else dict(value)
