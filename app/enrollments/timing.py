"""Whether an enrollment may start now, and else when, by the clock of its sender, its contact or a named zone. Pure."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from app.errors import HeldError, ParkedError
from app.model import OF_CONTACT, OF_SENDER
from app.sending_windows import closed_for, next_open, position_of, spread, zone

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from zoneinfo import ZoneInfo

    from app.model import Sender, Timing

LAST_RESORT = "UTC"
MOST_NAMED = 5


def zone_of(timing: Timing, sender: Sender, facts: Mapping[str, str | None]) -> ZoneInfo:
    """Return the time zone that counts. A contact's property may hold a value that is no time zone."""
    name_of_zone = {OF_SENDER: sender.timezone, OF_CONTACT: facts.get(timing.contact_property)}.get(
        timing.zone, timing.zone
    )
    for name in (name_of_zone, timing.otherwise):
        with suppress(ValueError):
            if name:
                return zone(name)
    return zone(LAST_RESORT)


def require_open(
    timing: Timing, sender: Sender, facts: Mapping[str, str | None], *, enrollment_id: str, now: datetime
) -> None:
    """Return while the window is open; else raise HeldError until its next opening.

    The enrollment's id decides its place in the beginning of the opening, over which waiting enrollments are spread.
    Raises ParkedError for a window that does not open again, or whose calendar this version does not know.
    """
    where = zone_of(timing, sender, facts)
    try:
        opening = next_open(timing.window, where, now)
    except ValueError as error:
        raise ParkedError("window_never_opens", str(error)) from error
    if opening is not None and opening[0] <= now:
        return
    holidays = _listed(closed_for(timing.window, where, now))
    if opening is None:
        raise ParkedError("window_never_opens", f"{holidays}the window of its rule does not open again")
    until = spread(opening, position_of(enrollment_id), over=timing.spread)
    local = opening[0].astimezone(where)
    raise HeldError("window", until, f"{holidays}the window opens {local:%a %Y-%m-%d %H:%M} ({where.key})")


def _listed(holidays: tuple[str, ...]) -> str:
    """Return the first holidays that keep a window closed, and how many more there are, as the head of a sentence."""
    more = [f"{len(holidays) - MOST_NAMED} more"] if len(holidays) > MOST_NAMED else []
    return f"{', '.join([*holidays[:MOST_NAMED], *more])}: " if holidays else ""
