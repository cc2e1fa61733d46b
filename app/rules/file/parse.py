"""One rules file: its text -> validated entries. Mistakes are noted with their places, in Segue's words."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from app.rules.file.parsed import Parsed
from app.rules.file.recovery import recover
from app.rules.file.schema import RulesFile
from app.rules.file.values import IDS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from app.errors import Mistake
    from app.rules.file.documents import Document
    from app.rules.file.parsed import Place

MAXIMUM_RECOVERIES = 20
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
    """One file, parsed and validated. A section in `recovered` may lack names that the file defines."""

    parsed: Parsed
    file: RulesFile
    recovered: set[str] = field(default_factory=set)


def read_part(document: Document, environment: Mapping[str, str], mistakes: list[Mistake]) -> Part | None:
    """Read and validate one file; None when nothing of it can be checked. Mistakes are added to `mistakes`."""
    parsed = Parsed(document, environment)
    mistakes += parsed.mistakes
    if parsed.mistakes and parsed.value is None:
        return None
    if not isinstance(parsed.value, dict):
        mistakes.append(parsed.mistake((), "a rules file is a mapping that begins with `version: 1`"))
        return None
    return _validated(parsed, mistakes)


def _validated(parsed: Parsed, mistakes: list[Mistake]) -> Part | None:
    """Validate a file. Mistakes are noted and taken out, so that the rest can be checked too."""
    recovered: set[str] = set()
    for attempt in range(MAXIMUM_RECOVERIES):
        try:
            return Part(parsed, RulesFile.model_validate(parsed.value), recovered)
        except ValidationError as error:
            details = error.errors(include_input=False, include_url=False)
            # What is missing after the first recovery is missing because of the recovery.
            mistakes += [mistake_of(parsed, d) for d in details if not (attempt and d["type"] == "missing")]
            recovered |= {str(d["loc"][0]) for d in details if len(d["loc"]) == 1 or d["loc"][-1] == "[key]"}
            if not recover(parsed.value, details, parsed.drop):
                return None
    return None


def without_repeats(mistakes: list[Mistake], parts: list[Part]) -> tuple[Mistake, ...]:
    """Return the mistakes in the order of their places, and none a second time where a value cannot be read at all."""
    unread = {mistake for part in parts for mistake in part.parsed.mistakes}
    places = {(m.file, m.line, m.column) for m in unread}
    kept = {m for m in mistakes if m in unread or (m.file, m.line, m.column) not in places}
    # Where a value may be written in two forms, pydantic reports both; the mistake in the unused form only misleads.
    others = {(m.file, m.line, m.column) for m in kept if m.message != MAPPING}
    kept = {m for m in kept if m.message != MAPPING or (m.file, m.line, m.column) not in others}
    return tuple(sorted(kept, key=lambda m: (m.file, m.line, m.column, m.message)))


def mistake_of(parsed: Parsed, detail: Any, prefix: Place = ()) -> Mistake:
    """Return pydantic's error as a mistake at its place in the file, in Segue's words."""
    path = (*prefix, *(part for part in detail["loc"] if part != "[key]"))
    if detail["type"] == "extra_forbidden":
        return parsed.mistake(path, f"unknown key {path[-1]!r}", key=True)
    if detail["type"] == "missing":
        return parsed.mistake(path, f"{path[-1]!r} is missing")
    return parsed.mistake(path, _message(detail))


def _message(detail: Any) -> str:
    if detail["type"] == "timezone_aware":
        return "write the time with its zone, such as 2026-12-24T00:00:00Z"
    if detail["type"] == "string_pattern_mismatch" and detail["ctx"]["pattern"] == IDS:
        return 'must be an id of digits in quotes, such as "310001"'
    if detail["type"] == "string_pattern_mismatch":
        return f"must match {detail['ctx']['pattern']}"
    message = str(detail["msg"]).removeprefix("Value error, ").replace("Input should be", "must be")
    return WORDS.get(detail["type"], message)
