"""Whether an enrollment may start now, by whose clock, and else when. Pure."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from app.errors import HeldError, ParkedError
from app.model import OF_CONTACT, OF_SENDER
from app.sending_windows import next_open, position_of, spread, zone

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from zoneinfo import ZoneInfo

    from app.model import Sender, Timing

LAST_RESORT = "UTC"


def zone_of(timing: Timing, sender: Sender, facts: Mapping[str, str | None]) -> ZoneInfo:
    """Return whose clock counts. What a contact's property holds may be no time zone at all."""
    told = {OF_SENDER: sender.timezone, OF_CONTACT: facts.get(timing.contact_property)}.get(timing.zone, timing.zone)
    for name in (told, timing.otherwise):
        with suppress(ValueError):
            if name:
                return zone(name)
    return zone(LAST_RESORT)


def require_open(
    timing: Timing, sender: Sender, facts: Mapping[str, str | None], *, identity: str, now: datetime
) -> None:
    """Return while the window is open; else raise HeldError until its next opening.

    `identity` is the enrollment's id: by it those who wait are spread over the beginning of the opening. Raises
    ParkedError for a window that does not open again.
    """
    where = zone_of(timing, sender, facts)
    opening = next_open(timing.window, where, now)
    if opening is None:
        raise ParkedError("window_never_opens", "the window of its rule does not open again")
    if opening[0] <= now:
        return
    until = spread(opening, position_of(identity), over=timing.spread)
    local = opening[0].astimezone(where)
    raise HeldError("window", until, f"the window opens {local:%a %Y-%m-%d %H:%M} ({where.key})")
