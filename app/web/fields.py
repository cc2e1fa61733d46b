"""Types of text that callers send: text that PostgreSQL can store, and the address of a person."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, StringConstraints

from app.people.addresses import normalise

STORABLE = r"^[^\x00]*$"  # PostgreSQL has no NUL character in text, not even in a comparison
Storable = Annotated[str, StringConstraints(min_length=1, pattern=STORABLE)]


def _person(text: str) -> str:
    """Return the address under which enrollments are stored. Text that is no address must not match all rows."""
    address = normalise(text)
    if address is None:
        raise ValueError("this is no e-mail address")
    return address


Person = Annotated[Storable, AfterValidator(_person)]


def in_utc(value: datetime | None) -> datetime | None:
    """Return a time in UTC. Some times of the first and the last year have no such form."""
    try:
        return value.astimezone(UTC) if value is not None else value
    except OverflowError as error:
        raise ValueError("no such time in UTC") from error
