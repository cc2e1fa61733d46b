"""How sentences name people, times and rules. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.console.text import local_time
from app.masking import masked_text

if TYPE_CHECKING:
    from datetime import datetime, tzinfo

NO_ADDRESS = "A person whose address is not known"
FORGOTTEN = "A person who was forgotten"
FORGOTTEN_ADDRESS = "forgotten"  # what stands in an enrollment's row in place of the address


@dataclass(frozen=True, slots=True)
class Clock:
    """The zone in which times are written, and the present: a year is named where it is another one."""

    zone: tzinfo
    now: datetime

    def moment(self, at: datetime) -> str:
        """Return an instant as people write it: `on Tuesday 24 November at 10:14 CET`."""
        local, now = local_time(at, self.zone), local_time(self.now, self.zone)
        year = f" {local.year}" if local.year != now.year else ""
        return f"on {local:%A} {local.day} {local:%B}{year} at {local:%H:%M} {_zone_of(local)}"

    def after(self, at: datetime, before: datetime | None) -> str:
        """Return an instant that follows another in the text: `at 13:02` where it is of the same day."""
        same = before is not None and local_time(before, self.zone).date() == local_time(at, self.zone).date()
        return f"at {local_time(at, self.zone):%H:%M}" if same else self.moment(at)


def _zone_of(local: datetime) -> str:
    """Return the zone's letters; zones that have none are named by their offset."""
    name = local.tzname() or "UTC"
    return name if name.isalpha() else f"UTC{name}"


def person_named(
    *, email: str | None, first_name: str | None = None, last_name: str | None = None, name: str | None = None
) -> str:
    """Return how sentences call a person: by name, else by the masked address."""
    whole = (name or "").strip() or " ".join(part.strip() for part in (first_name, last_name) if part and part.strip())
    if whole:
        return " ".join(masked_text(whole).split())
    if email == FORGOTTEN_ADDRESS:
        return FORGOTTEN
    return masked_text(email) if email else NO_ADDRESS


def quoted(text: str) -> str:
    """Return a text in quotes, on one line."""
    return f"“{' '.join(text.split()).rstrip('.')}”"


def rule_named(rule: str, description: str | None) -> str:
    """Return how sentences call a rule: by its description, else by its id."""
    return f"the rule {quoted(description or rule)}"


def as_sentence(text: str) -> str:
    """Return a text as a sentence of its own."""
    stripped = text.strip()
    if not stripped:
        return ""
    ended = stripped if stripped.endswith((".", "!", "?")) else f"{stripped}."
    return ended[0].upper() + ended[1:]
