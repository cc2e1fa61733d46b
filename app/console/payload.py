"""A payload as lines of JSON for a page, with what rules read of it marked. Pure: a template renders the segments."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from app.masking import masked_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    Path = tuple[str | int, ...]

MOST_LINES = 2_000
LONGEST_TEXT = 2_000  # characters of one string
INDENT = "  "


@dataclass(frozen=True, slots=True)
class Segment:
    """A piece of a line: `kind` is key, text, number, word (true, false, null) or sign; `marked`: a rule read it."""

    text: str
    kind: str = "sign"
    marked: bool = False


@dataclass(frozen=True, slots=True)
class Payload:
    """The lines of a payload; `cut` says that more follow which are not shown."""

    lines: tuple[tuple[Segment, ...], ...]
    cut: bool = False


def payload_lines(value: Any, read: Iterable[Path] = (), *, masked: bool = True) -> Payload:
    """Return a JSON value as lines. `read` are the paths that rules read, from its root; addresses are `masked`."""
    writer = _Writer(frozenset(read), masked=masked)
    lines: list[tuple[Segment, ...]] = []
    for line in writer.lines(value, (), "", (), ""):
        if len(lines) == MOST_LINES:
            return Payload(tuple(lines), cut=True)
        lines.append(line)
    return Payload(tuple(lines))


class _Writer:
    """Writes one value. `lines` is lazy: of a large payload no more is written than is shown."""

    def __init__(self, read: frozenset[Path], *, masked: bool) -> None:
        self._read = read
        self._masked = masked

    def lines(
        self, value: Any, path: Path, indent: str, head: tuple[Segment, ...], tail: str
    ) -> Iterator[tuple[Segment, ...]]:
        """Yield the lines of a value; `head` stands before it on its first line, `tail` after it on its last."""
        marked = any(path[: len(one)] == one for one in self._read)
        if isinstance(value, Mapping) and value:
            members = [(self._key(str(name), marked=marked, path=(*path, name)), name, value[name]) for name in value]
            yield from self._within("{}", members, path, indent, head, tail)
        elif isinstance(value, list | tuple) and value:
            items: list[tuple[tuple[Segment, ...], str | int, Any]] = [((), at, item) for at, item in enumerate(value)]
            yield from self._within("[]", items, path, indent, head, tail)
        else:
            ends = (Segment(tail),) if tail else ()
            yield (*_indented(indent), *head, self._scalar(value, marked=marked), *ends)

    def _within(
        self,
        brackets: str,
        members: list[tuple[tuple[Segment, ...], str | int, Any]],
        path: Path,
        indent: str,
        head: tuple[Segment, ...],
        tail: str,
    ) -> Iterator[tuple[Segment, ...]]:
        yield (*_indented(indent), *head, Segment(brackets[0]))
        for number, (key, step, item) in enumerate(members, start=1):
            comma = "," if number < len(members) else ""
            yield from self.lines(item, (*path, step), indent + INDENT, key, comma)
        yield (*_indented(indent), Segment(brackets[1] + tail))

    def _key(self, name: str, *, marked: bool, path: Path) -> tuple[Segment, ...]:
        is_read = marked or path in self._read
        return Segment(self._quoted(name), "key", is_read), Segment(": ", marked=is_read)

    def _scalar(self, value: Any, *, marked: bool) -> Segment:
        if isinstance(value, str):
            return Segment(self._quoted(value), "text", marked)
        if value is None or isinstance(value, bool):
            return Segment(json.dumps(value), "word", marked)
        if isinstance(value, Mapping | list | tuple):
            return Segment("{}" if isinstance(value, Mapping) else "[]", "sign", marked)
        return Segment(str(value), "number", marked)

    def _quoted(self, text: str) -> str:
        shown = masked_text(text) if self._masked else text
        more = "…" if len(shown) > LONGEST_TEXT else ""
        return json.dumps(shown[:LONGEST_TEXT] + more, ensure_ascii=False)


def _indented(indent: str) -> tuple[Segment, ...]:
    return (Segment(indent),) if indent else ()
