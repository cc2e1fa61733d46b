"""What is wrong with a page's query, in words: which parameter, and what may stand there. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from app.masking import masked_text
from app.web.fields import STORABLE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pydantic import BaseModel, ValidationError

LONGEST_NAME = 100
PLACES = frozenset({"before", "after"})  # in a list, as its own links have them
A_PLACE = "one that a link of the list has"
OTHER = "one that the page's own links and forms have"
OF_TIMES = {"datetime_": "a time, such as 2026-11-24T10:00", "date_": "a day, such as 2026-11-24"}
_CHOICE = re.compile(r"\^\(?([\w,-]+(?:\|[\w,-]+)*)\)?\$")


def mistakes(error: ValidationError, model: type[BaseModel]) -> str:
    """Return what a query asks for that the page does not have."""
    found = "; ".join(_mistake(one, model) for one in error.errors())
    return f"The address asks for what this page does not have: {found}."


def _mistake(one: Mapping[str, Any], model: type[BaseModel]) -> str:
    name = masked_text(".".join(map(str, one["loc"])))[:LONGEST_NAME]
    if one["type"] == "extra_forbidden":
        return f"it takes no “{name}”, but {_listed(list(model.model_fields), 'and')}"
    allowed = A_PLACE if name in PLACES else _allowed(str(one["type"]), one.get("ctx", {}))
    return f"“{name}” has to be {allowed}"


def _allowed(kind: str, limits: Mapping[str, Any]) -> str:
    """Return what may stand there, by the kind of a mistake as pydantic calls it."""
    match kind:
        case "string_too_long":
            said = f"at most {limits['max_length']} characters long"
        case "string_pattern_mismatch":
            said = _of_pattern(limits["pattern"])
        case "enum":
            said = _listed(re.findall(r"'([^']+)'", limits["expected"]), "or")
        case "greater_than_equal":
            said = f"{limits['ge']} or later"
        case "less_than_equal":
            said = f"{limits['le']} or earlier"
        case _:
            said = next((words for start, words in OF_TIMES.items() if kind.startswith(start)), OTHER)
    return said


def _of_pattern(pattern: str) -> str:
    if pattern == STORABLE:
        return "text without the character NUL"
    choice = _CHOICE.fullmatch(pattern)
    return _listed(choice.group(1).split("|"), "or") if choice else OTHER


def _listed(names: Sequence[str], word: str) -> str:
    *others, last = names
    return f"{', '.join(others)} {word} {last}" if others else last
