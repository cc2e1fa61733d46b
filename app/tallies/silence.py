"""Which source is silent: it sends nothing for longer than it ever did, measured by its own rhythm. Pure.

What is expected since the last delivery is the sum, over the hours since then, of the median of the same hour of the
week in the four weeks before it. Twelve are expected and none has come: for steady traffic the chance of that is e^-12.
A source that sends less than twenty a week has no such rhythm: its longest pause counts. The sentence is the proof.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import cache
from itertools import pairwise
from statistics import median
from typing import TYPE_CHECKING

from app.clock import in_words
from app.sending_windows.openings import holiday
from app.tallies.hours import HOUR, hour_of, hours_between

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

    from app.model import Window
    from app.rules.rulebook import Rulebook
    from app.tallies.figures import Arrivals

WEEK = timedelta(weeks=1)
EXPECTED = 12.0
WEEKS = 4
LEAST_WEEKS = 2
RARE_PER_WEEK = 20.0
PAUSES_OF = timedelta(weeks=8)
LONGER = 1.5
SUNDAY = 7
NOTHING, LITTLE_KNOWN = "nothing has come from it in the time that is kept in mind", "too little is known of its rhythm"


@dataclass(frozen=True, slots=True)
class Silence:
    """Whether a source is silent, and the sentence that proves it, or says why that is not known."""

    silent: bool
    why: str
    expected: float | None = None


def _no_holiday(_: date) -> bool:
    return False


def judge(
    arrivals: Arrivals,
    now: datetime,
    *,
    is_holiday: Callable[[date], bool] = _no_holiday,
    silent_after: timedelta | None = None,
    zone: tzinfo = UTC,
) -> Silence:
    """Judge a source at `now`.

    `silent_after` is what the rules say instead of its rhythm: `timedelta.max` for never. A holiday counts as a Sunday.
    Days, and hours of the week, are those in UTC; the sentence has the time of `zone`.
    """
    last = arrivals.last_at
    if silent_after == timedelta.max:
        return Silence(silent=False, why="the rules say that it may be silent")
    if last is None:
        return Silence(silent=False, why=NOTHING)
    if silent_after is not None:
        why = f"{_none_since(last, now, zone)}; the rules expect a delivery within {in_words(silent_after)}"
        return Silence(now - last > silent_after, why)
    known_since = min(arrivals.by_hour, default=hour_of(last))
    weeks = min((last - known_since) / WEEK, float(WEEKS))
    if weeks < LEAST_WEEKS:
        return Silence(silent=False, why=LITTLE_KNOWN)
    lately = sum(n for hour, n in arrivals.by_hour.items() if last - WEEKS * WEEK < hour <= last)
    if lately / weeks < RARE_PER_WEEK:
        return _by_pauses(arrivals.by_hour, last, now, zone)
    return _by_rhythm(arrivals.by_hour, known_since, last, now, is_holiday, zone)


def _by_rhythm(  # all are facts of one judgement
    by_hour: Mapping[datetime, int],
    known_since: datetime,
    last: datetime,
    now: datetime,
    is_holiday: Callable[[date], bool],
    zone: tzinfo,
) -> Silence:
    expected, weeks = 0.0, [0.0] * WEEKS
    for hour in hours_between(last, now):
        part = max(0.0, (min(now, hour + HOUR) - max(last, hour)) / HOUR)
        counts = [by_hour.get(earlier, 0) for earlier in _same_hours(hour, known_since, last, is_holiday)]
        if len(counts) >= LEAST_WEEKS:
            expected += part * median(counts)
            weeks = [total + part * count for total, count in zip(weeks, _padded(counts), strict=True)]
    each = ", ".join(str(round(total)) for total in weeks)
    why = f"usually {round(expected)} between {_span(last, now, zone)} ({each}); none since {_clock(last, now, zone)}"
    return Silence(expected >= EXPECTED, why, expected)


def _padded(counts: Sequence[int]) -> Sequence[float]:
    """Return the counts of four weeks: of one that is not known, the median of the others."""
    return [*counts, *[float(median(counts))] * (WEEKS - len(counts))]


def _same_hours(
    hour: datetime, known_since: datetime, last: datetime, is_holiday: Callable[[date], bool]
) -> Sequence[datetime]:
    """Return the same hour of the week in up to four weeks before the last delivery, the latest first.

    That of a holiday is the hour on Sundays, and a holiday is the same day as no other one.
    """
    day = hour - timedelta(days=hour.isoweekday() % SUNDAY) if is_holiday(hour.date()) else hour
    found: list[datetime] = []
    while day >= known_since and len(found) < WEEKS:
        if day + HOUR <= hour_of(last) and not is_holiday(day.date()):
            found.append(day)
        day -= WEEK
    return found


def _by_pauses(by_hour: Mapping[datetime, int], last: datetime, now: datetime, zone: tzinfo) -> Silence:
    hours = sorted(hour for hour, n in by_hour.items() if n and last - PAUSES_OF < hour <= last)
    longest = max(_pauses(hours), default=timedelta())
    if not longest:
        return Silence(silent=False, why=LITTLE_KNOWN)
    why = f"{_none_since(last, now, zone)}; its longest pause in eight weeks was {in_words(longest)}"
    return Silence(now - last > LONGER * longest, why)


def _pauses(hours: Sequence[datetime]) -> Iterator[timedelta]:
    """Yield the times between hours with deliveries; where one begins and ends is known to the hour."""
    return (later - earlier for earlier, later in pairwise(hours))


def _span(since: datetime, until: datetime, zone: tzinfo) -> str:
    """Return `Tue 08:52 and 11:40`, with a day again where it is another one."""
    begun, ended = since.astimezone(zone), until.astimezone(zone)
    return f"{begun:%a %H:%M} and {ended:%H:%M}" if begun.date() == ended.date() else f"{_day(begun)} and {_day(ended)}"


def _day(moment: datetime) -> str:
    return f"{moment:%a} {moment.day} {moment:%b %H:%M}"


def _clock(moment: datetime, now: datetime, zone: tzinfo) -> str:
    local = moment.astimezone(zone)
    return f"{local:%H:%M}" if local.date() == now.astimezone(zone).date() else _day(local)


def _none_since(last: datetime, now: datetime, zone: tzinfo) -> str:
    return f"none since {_day(last.astimezone(zone))}, for {in_words(max(timedelta(), now - last))}"


def keeps_holiday(windows: Collection[Window]) -> Callable[[date], bool]:
    """Return whether a day is a holiday of any of these windows."""
    return cache(lambda day: any(holiday(window, day) is not None for window in windows))


def windows_of(book: Rulebook, source: str) -> tuple[Window, ...]:
    """Return the windows of the rules that listen to a source: their holidays are those of its people."""
    plans = (rule.enroll.request.plan for rule in book.rules if rule.source == source and rule.enroll is not None)
    return tuple(dict.fromkeys(plan.timing.window for plan in plans if plan.timing is not None))
