"""Read one variable of the environment: NAME is its value, or NAME_FILE names a file with it (Docker's secrets)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from app.errors import VariableError

if TYPE_CHECKING:
    from collections.abc import Mapping

FILE = "_FILE"


def variable(name: str, environment: Mapping[str, str]) -> str | None:
    """Return the value of a variable, None where neither NAME nor NAME_FILE is set.

    A file's content is stripped of white space, and of the mark that editors put before UTF-8.
    Raises VariableError where both are set, or the file cannot be read.
    """
    path = environment.get(f"{name}{FILE}")
    if not path:
        return _plain(name, environment)
    if environment.get(name):
        raise VariableError(f"{name}{FILE}: {name} is set too; set one of them")
    try:
        return Path(path).read_text(encoding="utf-8-sig").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
        raise VariableError(
            f"{name}{FILE}: cannot read {path}: {reason}; check the file and who may read it"
        ) from error


def _plain(name: str, environment: Mapping[str, str]) -> str | None:
    try:
        return environment[
            name
        ]  # Not `get`: where rules are checked without secrets, the mapping has a value for each name.
    except KeyError:
        return None
