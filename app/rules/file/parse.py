"""One rules file: its text -> validated entries. Whatever is wrong is noted with its place, in our words."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from app.rules.file.documents import Document, Parsed
from app.rules.file.recovery import mend
from app.rules.file.schema import RulesFile
from app.rules.file.values import IDS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from app.errors import Mistake

MAXIMUM_MENDINGS = 20
MAPPING = "must be a mapping"
WORDS = {
    "model_type": MAPPING,
    "dict_type": MAPPING,
    "list_type": "must be a list",
    "string_type": "must be text",
    "too_long": "only one is possible",
    "too_short": "must not be empty",
    "string_too_short": "must not be empty",
    "date_from_datetime_parsing": "must be a day like 2026-12-25",
    "date_parsing": "must be a day like 2026-12-25",
    "date_from_datetime_inexact": "must be a day like 2026-12-25",
}


@dataclass(frozen=True, slots=True)
class Part:
    """One file, parsed and validated. In a section that had to be mended, what a name stands for may be missing."""

    parsed: Parsed
    file: RulesFile
    mended: set[str] = field(default_factory=set)


def read_part(document: Document, environment: Mapping[str, str], mistakes: list[Mistake]) -> Part | None:
    """Read and validate one file; None when nothing of it can be looked at. Mistakes are added to `mistakes`."""
    parsed = Parsed(document, environment)
    mistakes += parsed.mistakes
    if parsed.mistakes and parsed.value is None:
        return None
    if not isinstance(parsed.value, dict):
        mistakes.append(parsed.mistake((), "a rules file is a mapping that begins with `version: 1`"))
        return None
    return _validated(parsed, mistakes)


def _validated(parsed: Parsed, mistakes: list[Mistake]) -> Part | None:
    """Validate a file. What is wrong is noted and taken out, so that the rest can be looked at, too."""
    mended: set[str] = set()
    for mending in range(MAXIMUM_MENDINGS):
        try:
            return Part(parsed, RulesFile.model_validate(parsed.value), mended)
        except ValidationError as error:
            details = error.errors(include_input=False, include_url=False)
            # What is missing after the first mending is missing because of it.
            mistakes += [mistake_of(parsed, d) for d in details if not (mending and d["type"] == "missing")]
            mended |= {str(d["loc"][0]) for d in details if len(d["loc"]) == 1 or d["loc"][-1] == "[key]"}
            if not mend(parsed.value, details, parsed.drop):
                return None
    return None


def told_once(mistakes: list[Mistake], parts: list[Part]) -> tuple[Mistake, ...]:
    """Return the mistakes in the order of their places. What cannot be read at all is not told a second time."""
    unread = {mistake for part in parts for mistake in part.parsed.mistakes}
    places = {(m.file, m.line, m.column) for m in unread}
    told = {m for m in mistakes if m in unread or (m.file, m.line, m.column) not in places}
    # Where something may be written in two ways, what is wrong with the way that was not meant only misleads.
    others = {(m.file, m.line, m.column) for m in told if m.message != MAPPING}
    told = {m for m in told if m.message != MAPPING or (m.file, m.line, m.column) not in others}
    return tuple(sorted(told, key=lambda m: (m.file, m.line, m.column, m.message)))


def mistake_of(parsed: Parsed, detail: Any, prefix: tuple[str | int, ...] = ()) -> Mistake:
    """Return pydantic's finding at its place in the file, in our words."""
    path = (*prefix, *(part for part in detail["loc"] if part != "[key]"))
    if detail["type"] == "extra_forbidden":
        return parsed.mistake(path, f"unknown key {path[-1]!r}", key=True)
    if detail["type"] == "missing":
        return parsed.mistake(path, f"{path[-1]!r} is missing")
    return parsed.mistake(path, _in_our_words(detail))


def _in_our_words(detail: Any) -> str:
    if detail["type"] == "timezone_aware":
        return "write the time with its zone, such as 2026-12-24T00:00:00Z"
    if detail["type"] == "string_pattern_mismatch" and detail["ctx"]["pattern"] == IDS:
        return 'must be an id of digits in quotes, such as "310001"'
    if detail["type"] == "string_pattern_mismatch":
        return f"must match {detail['ctx']['pattern']}"
    told = str(detail["msg"]).removeprefix("Value error, ").replace("Input should be", "must be")
    return WORDS.get(detail["type"], told)
