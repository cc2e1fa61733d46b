"""What follows from another enrollment of the same contact under another address. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from app.errors import DeclinedError, HeldError

if TYPE_CHECKING:
    from datetime import datetime

RECHECK_AFTER = timedelta(minutes=1)  # a safety net: the end of the other enrollment releases this one


@dataclass(frozen=True, slots=True)
class Conflict:
    """Ids of other enrollments of the contact.

    By `left_by` the person has left since, `duplicate_of` holds the same intent, `busy` occupies the contact now; it is
    empty where its id is not known.
    """

    left_by: str | None = None
    duplicate_of: str | None = None
    busy: str | None = None


def require_none(conflict: Conflict, *, now: datetime) -> None:
    """Return where nothing conflicts. Raises DeclinedError (left_since, duplicate) or HeldError (other_enrollment)."""
    if conflict.left_by is not None:
        message = (
            f"the person has left since this event came, by another address of the contact: see {conflict.left_by}"
        )
        raise DeclinedError("left_since", message)
    if conflict.duplicate_of is not None:
        message = f"duplicate of {conflict.duplicate_of}: HubSpot has one contact for both addresses"
        raise DeclinedError("duplicate", message)
    require_unoccupied(conflict, now=now)


def require_unoccupied(conflict: Conflict, *, now: datetime) -> None:
    """Return where no other enrollment occupies the contact. Raises HeldError (other_enrollment)."""
    if conflict.busy is not None:
        message = f"it waits for {conflict.busy or 'another enrollment'} of the same contact"
        raise HeldError("other_enrollment", now + RECHECK_AFTER, message)
