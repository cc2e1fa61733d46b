"""An enrollment at work: its states and steps, what HubSpot reports of the contact, and how a list is narrowed."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from app.model.decision import Plan, PropertyValue
    from app.model.sending import Sender

# Enrollments wait with this reason while their account is not connected; connecting it releases them.
NOT_CONNECTED = "account_not_connected"
# The response to a request was lost. Reading settles an uncertain enrollment; a workflow cannot be read, so its
# enrollment is parked.
NO_OUTCOME = "no_outcome"


class State(StrEnum):
    """Where an enrollment stands. `app.model.states` holds the only transitions there are."""

    HELD = "held"
    READY = "ready"
    WORKING = "working"
    UNCERTAIN = "uncertain"
    PARKED = "parked"
    ENROLLED = "enrolled"
    DONE = "done"
    REFUSED = "refused"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


class Step(StrEnum):
    """How far a working enrollment has come; each step is a committed checkpoint."""

    CLAIMED = "claimed"
    ASSIGNED = "assigned"
    PREPARED = "prepared"
    SENDING = "sending"


@dataclass(frozen=True, slots=True)
class Baseline:
    """What HubSpot reports of a contact's sequences: read before `sending`, and again to settle the outcome.

    Source of the three properties: `hs_sequences_enrolled_count`, `hs_latest_sequence_enrolled` (an id) and
    `hs_latest_sequence_enrolled_date`. They lag behind the enrollment itself.
    """

    count: int | None
    sequence: str | None
    date: datetime | None


@dataclass(frozen=True, slots=True)
class Enrollment:
    """One claimed enrollment. `attempt` is its fence: every later write names it and fails when the lease was lost.

    `tries` counts failures since `first_failed_at`; `reads` and `resends` belong to settling; `sending_at` is the
    database's time of the last `sending`, `first_sending_at` of the first one. `sender` is None until one is assigned.
    `triggered_at` is the database's time at which a workflow was started for it, None where none is under way.
    `contact_id` is known once its properties were written to the contact; `gave_owner` is the owner id that it gave the
    contact, None where it gave none. `left_by` is the enrollment by which the person has left since the event of this
    one came, None otherwise. `is_listed` is False where no entry of the suppression list matched `email` when the
    enrollment was claimed.
    """

    id: str
    account: str
    email: str
    source: str
    rule: str
    sequence: str
    plan: Plan
    sender: Sender | None
    properties: Mapping[str, PropertyValue]
    require: tuple[str, ...]
    state: State
    attempt: int
    step: Step | None
    tries: int
    first_failed_at: datetime | None
    received_at: datetime
    contact_id: str | None
    baseline: Baseline
    sending_at: datetime | None
    first_sending_at: datetime | None
    reads: int
    resends: int
    delivery_id: str
    triggered_at: datetime | None = None
    gave_owner: str | None = None
    left_by: str | None = None
    is_listed: bool = True


@dataclass(frozen=True, slots=True)
class DroppedProperty:
    """A write-back that HubSpot refused; the contact was written without it. `problem` is the reason, for people."""

    name: str
    problem: str


@dataclass(frozen=True, slots=True)
class WrittenContact:
    """A contact that was created or updated, and the write-backs that it was written without."""

    id: str
    dropped: tuple[DroppedProperty, ...] = ()


@dataclass(frozen=True, slots=True)
class ObservedEnrollment:
    """The status route's answer: which sequence the contact is in now, and since when."""

    sequence: str
    enrolled_at: datetime


@dataclass(frozen=True, slots=True)
class Filters:
    """What a list is narrowed to. `after` is the last id of the page before; newest come first."""

    email: str | None = None
    source: str | None = None
    rule: str | None = None
    state: str | None = None
    reason: str | None = None
    verdict: str | None = None
    ended: str | None = None
    after: str | None = None
    limit: int = 50
