"""How the values that every delivery makes are declared."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeVar, dataclass_transform

Declared = TypeVar("Declared")


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def immutable(declared: type[Declared]) -> type[Declared]:
    """Declare a dataclass whose instances never change: the type checker refuses assignments, the interpreter does not.

    A delivery makes a dozen of these. `frozen=True` sets each field by a call: an event takes 3.5 microseconds with it
    and 0.8 without.
    """
    return dataclass(slots=True)(declared)
