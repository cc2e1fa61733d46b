"""From the row of an enrollment to what its receipt and its lines need. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from app.console.receipts.actions import target_named
from app.console.receipts.enrollment import EnrollmentFacts
from app.console.receipts.wording import person_named
from app.model import ENROLL, State

if TYPE_CHECKING:
    from collections.abc import Mapping

_AS_STORED = (
    "rule", "updated_at", "due_at", "reason", "detail", "step", "sender", "sending_at", "enrolled_at", "confirmation",
    "ended", "ended_at", "ended_known", "ended_why", "replied_at",
)  # fmt: skip


def facts_of(row: Mapping[str, Any], *, description: str | None = None, sequence: str | None = None) -> EnrollmentFacts:
    """Return the facts of an enrollment's whole row, with the names of its event.

    `description` is that of its rule, `sequence` the name of its sequence, None where they are not known.
    """
    return EnrollmentFacts(
        person=person_of(row),
        target=target_of(row, sequence),
        state=State(row["state"]),
        action=action_of(row),
        description=description,
        has_answer=row["hubspot_enrollment_id"] is not None or row["state"] != State.ENROLLED,
        may_have_been_sent=may_have_been_sent(row),
        **{name: row[name] for name in _AS_STORED},
    )


def person_of(row: Mapping[str, Any]) -> str:
    """Return how sentences call the person of an enrollment."""
    names = {name: row[name] for name in ("first_name", "last_name", "name")}
    return person_named(email=row["email"], **names)


def action_of(row: Mapping[str, Any]) -> str:
    """Return what is done for the person."""
    return str(row["plan"].get("action") or ENROLL)


def target_of(row: Mapping[str, Any], sequence: str | None = None) -> str:
    """Return what the action is directed at, as people call it."""
    action = action_of(row)
    return target_named(action, row["sequence"] if action == ENROLL else row["plan"].get("target") or "", sequence)


def may_have_been_sent(row: Mapping[str, Any]) -> bool:
    """Return whether a request was sent that HubSpot did not refuse: what `MAY_HAVE_BEEN_SENT` asks of the store."""
    started = action_of(row) == "workflow" and row["triggered_at"] is not None
    return row["first_sending_at"] is not None or started
