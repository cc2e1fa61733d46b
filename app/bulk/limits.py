"""How many rows a role may ask for at once, and when what was shown is not what would be done. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.bulk.job import COUNTED
from app.errors import BulkRefused, MoreThanShown, TooManyForRole
from app.operators import Role

if TYPE_CHECKING:
    from collections.abc import Mapping

MOST: Mapping[str | None, int] = {Role.OPERATOR: 1000, Role.VIEWER: 0}  # all others: any number


def most_of(role: str | None) -> int | None:
    """Return how many rows this role may ask for at once, None for any number."""
    return MOST.get(role)


def require_as_shown(count: int, *, expected: int, role: str | None) -> None:
    """Return where `count` rows may be asked for by an operator who was shown `expected`. Raises BulkRefused."""
    if count == 0:
        raise BulkRefused("Nothing matches: there is nothing to do.")
    if count > expected and expected <= COUNTED:
        raise MoreThanShown(f"{count:,} match by now, and {expected:,} were shown: look again.", count=count)
    most = most_of(role)
    if most is not None and count > most:
        raise TooManyForRole(
            f"{count:,} match, and the role {role} may ask for {most:,} at once: narrow it, or ask an admin."
        )
