"""The mistakes of one load, noted with their places while the rest of the file is checked."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from app.errors import Mistake
from app.people.domain_lists import AS_PACKAGED
from app.rules.expressions import Expression, ExpressionError, compiled

if TYPE_CHECKING:
    from app.people.domain_lists import DomainLists
    from app.rules.file.parse import Part
    from app.rules.file.parsed import Place


class Diagnostics:
    """Collects mistakes; one instance per load, whose `lists` the functions of its expressions ask."""

    def __init__(self, mistakes: list[Mistake], lists: DomainLists = AS_PACKAGED) -> None:
        self._mistakes = mistakes
        self._lists = lists

    def note(self, part: Part, path: Place, message: str, *, key: bool = False) -> None:
        """Note a mistake at the value of `path`, or (`key`) at its key."""
        self._mistakes.append(part.parsed.mistake(path, message, key=key))

    def merged(self, parts: list[Part], section: str) -> dict[str, Part]:
        """Return the names of a section over all files, each with its file; note a name that two files define."""
        found: dict[str, Part] = {}
        for part in parts:
            for name in getattr(part.file, section):
                if name in found:
                    message = f"{name!r} stands in {found[name].parsed.file} already"
                    self.note(part, (section, name), message, key=True)
                else:
                    found[name] = part
        return found

    def expression(self, text: str, part: Part, path: Place) -> Expression | None:
        """Compile an expression; return None (noted) when it cannot be compiled."""
        # Reports show, and the store keeps, the text as written: the value of a variable may be a secret.
        written = part.parsed.written(path)
        try:
            return replace(compiled(text, self._lists), text=written)
        except ExpressionError as error:
            if text != written:
                self.note(part, path, f"{path[-1]}: with its variables put in, this is no expression")
                return None
            at = part.parsed.mistake(path, f"{path[-1]}: {error}")
            column = at.column + error.column - 1 if error.line == 1 else error.column
            self._mistakes.append(Mistake(at.file, at.line + error.line - 1, column, at.message))
            return None
