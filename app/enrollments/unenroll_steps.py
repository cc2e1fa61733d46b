"""What follows while a workflow takes a contact out of a sequence, and nobody tells us when it has. Pure."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from app.model import UnenrollWorkflow

LOOK_EVERY = timedelta(seconds=30)


class Move(StrEnum):
    """What is to be done next."""

    TRIGGER = "trigger"
    WAIT = "wait"
    DONE = "done"
    GIVE_UP = "give up"


def under_way(bridge: UnenrollWorkflow, triggered_at: datetime | None, now: datetime) -> bool:
    """Tell whether the workflow may still act: until then nothing that HubSpot shows is an end.

    A reply may end the sequence before the workflow comes round: whatever was begun after that, it would end too.
    """
    return triggered_at is not None and now < triggered_at + bridge.takes


def next_move(bridge: UnenrollWorkflow, *, in_sequence: bool, triggered_at: datetime | None, now: datetime) -> Move:
    """Return what follows from what HubSpot shows of the contact."""
    if under_way(bridge, triggered_at, now):
        return Move.WAIT
    if not in_sequence:
        return Move.DONE
    if triggered_at is None:
        return Move.TRIGGER
    return Move.WAIT if now < triggered_at + bridge.longest else Move.GIVE_UP


def look_again_at(bridge: UnenrollWorkflow, triggered_at: datetime, now: datetime) -> datetime:
    """Return when the contact is looked at next."""
    return max(triggered_at + bridge.takes, now + LOOK_EVERY)
