"""The models of enrollments in `/api/v1`, each with an example for the OpenAPI document."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, Field

from app.followup.ends import How
from app.model import State
from app.web.api.common import Page, Search, Text
from app.web.api.decisions import CONSIDERED
from app.web.fields import Storable
from app.web.pagination import in_body

ENROLLMENT: dict[str, Any] = {
    "id": "enr_019ab2c3d4e5f60718293a4b5c6d7e84",
    "decision_id": "dec_019ab2c3d4e5f60718293a4b5c6d7e83",
    "event_id": "evt_019ab2c3d4e5f60718293a4b5c6d7e82",
    "delivery_id": "dlv_019ab2c3d4e5f60718293a4b5c6d7e81",
    "source": "demo-form",
    "rule": "demo-request",
    "account": "main",
    "email": "ada@corp.example",
    "sequence": "310001",
    "sender": "anna",
    "intent": "demo",
    "state": "enrolled",
    "reason": None,
    "detail": None,
    "due_at": "2026-11-23T09:00:00.104000Z",
    "attempt": 1,
    "tries": 0,
    "contact_id": "51",
    "hubspot_enrollment_id": "901",
    "enrolled_at": "2026-11-23T09:00:02Z",
    "confirmation": "seen",
    "ended": "unenrolled",
    "ended_at": "2026-11-25T10:12:40Z",
    "ended_known": True,
    "ended_why": "known: the contact was unenrolled at 2026-11-25 10:12:40 UTC; inferred: because of a reply at "
    "2026-11-25 10:12:38 UTC",
    "replied_at": "2026-11-25T10:12:38Z",
    "created_at": "2026-11-23T09:00:00.104000Z",
    "updated_at": "2026-11-25T10:20:03.440000Z",
}


def _line(at: str, before: str | None, after: str, step: str | None, cause: str, detail: str | None) -> dict[str, Any]:
    line = {"at": at, "before": before, "after": after, "step": step, "attempt": 1 if before else 0}
    return line | {"cause": cause, "detail": detail}


CHOSEN = "sender anna: has most left: 212 of 400"
REPLIED = "inferred: the contact replied to a sales e-mail at 2026-11-25 10:12:38 UTC"
JOURNAL: list[dict[str, Any]] = [
    _line("2026-11-23T09:00:00.104000Z", None, "ready", None, "accepted", None),
    _line("2026-11-23T09:00:00.131000Z", "ready", "working", "claimed", "claimed", None),
    _line("2026-11-23T09:00:00.140000Z", "working", "working", "assigned", "assigned", CHOSEN),
    _line("2026-11-23T09:00:01.870000Z", "working", "working", "prepared", "prepared", None),
    _line("2026-11-23T09:00:01.912000Z", "working", "working", "sending", "sending", "as anna (user 7001)"),
    _line("2026-11-23T09:00:02.481516Z", "working", "enrolled", "sending", "enrolled", None),
    _line("2026-11-25T10:20:03.440000Z", "enrolled", "enrolled", None, "ended", ENROLLMENT["ended_why"]),
    _line("2026-11-25T10:20:03.440000Z", "enrolled", "enrolled", None, "replied", REPLIED),
]
STORY: dict[str, Any] = {
    "plan": {"sender": "emea"},
    "assignment": CONSIDERED,
    "expires_at": None,
    "what_to_do": None,
    "docs": None,
    "journal": JOURNAL,
}


class Why(BaseModel, extra="forbid", json_schema_extra={"example": {"reason": "inbox reconnected"}}):
    """Why an operator does it, for the audit log."""

    reason: Storable | None = Field(None, max_length=500)


class EnrollmentRow(BaseModel, json_schema_extra={"example": ENROLLMENT}):
    """One enrollment and where it stands.

    `ended` is what became of it in HubSpot afterwards: finished, unenrolled or unknown, null while nothing says that it
    ended. `ended_known` is false where how or when is inferred; `ended_why` says what is known and what is not. A reply
    is always inferred: HubSpot dates the last one to any sales e-mail.
    """

    id: str
    decision_id: str
    event_id: str
    delivery_id: str
    source: str
    rule: str
    account: str
    email: str
    sequence: str
    sender: str | None
    intent: str
    state: str
    reason: str | None
    detail: str | None
    due_at: datetime
    attempt: int
    tries: int
    contact_id: str | None
    hubspot_enrollment_id: str | None
    enrolled_at: datetime | None
    confirmation: str | None
    ended: str | None = None
    ended_at: datetime | None = None
    ended_known: bool | None = None
    ended_why: str | None = None
    replied_at: datetime | None = None
    created_at: datetime
    updated_at: datetime


class JournalLine(BaseModel, json_schema_extra={"example": JOURNAL[2]}):
    """One transition or checkpoint, with time and cause."""

    at: datetime
    before: str | None
    after: str
    step: str | None
    attempt: int
    cause: str
    detail: str | None


class EnrollmentDetail(EnrollmentRow, json_schema_extra={"example": ENROLLMENT | STORY}):
    """One enrollment with its whole story.

    `assignment` says of each sender why it was taken or not; `what_to_do` what can be done about HubSpot's `reason`,
    and `docs` where the documentation says more of it.
    """

    plan: dict[str, Any]
    assignment: list[dict[str, Any]] | None
    expires_at: datetime | None
    what_to_do: str | None = None
    docs: str | None = None
    journal: list[JournalLine]


class EnrollmentPage(
    Page[EnrollmentRow], json_schema_extra={"example": {"items": [ENROLLMENT], "next_cursor": ENROLLMENT["id"]}}
):
    """One page of enrollments."""


class EnrollmentSearch(Search, json_schema_extra={"example": {"email": "ada@corp.example", "state": "parked"}}):
    """Whose enrollments are listed."""

    rule: Text = None
    state: State | None = None
    reason: Text = None
    ended: How | None = None
    cursor: Annotated[str | None, in_body("enr")] = None
