"""The shapes that `/api/v1` answers in, with an example each for the OpenAPI document."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from app.policy.outcome import NO_OUTCOME

Storable = Annotated[str, StringConstraints(min_length=1, pattern=r"^[^\x00]*$")]  # PostgreSQL knows no NUL character


class EventRow(BaseModel):
    """One normalised fact about a person."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "id": "evt_019ab2c3d4e5f60718293a4b5c6d7e82",
                "delivery_id": "dlv_019ab2c3d4e5f60718293a4b5c6d7e81",
                "source": "demo-form",
                "type": "form_response",
                "provider_id": "01H...",
                "received_at": "2026-11-23T09:00:00Z",
                "occurred_at": "2026-11-23T08:59:58Z",
                "email": "ada@corp.example",
                "name": None,
                "company": "Corp",
            }
        }
    )

    id: str
    delivery_id: str
    source: str
    type: str
    provider_id: str | None
    received_at: datetime
    occurred_at: datetime | None
    email: str | None
    first_name: str | None = None
    last_name: str | None = None
    name: str | None
    company: str | None
    exit: bool = False


class EnrichmentRow(BaseModel):
    """What became of asking a thin event's provider: ready, working, done or failed."""

    state: str
    reason: str | None
    detail: str | None
    tries: int
    due_at: datetime


class EventDetail(EventRow):
    """One event with its payload (None once the retention has passed) and its decisions."""

    data: Any
    decisions: list[str]
    enrichment: EnrichmentRow | None = None


class DecisionRow(BaseModel):
    """Which rule decided, or why none did."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "id": "dec_019ab2c3d4e5f60718293a4b5c6d7e83",
                "event_id": "evt_019ab2c3d4e5f60718293a4b5c6d7e82",
                "delivery_id": "dlv_019ab2c3d4e5f60718293a4b5c6d7e81",
                "source": "demo-form",
                "email": "ada@corp.example",
                "verdict": "enroll",
                "reason": "matched",
                "rule": "demo-request",
                "line": 21,
                "revision": "4f2c9a10be77",
                "facts": [{"rule": "demo-request", "line": 21, "matched": True, "because": "matched", "error": False}],
                "enrollment_id": "enr_019ab2c3d4e5f60718293a4b5c6d7e84",
                "decided_at": "2026-11-23T09:00:00Z",
            }
        }
    )

    id: str
    event_id: str
    delivery_id: str
    source: str
    email: str | None
    verdict: str
    reason: str
    rule: str | None
    line: int | None
    revision: str
    facts: list[dict[str, Any]]
    enrollment_id: str | None
    decided_at: datetime


class DecisionDetail(DecisionRow):
    """One decision. `assignment` says of each sender why it was taken or not, null while nobody has been chosen."""

    sender: str | None
    assignment: list[dict[str, Any]] | None


class EnrollmentRow(BaseModel):
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


class JournalLine(BaseModel):
    """One transition or checkpoint, with time and cause."""

    at: datetime
    before: str | None
    after: str
    step: str | None
    attempt: int
    cause: str
    detail: str | None


class EnrollmentDetail(EnrollmentRow):
    """One enrollment with its whole story.

    `assignment` says of each sender why it was taken or not; `what_to_do` what can be done about HubSpot's `reason`.
    """

    plan: dict[str, Any]
    assignment: list[dict[str, Any]] | None
    expires_at: datetime | None
    what_to_do: str | None = None
    journal: list[JournalLine]


class EventPage(BaseModel):
    """One page of events; `next_cursor` asks for the next one, null on the last."""

    items: list[EventRow]
    next_cursor: str | None


class DecisionPage(BaseModel):
    """One page of decisions."""

    items: list[DecisionRow]
    next_cursor: str | None


class EnrollmentPage(BaseModel):
    """One page of enrollments."""

    items: list[EnrollmentRow]
    next_cursor: str | None


class SenderRow(BaseModel):
    """One sender in one account: `left` of `limit` enrollments may be sent in the running 24 hours.

    `waiting` are assigned to it and not sent yet. `full_until` is until when none is taken because HubSpot says that it
    is full. Contacts' owners whom no rule names are called `owner` and their owner id.
    """

    account: str
    name: str
    user_id: str
    inbox: str
    limit: int
    left: int
    waiting: int
    paused_at: datetime | None
    reason: str | None
    full_until: datetime | None


class SenderList(BaseModel):
    """All senders."""

    items: list[SenderRow]


class Whose(BaseModel):
    """Whose enrollments are meant: a person's, a rule's, or (both) a person's by that rule."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"email": "ada@corp.example"}})

    email: Storable | None = Field(None, max_length=320, description="The person's address")
    rule: Storable | None = Field(None, max_length=200, description="The rule's id")

    @model_validator(mode="after")
    def _somebody(self) -> Self:
        if not self.email and not self.rule:
            raise ValueError("name an email, a rule, or both")
        return self


class Parked(BaseModel):
    """Which parked enrollments are meant: all that fit everything that is named."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"reason": "DISCONNECTED_INBOX", "sender": "anna"}}
    )

    reason: Storable | None = Field(None, max_length=200, description="Why they are parked")
    rule: Storable | None = Field(None, max_length=200, description="The rule's id")
    sender: Storable | None = Field(None, max_length=200, description="The sender's name")

    @model_validator(mode="after")
    def _some(self) -> Self:
        if not self.reason and not self.rule and not self.sender:
            raise ValueError("name a reason, a rule, a sender, or several of them")
        if self.reason == NO_OUTCOME:
            raise ValueError(
                "HubSpot does not tell who is in a workflow: look at each of them, and release it by its id"
            )
        return self


class Released(BaseModel):
    """How many were released."""

    released: int


class Cancelled(BaseModel):
    """How many were cancelled."""

    cancelled: int


class NewSuppression(BaseModel):
    """Who is never to be enrolled, and why."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"value": "competitor.example", "reason": "asked by legal"}}
    )

    value: Storable = Field(max_length=320, description="An address, a domain, or a pattern with `*`")
    reason: Storable | None = Field(None, max_length=1000)


class SuppressionRow(BaseModel):
    """One entry: an address, a domain (everybody at exactly this one), or a pattern."""

    kind: str
    value: str
    reason: str | None
    created_at: datetime


class KeptSuppression(SuppressionRow):
    """What is kept now. Where it was there before (`added` is false), since when, and for what reason."""

    added: bool


class SuppressionPage(BaseModel):
    """One page of entries, by value."""

    items: list[SuppressionRow]
    next_cursor: str | None
