"""Public holidays of a country or a part of it, by the calendars of the package `holidays`. Pure.

The package is imported when a window names a calendar: most rules files name none.
"""

from __future__ import annotations

from difflib import get_close_matches
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date

    from holidays import HolidayBase

HOLIDAYS = "write a day like 2026-12-25, or a country by its code, such as US or DE-BY"
ENGLISH = "en_US"
MOST_LISTED = 20


def calendar_code(text: str) -> str:
    """Return the code of a calendar as the receipt writes it: US, DE-BY. Raises ValueError, which names near ones."""
    written, _, part = text.strip().partition("-")
    country = _countries().get(written.casefold())
    if country is None:
        wrong = f"there are no holidays of {text!r}"
        raise ValueError(_near(wrong, written, _countries()) or f"{wrong}: {HOLIDAYS}")
    return f"{country}-{_part(country, part)}" if part else country


def holiday_on(day: date, codes: Iterable[str]) -> str | None:
    """Return the holiday on this day with its first calendar, "Epiphany in DE-BY"; None where there is none.

    Raises ValueError for a code that the installed package does not know.
    """
    return next((f"{name} in {code}" for code in codes if (name := _calendar(code).get(day))), None)


@cache
def _countries() -> dict[str, str]:
    """Return the two letters of each country by its codes and its names, in small letters."""
    from holidays.registry import COUNTRIES  # noqa: PLC0415  # imported when a window names a calendar

    return {
        name.casefold(): code
        for key, (_, code, *others) in COUNTRIES.items()
        for name in (key.replace("_", " "), code, *others)
    }


@cache
def _calendar(code: str) -> HolidayBase:
    from holidays import country_holidays  # noqa: PLC0415  # imported when a window names a calendar

    country, _, part = code.partition("-")
    try:
        found = country_holidays(country, subdiv=part or None)
        return country_holidays(country, subdiv=part or None, language=_language(found))
    except NotImplementedError as error:
        raise ValueError(f"there are no holidays of {code!r} in this version of Segue") from error


def _language(calendar: HolidayBase) -> str | None:
    return ENGLISH if ENGLISH in calendar.supported_languages else calendar.default_language


def _part(country: str, written: str) -> str:
    calendar = _calendar(country)
    codes = {code.casefold(): code for code in calendar.subdivisions}
    named = {name.casefold(): code for name, code in calendar.subdivisions_aliases.items()} | codes
    if found := named.get(written.casefold()):
        return found
    wrong = f"there are no holidays of a part {written!r} of {country}"
    listed = ", ".join(list(codes.values())[:MOST_LISTED])
    raise ValueError(
        _near(wrong, written, named) or (f"{wrong}: it has {listed}" if listed else f"{wrong}: it has none")
    )


def _near(wrong: str, written: str, known: dict[str, str]) -> str | None:
    """Return the mistake with up to three near codes, None where none is near."""
    near = dict.fromkeys(known[name] for name in get_close_matches(written.casefold(), known, cutoff=0.7))
    return f"{wrong}: did you mean {' or '.join(near)}?" if near else None
