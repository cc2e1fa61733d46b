"""Lines of the audit log in words: what they come to, and what an act has changed. Pure."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from app.console.act_words import act_words
from app.console.text import CAP, capital, capped, counted

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

ORDER = ("done", "refused", "failed")
REASON = "reason"


@dataclass(frozen=True, slots=True)
class Line:
    """One row of the log. `what` is the act's name there, and `said` what it is in words.

    `reason` is why, in the person's words; `before` and `after` are JSON, blank for nothing.
    """

    id: str
    at: datetime
    who: str
    role: str | None
    origin: str
    what: str
    said: str
    target: str | None
    outcome: str
    status: int | None
    revision: str | None
    reason: str
    before: str
    after: str


def line_of(row: Mapping[str, Any]) -> Line:
    """Return a row as it is shown."""
    after, reason = row["after"], ""
    if isinstance(after, dict):
        reason = str(after.get(REASON) or "")
        after = {name: value for name, value in after.items() if name != REASON or not reason}
    names = ("id", "at", "who", "role", "origin", "what", "target", "outcome", "status", "revision")
    return Line(
        **{name: row[name] for name in names},
        said=act_words(row["what"]),
        reason=reason,
        before=_text(row["before"]),
        after=_text(after),
    )


def all_in_words(counts: Mapping[str, int], when: str, *, narrowed: bool) -> str:
    """Return the sentence about all lines; `when` says of which time they are."""
    whole = sum(counts.values())
    if not whole:
        return f"No line{' of these' if narrowed else ''} {when}."
    known = [name for name in (*ORDER, *sorted(counts.keys() - {*ORDER})) if counts.get(name)]
    states = ", ".join(f"{capped(counts[name])} {name}" for name in known)
    newest = " of the newest" if whole > CAP else ""
    acts = counted(whole, "act")
    return f"{capital(acts)} {when}{',' if len(known) == 1 else ':'}{newest} {states}."


def _text(value: Any) -> str:
    return "" if value in (None, {}) else json.dumps(value, indent=2, ensure_ascii=False, sort_keys=True)
