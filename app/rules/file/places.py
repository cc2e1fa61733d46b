"""The places of keys in the documents of a rulebook, for findings that are made after its load."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from app.rules.file.parsed import Parsed

if TYPE_CHECKING:
    from collections.abc import Iterable

    from app.rules.file.documents import Document
    from app.rules.file.parsed import Place


class FilePlace(NamedTuple):
    """A place in a file; line and column count from 1."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


class Places:
    """Finds keys in documents that were loaded before. Variables stay unexpanded: they move nothing."""

    def __init__(self, documents: Iterable[Document]) -> None:
        self._parsed = {document.file: Parsed(document, {}) for document in documents}

    def in_rule(self, file: str, line: int, path: Place) -> FilePlace:
        """Return the place of a key of the rule that begins at this line, or the nearest above it."""
        parsed = self._parsed.get(file)
        rules = parsed.value.get("rules") or () if parsed else ()
        for number in range(len(rules)):
            if parsed and parsed.line(("rules", number)) == line:
                return _place(parsed, ("rules", number, *path))
        return FilePlace(file, line, 1)

    def in_account(self, account: str, path: Place) -> FilePlace:
        """Return the place of a key of this account, or the nearest above it."""
        for parsed in self._parsed.values():
            if account in (parsed.value.get("accounts") or ()):
                return _place(parsed, ("accounts", account, *path))
        return FilePlace(next(iter(self._parsed), "rules"), 1, 1)


def _place(parsed: Parsed, path: Place) -> FilePlace:
    found = parsed.mistake(path, "", key=True)
    return FilePlace(found.file, found.line, found.column)
