"""What is wrong, and where: the mistakes of one load, noted with their places while the rest is looked at."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from app.errors import Mistake
from app.rules.expressions import Expression, ExpressionError, compiled

if TYPE_CHECKING:
    from app.rules.file.parse import Part

Place = tuple[str | int, ...]


class Findings:
    """Notes mistakes; one instance per load."""

    def __init__(self, mistakes: list[Mistake]) -> None:
        self._mistakes = mistakes

    def note(self, part: Part, path: Place, message: str, *, key: bool = False) -> None:
        """Note a mistake at the value of `path`, or (`key`) at its key."""
        self._mistakes.append(part.parsed.mistake(path, message, key=key))

    def merged(self, parts: list[Part], section: str) -> dict[str, Part]:
        """Return the names of a section over all files, each with the file it stands in."""
        found: dict[str, Part] = {}
        for part in parts:
            for name in getattr(part.file, section):
                if name in found:
                    told = f"{name!r} stands in {found[name].parsed.file} already"
                    self.note(part, (section, name), told, key=True)
                else:
                    found[name] = part
        return found

    def expression(self, text: str, part: Part, path: Place) -> Expression | None:
        """Compile an expression, None when it is none."""
        # What is shown and stored is the text as written: the value of a variable may be a secret.
        written = part.parsed.written(path)
        try:
            return replace(compiled(text), text=written)
        except ExpressionError as error:
            if text != written:
                self.note(part, path, f"{path[-1]}: with its variables put in, this is no expression")
                return None
            at = part.parsed.mistake(path, f"{path[-1]}: {error}")
            column = at.column + error.column - 1 if error.line == 1 else error.column
            self._mistakes.append(Mistake(at.file, at.line + error.line - 1, column, at.message))
            return None
