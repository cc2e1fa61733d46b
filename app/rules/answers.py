"""The answers of an event, as expressions ask for them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from app.model import Event


def answer_to(event: Event, question: str) -> str | list[str] | None:
    """Return the answer to the question of this title or ref; case and outer blanks do not matter. None: no answer."""
    if question in event.answers:
        return event.answers[question]
    wanted = question.strip().casefold()
    return next((answer for name, answer in event.answers.items() if name.strip().casefold() == wanted), None)
