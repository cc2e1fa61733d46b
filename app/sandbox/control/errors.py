"""A practitioner's request that makes no sense."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from app.sandbox.state.account import State
    from app.sandbox.state.contacts import Person

UNPROCESSABLE = 422


class Mistaken(Exception):  # nobody catches it but the control routes
    """Answered with `status` and the text."""

    def __init__(self, text: str, status: int = UNPROCESSABLE) -> None:
        super().__init__(text)
        self.status = status


def object_of(told: Any) -> dict[str, Any]:
    """Return a body that is an object."""
    if not isinstance(told, dict):
        raise Mistaken("an object is expected")
    return told


def person_of(state: State, told: dict[str, Any]) -> Person:
    """Return the contact whose address stands in a body."""
    person = state.person(str(told.get("email", "")), by_email=True)
    if person is None:
        raise Mistaken("no such contact", 404)
    return person
