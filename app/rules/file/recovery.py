"""Replace what is wrong in a rules file, just enough to check the rest of it: all mistakes are then reported at once.

A recovered file is never put in force: it has mistakes, so the whole file is refused.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from app.rules.file.parsed import Place

# Replaces a name that is missing or wrong; no further mistake is noted for it.
UNKNOWN = "\N{REPLACEMENT CHARACTER}"

_PLACEHOLDERS: Mapping[str, Any] = {
    "version": 1,
    "token": UNKNOWN,
    "provider": UNKNOWN,
    "value": UNKNOWN,
    "url": UNKNOWN,
    "user_id": "0",
    "email": "unknown@example.com",
    "source": UNKNOWN,
    "type": UNKNOWN,
    "sequence": "0",
    "sender": UNKNOWN,
    "enroll": {"sequence": "0", "sender": UNKNOWN},
    "name": UNKNOWN,
    "event": {},
    "expect": "none",
}


def recover(value: dict[str, Any], details: Iterable[Mapping[str, Any]], dropped: Callable[[Place], None]) -> bool:
    """Take out of `value` what pydantic's `details` reject, and put in what they miss; False when that is impossible.

    The last place comes first: removing an item of a list moves the items after it. `dropped` receives each removal.
    """
    found = sorted(details, key=lambda detail: [(isinstance(p, int), str(p).zfill(9)) for p in detail["loc"]])
    recovered = [_recover_one(value, detail, dropped) for detail in reversed(found)]
    return all(recovered)


def _recover_one(value: dict[str, Any], detail: Mapping[str, Any], dropped: Callable[[Place], None]) -> bool:
    holder, last, depth = _holder(value, detail["loc"])
    if isinstance(holder, dict):
        # Each placeholder of an id is different, or two recovered rules would have the same id.
        placeholder = f"unknown-{id(holder)}" if last == "id" else _PLACEHOLDERS.get(str(last))
        extra = detail["type"] == "extra_forbidden" or placeholder is None or holder.get(str(last)) == placeholder
        holder.pop(str(last), None)
        if not extra:
            holder[str(last)] = placeholder
    elif isinstance(holder, list) and isinstance(last, int) and last < len(holder):
        del holder[last]
        dropped(detail["loc"][:depth])
    return last is not None


def _holder(value: dict[str, Any], location: Place) -> tuple[Any, str | int | None, int]:
    """Return the container of the wrong value, the value's key there, and its depth.

    The location may go deeper than the file: `x` may stand for {value: x}.
    """
    holder: Any = None
    last: str | int | None = None
    depth = 0
    below: Any = value
    for part in location:
        if isinstance(below, dict) and isinstance(part, str) and part != "[key]":
            holder, last, below = below, part, below.get(part)
        elif isinstance(below, list) and isinstance(part, int) and part < len(below):
            holder, last, below = below, part, below[part]
        else:
            break
        depth += 1
    return holder, last, depth
