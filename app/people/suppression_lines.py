"""A pasted list of addresses, domains and patterns: all of it, or what is wrong with which lines. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from app.people.suppression import Suppression, read

MOST_LINES = 10_000
MOST_NAMED = 100
COMMENT = "#"


@dataclass(frozen=True, slots=True)
class WrongLine:
    """A line that is no entry; `line` counts from 1. The message does not repeat what stands there."""

    line: int
    message: str


@dataclass(frozen=True, slots=True)
class SuppressionLines:
    """What a list holds: its entries, each once, or `wrong`, the first 100 lines that are none."""

    entries: tuple[Suppression, ...]
    wrong: tuple[WrongLine, ...]


def read_lines(text: str) -> SuppressionLines:
    """Return the entries of a text, one a line; blank lines, and those that begin with `#`, are passed over.

    More than 10,000 lines are wrong at the first one too many.
    """
    entries: dict[str, Suppression] = {}
    wrong: list[WrongLine] = []
    for number, line in enumerate(text.splitlines(), start=1):
        written = line.strip()
        if number > MOST_LINES:
            wrong.append(WrongLine(number, f"a list has {MOST_LINES} lines at most"))
            break
        if not written or written.startswith(COMMENT):
            continue
        try:
            entry = read(written)
        except ValueError as error:
            wrong.append(WrongLine(number, str(error)))
        else:
            entries[entry.value] = entry
    return SuppressionLines(() if wrong else tuple(entries.values()), tuple(wrong[:MOST_NAMED]))
