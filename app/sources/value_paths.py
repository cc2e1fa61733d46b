"""Paths of values: `$.dotted.path`, a JSON pointer such as `/contact/email`, or `header:Name`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import AfterValidator

from app.sources.fields import find, storable

if TYPE_CHECKING:
    from collections.abc import Mapping

FIELD = re.compile(r"\$(\.[^.]+)+|(/[^/]*)+|header:[!#$%&'*+.^_`|~0-9A-Za-z-]+")
INDEX = re.compile(r"0|[1-9][0-9]{0,8}")


def _is_field(value: str) -> str:
    if FIELD.fullmatch(value) is None:
        raise ValueError("write `$.dotted.path`, a JSON pointer such as `/contact/email`, or `header:Name`")
    return value


FieldName = Annotated[str, AfterValidator(_is_field)]


def value_at(name: str, body: Mapping[str, Any], headers: Mapping[str, str]) -> Any:
    """Return the value at the path `name`, None where there is none."""
    if named := header_of(name):
        header = headers.get(named)
        return None if header is None else storable(header)
    return find(body, *_steps(name))


def header_of(name: str) -> str:
    """Return the name of the header that a path names, in lower case; empty where it names none."""
    return name.removeprefix("header:").lower() if name.startswith("header:") else ""


def _steps(name: str) -> tuple[str | int, ...]:
    """Return the steps of a path; a number is a list's index or, in an object, a key."""
    if name.startswith("$."):
        steps = name[2:].split(".")
    else:
        steps = [step.replace("~1", "/").replace("~0", "~") for step in name[1:].split("/")]
    return tuple(int(step) if INDEX.fullmatch(step) else step for step in steps)
