"""Put right what is wrong in a rules file, just enough to look at the rest of it: all mistakes are then told at once.

What was mended is never put in force: there are mistakes, so the whole file is refused.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

Location = tuple[str | int, ...]

# Stands for a name that was missing or wrong: nothing more is said of it.
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


def mend(value: dict[str, Any], details: Iterable[Mapping[str, Any]], dropped: Callable[[Location], None]) -> bool:
    """Take out of `value` what pydantic's `details` complain of, and put in what they miss; False when nothing helps.

    Later places first: taking an item out of a list moves those behind it, which `dropped` is told.
    """
    found = sorted(details, key=lambda detail: [(isinstance(p, int), str(p).zfill(9)) for p in detail["loc"]])
    mended = [_mend_one(value, detail, dropped) for detail in reversed(found)]
    return all(mended)


def _mend_one(value: dict[str, Any], detail: Mapping[str, Any], dropped: Callable[[Location], None]) -> bool:
    holder, last, depth = _holder(value, detail["loc"])
    if isinstance(holder, dict):
        # An id must be one of its own, or two mended rules would be called the same.
        placeholder = f"unknown-{id(holder)}" if last == "id" else _PLACEHOLDERS.get(str(last))
        extra = detail["type"] == "extra_forbidden" or placeholder is None or holder.get(str(last)) == placeholder
        holder.pop(str(last), None)
        if not extra:
            holder[str(last)] = placeholder
    elif isinstance(holder, list) and isinstance(last, int) and last < len(holder):
        del holder[last]
        dropped(detail["loc"][:depth])
    return last is not None


def _holder(value: dict[str, Any], location: Location) -> tuple[Any, str | int | None, int]:
    """Return what holds the wrong thing, its key there, and how deep that is.

    As deep as the file goes: `x` may stand for {value: x}.
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
