"""What functions share during one evaluation of an expression: its event, and how much they may still make."""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from app.model import Event

MOST_CHARACTERS = 1_000_000
MOST_IN_NESTED_MACROS = 20_000  # there a text that a function made can be listed once per step of the inner macro


@dataclass(slots=True)
class Evaluation:
    """One evaluation of an expression: its event, and how many characters its functions make, at most."""

    event: Event
    most: int = MOST_CHARACTERS
    made: int = 0

    def spend(self, characters: int) -> None:
        """Count the characters of what a function is about to make. Raises ValueError where they are too many."""
        self.made += characters
        if self.made > self.most:
            raise ValueError(f"the expression makes texts of more than {self.most} characters in all")


# The engine calls a function with its operands alone, in the thread that evaluates.
CURRENT: ContextVar[Evaluation] = ContextVar("CURRENT")
