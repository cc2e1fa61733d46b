"""The operator's files as text: read, and as the store keeps them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.errors import Mistake, RulebookError

if TYPE_CHECKING:
    from pathlib import Path

# The value of an undefined variable where rules are checked without their secrets.
PLACEHOLDER = "placeholder"


class PlaceholderEnvironment(dict[str, str]):
    """An environment in which every variable is set: an unknown one has the value `placeholder`."""

    def __contains__(self, name: object) -> bool:
        return True

    def __missing__(self, name: str) -> str:
        return PLACEHOLDER


@dataclass(frozen=True, slots=True)
class Document:
    """One file's name and text, `${ENV}` unexpanded."""

    file: str
    text: str


def read_documents(path: Path) -> tuple[Document, ...]:
    """Read the rules file, or every *.yaml of a folder in the order of their names. Raises RulebookError."""
    files = sorted(path.glob("*.y*ml")) if path.is_dir() else [path]
    if not files:
        raise _unreadable(path, "the folder holds no *.yaml file")
    return tuple(Document(str(file), _text(file)) for file in files)


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8-sig")
    except OSError as error:
        reason = f"cannot be read: {error.strerror}; set SEGUE_CONFIG to the rules file or folder"
        raise _unreadable(file, reason) from error
    except UnicodeDecodeError as error:
        raise _unreadable(file, "is not UTF-8 text") from error


def _unreadable(path: Path, message: str) -> RulebookError:
    return RulebookError((Mistake(str(path), 1, 1, message),))


def documents_to_text(documents: tuple[Document, ...]) -> str:
    """Return the documents as one text, for the store."""
    return json.dumps([[document.file, document.text] for document in documents])


def text_to_documents(text: str) -> tuple[Document, ...]:
    """Return the documents that `documents_to_text` wrote."""
    return tuple(Document(file, content) for file, content in json.loads(text))
