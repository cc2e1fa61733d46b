"""When enrollments may start: windows by weekday and hour in a time zone, holidays, and a spread instead of a burst.

Pure: `now` is passed in, all instants are aware and in UTC, and the wall clock only determines where a day's opening
begins and ends. Where the clock is put forward over an opening hour, the window opens after the missing hour; where it
is put back, the first occurrence opens and the last one closes.

Other rooms import the names below.
"""

from app.sending_windows.calendars import HOLIDAYS, calendar_code
from app.sending_windows.openings import closed_for, is_open, next_open, position_of, spread
from app.sending_windows.wall_clock import next_midnight, zone
from app.sending_windows.written import parse_days, parse_hours

__all__ = [
    "HOLIDAYS",
    "calendar_code",
    "closed_for",
    "is_open",
    "next_midnight",
    "next_open",
    "parse_days",
    "parse_hours",
    "position_of",
    "spread",
    "zone",
]
