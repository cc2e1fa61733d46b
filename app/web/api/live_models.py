"""The shapes of what HubSpot says now: one sequence with its steps, and one person's enrollment."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import BaseModel, Field

from app.web.fields import Person, Storable

STEP: dict[str, Any] = {
    "kind": "TASK",
    "delay_seconds": 86400.0,
    "template_id": None,
    "task_type": "CALL",
    "task_subject": "Call about the demo",
    "task_priority": "HIGH",
}
SEQUENCE: dict[str, Any] = {
    "account": "main",
    "read_at": "2026-11-23T09:00:00Z",
    "id": "310001",
    "name": "Demo request",
    "owner": "7001",
    "sends": "09:00-17:00",
    "follow_up_days": "BUSINESS_DAYS",
    "edited_at": "2026-11-20T09:00:00Z",
    "seen_by": "anna",
    "steps": [STEP],
}
RUNNING: dict[str, Any] = {
    "id": "5546974400",
    "sequence": "310001",
    "sequence_name": "Demo request",
    "enrolled_at": "2026-11-23T08:30:00Z",
    "updated_at": "2026-11-23T08:30:00Z",
    "user_id": "7001",
    "sender": "anna@acme.example",
}
LATEST: dict[str, Any] = {
    "sequence": "310001",
    "enrolled_at": "2026-11-23T08:30:00Z",
    "ended_at": None,
    "finished_at": None,
    "unenrolled_at": None,
}
PERSON: dict[str, Any] = {
    "account": "main",
    "read_at": "2026-11-23T09:00:00Z",
    "contact_id": "501",
    "enrolled": True,
    "detail": "in the sequence 'Demo request' since 2026-11-23 08:30 UTC",
    "enrollment": RUNNING,
    "latest": LATEST,
    "enrollments": 1,
}


class StepRow(BaseModel, json_schema_extra={"example": STEP}):
    """One step. `kind` is HubSpot's word; `delay_seconds` is the wait after the step before it.

    HubSpot names templates by their id alone. What it does not give is null.
    """

    kind: str
    delay_seconds: float | None
    template_id: str | None
    task_type: str | None
    task_subject: str | None
    task_priority: str | None


class SequenceDetail(BaseModel, json_schema_extra={"example": SEQUENCE}):
    """One sequence, read at `read_at` as the sender `seen_by` sees it. `owner` is its owner's user id."""

    account: str
    read_at: datetime
    id: str
    name: str
    owner: str | None
    sends: str
    follow_up_days: str | None
    edited_at: datetime | None
    seen_by: str
    steps: list[StepRow]


class Running(BaseModel, json_schema_extra={"example": RUNNING}):
    """The enrollment that HubSpot shows: `user_id` enrolled the contact, `sender` is that user's address."""

    id: str
    sequence: str
    sequence_name: str | None
    enrolled_at: datetime
    updated_at: datetime | None
    user_id: str | None
    sender: str | None


class Latest(BaseModel, json_schema_extra={"example": LATEST}):
    """What the contact's properties say of its latest sequence; they lag a little."""

    sequence: str
    enrolled_at: datetime | None
    ended_at: datetime | None
    finished_at: datetime | None
    unenrolled_at: datetime | None


class PersonEnrollment(BaseModel, json_schema_extra={"example": PERSON}):
    """Whether one person is in a sequence, read from HubSpot at `read_at`; `detail` says it in a sentence.

    `enrollment` is null where HubSpot's status shows none (404): it may hide what a colleague has enrolled, so that
    `enrolled` follows the contact's properties, too. `enrollments` counts those that the contact ever had.
    """

    account: str
    read_at: datetime
    contact_id: str | None
    enrolled: bool
    detail: str
    enrollment: Running | None
    latest: Latest | None
    enrollments: int | None


class WhoseEnrollment(BaseModel, extra="forbid", json_schema_extra={"example": {"email": "ada@corp.example"}}):
    """Of whom HubSpot is asked, and in which account."""

    email: Person = Field(max_length=320, description="The person's address")
    account: Storable | None = Field(
        None, max_length=200, description="A name of `accounts`; needed where there are several"
    )
