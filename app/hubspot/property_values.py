"""Values as HubSpot takes them, by the definition of each contact property. Pure.

Sources: HubSpot's text for dates and its property definitions (H), public logs for the codes of refused values (M).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from typing import TYPE_CHECKING

from app.hubspot.api.property_errors import NO_OPTION, PROBLEMS, READ_ONLY
from app.hubspot.api.replies import instant, scrubbed

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import tzinfo

    from app.hubspot.api.properties import PropertyDefinition
    from app.model import PropertyValue

SHOWN_LENGTH = 60
TRUTHS = (("true", "yes"), ("false", "no"))
# Fewer digits are not taken for milliseconds since 1970, because seconds have ten of them.
FEWEST_MILLISECONDS = 12
NAMES = {
    "string": "single-line text",
    "bool": "a property of yes and no",
    "enumeration": "a property of one option",
    "datetime": "a date and time",
}
_NUMBER = re.compile(r"[-+]?[0-9]+(\.[0-9]+)?")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


@dataclass(frozen=True, slots=True)
class Misfit:
    """Why a value cannot be written.

    `code` is of the fault table where the property must be corrected first, None where only this value does not fit.
    """

    problem: str
    code: str | None = None


@dataclass(frozen=True, slots=True)
class FittedProperties:
    """Values as they are written, why others are not, and the names that HubSpot does not list, all by property."""

    written: dict[str, str] = field(default_factory=dict)
    misfits: dict[str, Misfit] = field(default_factory=dict)
    unlisted: tuple[str, ...] = ()


def fit_all(
    properties: Mapping[str, PropertyValue], definitions: Mapping[str, PropertyDefinition], zone: tzinfo
) -> FittedProperties:
    """Return all values as `fit` does. HubSpot writes the names of properties in lower case."""
    unlisted = tuple(name for name in properties if name.lower() not in definitions)
    found = FittedProperties(unlisted=unlisted)
    for name, value in properties.items():
        fitted = fit(value, definitions.get(name.lower()), zone)
        if isinstance(fitted, Misfit):
            found.misfits[name] = fitted
        elif fitted:
            found.written[name] = fitted
    return found


def fit(value: PropertyValue, definition: PropertyDefinition | None, zone: tzinfo) -> str | Misfit:
    """Return a value as HubSpot takes it, empty where there is nothing to write, or why it cannot be written.

    A value without a definition is written as it is, a list as several options: HubSpot does not list every property
    that it has, and decides. `zone` is the account's clock, by which an instant has its day.
    """
    texts = _texts(value)
    if definition is None or not texts:
        return ";".join(texts)
    if definition.read_only:
        return Misfit(PROBLEMS[READ_ONLY], READ_ONLY)
    if definition.type == "enumeration" and definition.several:
        return _several(texts, definition, more=isinstance(value, str) and texts[0].startswith(";"))
    if len(texts) > 1:
        return Misfit(f"a list into {_named(definition)}")
    return _one(texts[0], definition, zone)


def _texts(value: PropertyValue) -> list[str]:
    values: Iterable[object] = (value,) if isinstance(value, str) else value
    stripped = (text.replace("\x00", "").strip() for text in values if isinstance(text, str))
    return [text for text in stripped if text]


def _one(text: str, definition: PropertyDefinition, zone: tzinfo) -> str | Misfit:
    match definition.type:
        case "number":
            fitted = text.removeprefix("+") if _NUMBER.fullmatch(text) else None
        case "date":
            fitted = _day(text, zone)
        case "datetime":
            fitted = _stamp(text)
        case "bool":
            fitted = _truth(text, definition)
        case "enumeration":
            return _option(text, definition) or _no_option(text)
        case _:
            return text
    return Misfit(f"{_shown(text)} into {_named(definition)}") if fitted is None else fitted


def _several(texts: list[str], definition: PropertyDefinition, *, more: bool) -> str | Misfit:
    """Return options joined by semicolons, each once. With `more`, they are added to those that the contact has."""
    pieces = [piece for text in texts for piece in _pieces(text, definition)]
    chosen = {piece: _option(piece, definition) for piece in pieces}
    for piece, option in chosen.items():
        if option is None:
            return _no_option(piece)
    joined = ";".join(dict.fromkeys(option for option in chosen.values() if option))
    return f";{joined}" if more and joined else joined


def _pieces(text: str, definition: PropertyDefinition) -> list[str]:
    """Return the options that a text names: itself, where it is one, else what stands between its semicolons."""
    if ";" not in text or _option(text, definition) in (definition.options or ()):
        return [text]
    return [piece for part in text.split(";") if (piece := part.strip())]


def _option(text: str, definition: PropertyDefinition) -> str | None:
    """Return the option whose value or label is this text, None where there is none.

    An exact match counts first, then one that differs in case alone, then yes for true and no for false.
    """
    if definition.options is None:
        return text
    named = [*((value, value) for value in definition.options), *definition.labels]
    words = next((words for words in TRUTHS if text.lower() in words), ())
    exact = (value for name, value in named if name == text)
    alike = (value for name, value in named if name.casefold() == text.casefold())
    meant = (value for name, value in named if name.casefold() in words)
    return next(exact, None) or next(alike, None) or next(meant, None)


def _truth(text: str, definition: PropertyDefinition) -> str | None:
    if (option := _option(text, definition)) in {"true", "false"}:
        return option
    return next((words[0] for words in TRUTHS if text.lower() in words), None)


def _no_option(text: str) -> Misfit:
    return Misfit(f"{_shown(text)} is none of its options", NO_OPTION)


def _day(text: str, zone: tzinfo) -> str | None:
    """Return the day of an instant by the clock of `zone`, or a day as it is; None for anything else.

    An instant at midnight UTC is a day: so HubSpot writes days itself, and JSON has no other form of them.
    """
    try:
        if _DAY.fullmatch(text):
            return date.fromisoformat(text).isoformat()
        moment = _moment(text)
        if moment is None:
            return None if text.isdigit() else datetime.fromisoformat(text).date().isoformat()
        return (moment if moment.time() == time() else moment.astimezone(zone)).date().isoformat()
    except (ValueError, OverflowError):
        return None


def _stamp(text: str) -> str | None:
    moment = _moment(text)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z") if moment else None


def _moment(text: str) -> datetime | None:
    """Return an instant in UTC, from ISO 8601 with a zone or from milliseconds since 1970; None for anything else."""
    if text.isdigit() and len(text) < FEWEST_MILLISECONDS:
        return None
    found = instant(text)
    return found.astimezone(UTC) if found else None


def _named(definition: PropertyDefinition) -> str:
    return NAMES.get(definition.type or "", f"a {definition.type}")


def _shown(text: str) -> str:
    """Return the beginning of a value in quotes, without addresses."""
    line = scrubbed(text)
    return repr(line if len(line) <= SHOWN_LENGTH else f"{line[:SHOWN_LENGTH]}...")
