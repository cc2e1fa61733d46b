"""What differs between two revisions, as lines of which each says what it is. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.console.text import exactly

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

KINDS = {"+": "add", "-": "gone", "@": "place"}
HEAD = ("--- ", "+++ ", "@@ ")  # how the lines begin that name the two files, and the first place in them


@dataclass(frozen=True, slots=True)
class DiffLine:
    """One line of a unified diff. `kind` is add, gone, place, file, or empty for what is the same."""

    kind: str
    text: str


def diff_lines(lines: Sequence[str]) -> tuple[DiffLine, ...]:
    """Return the lines of a unified diff with their kinds."""
    begins = [number for number in range(len(lines)) if _is_head(lines[number : number + len(HEAD)])]
    files = {number + line for number in begins for line in (0, 1)}
    return tuple(
        DiffLine("file" if number in files else KINDS.get(line[:1], ""), line) for number, line in enumerate(lines)
    )


def _is_head(lines: Sequence[str]) -> bool:
    return len(lines) == len(HEAD) and all(line.startswith(begin) for line, begin in zip(lines, HEAD, strict=True))


def changed_words(lines: Iterable[DiffLine]) -> str:
    """Return how many lines came and how many are gone."""
    kinds = [line.kind for line in lines]
    came, gone = kinds.count("add"), kinds.count("gone")
    return f"{exactly(came, 'line')} more, {gone:,} gone" if came or gone else "nothing differs in what is shown"
