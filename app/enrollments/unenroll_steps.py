"""What follows while a workflow takes a contact out of a sequence; HubSpot does not report its end. Pure."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from app.model import UnenrollWorkflow

CHECK_EVERY = timedelta(seconds=30)


class Move(StrEnum):
    """What to do next."""

    TRIGGER = "trigger"
    WAIT = "wait"
    DONE = "done"
    GIVE_UP = "give up"


def is_running(workflow: UnenrollWorkflow, triggered_at: datetime | None, now: datetime) -> bool:
    """Tell whether the workflow may still act: until then nothing that HubSpot shows proves that it is over.

    A reply may end the sequence before the workflow acts: the workflow would also end a sequence that is started then.
    """
    return triggered_at is not None and now < triggered_at + workflow.takes


def next_move(workflow: UnenrollWorkflow, *, in_sequence: bool, triggered_at: datetime | None, now: datetime) -> Move:
    """Return what follows from what HubSpot shows of the contact."""
    if is_running(workflow, triggered_at, now):
        return Move.WAIT
    if not in_sequence:
        return Move.DONE
    if triggered_at is None:
        return Move.TRIGGER
    return Move.WAIT if now < triggered_at + workflow.longest else Move.GIVE_UP


def next_check_at(workflow: UnenrollWorkflow, triggered_at: datetime, now: datetime) -> datetime:
    """Return when the contact is read next."""
    return max(triggered_at + workflow.takes, now + CHECK_EVERY)
