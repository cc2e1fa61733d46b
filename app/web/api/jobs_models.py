"""The models of jobs and of groups of parked enrollments in `/api/v1`, each with an example for the document."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, field_serializer

from app.bulk.filters import LACKABLE, LISTS, LONGEST, Filter
from app.bulk.job import MORE_THAN_COUNTED
from app.web.api.common import Page
from app.web.api.enrollments_models import ENROLLMENT
from app.web.api.outbound_replay import Moment
from app.web.fields import Storable

FILTER: dict[str, Any] = {
    "reason": "DISCONNECTED_INBOX",
    "rule": None,
    "sender": "ben",
    "source": None,
    "account": None,
    "endpoint": None,
    "lacks": [],
    "states": ["parked"],
    "since": None,
    "until": None,
}
KEPT: dict[str, Any] = {name: value for name, value in FILTER.items() if value}
JOB: dict[str, Any] = {
    "id": "job_019ab2c3d4e5f60718293a4b5c6d7e98",
    "kind": "release_parked",
    "state": "running",
    "asked_by": "olga",
    "role": "operator",
    "reason": "inbox reconnected",
    "filter": KEPT,
    "total": 214,
    "done": 100,
    "outcomes": {"released": 99, "not_parked_any_more": 1},
    "created_at": "2026-11-23T09:00:00.104000Z",
    "started_at": "2026-11-23T09:00:00.131000Z",
    "finished_at": None,
    "error": None,
    "seconds_left": 11.4,
}
SHOWN = (
    "id", "email", "rule", "source", "account", "sequence", "sender", "state", "reason", "detail", "created_at",
    "updated_at",
)  # fmt: skip
FIRST: dict[str, Any] = {name: ENROLLMENT[name] for name in SHOWN} | {
    "endpoint": None,
    "enrollment_id": None,
    "state": "parked",
    "reason": "DISCONNECTED_INBOX",
}
PREVIEW: dict[str, Any] = {
    "kind": "release_parked",
    "filter": JOB["filter"],
    "count": 214,
    "is_more": False,
    "may_have_been_sent": 0,
    "first": [FIRST],
    "seconds": 21.4,
    "most": 1000,
}
GROUP: dict[str, Any] = {
    "by": "cause",
    "value": "DISCONNECTED_INBOX",
    "count": 14,
    "one_by_one": 0,
    "since": "2026-11-23T09:12:00Z",
    "reasons": 1,
    "reason": "DISCONNECTED_INBOX",
    "rules": 2,
    "rule": None,
    "senders": 1,
    "sender": "ben",
    "cause": {
        "sentence": "The sender's inbox is not connected to HubSpot.",
        "what_to_do": "Have the user connect the inbox in HubSpot, then release what is parked.",
        "docs": "docs/faults.md#disconnected_inbox",
    },
    "filter": {"reason": "DISCONNECTED_INBOX"},
    "may_be_released": True,
}
Named = Field(None, max_length=LONGEST)


class JobFilter(BaseModel, extra="forbid", json_schema_extra={"example": FILTER}):
    """Which rows a job is about: all that match every field given. Which fields a kind takes, docs/operating.md says.

    `lacks` names what an enrollment is without: `reason`, `sender`, or both.
    `states` are those of enrollments (held, ready, parked) or of outbound events (failed, delivered). An enrollment
    matches `since` and `until` by when it last changed, an outbound event by when it was noted.
    """

    reason: Storable | None = Named
    rule: Storable | None = Named
    sender: Storable | None = Named
    source: Storable | None = Named
    account: Storable | None = Named
    endpoint: Storable | None = Named
    lacks: list[Storable] = Field(default_factory=list, max_length=len(LACKABLE))
    states: list[Storable] = Field(default_factory=list, max_length=10)
    since: Moment | None = None
    until: Moment | None = None

    def meant(self) -> Filter:
        """Return the filter."""
        return Filter(**self.model_dump() | {name: tuple(getattr(self, name)) for name in LISTS})


class JobPreviewed(BaseModel, extra="forbid", json_schema_extra={"example": {"kind": JOB["kind"], "filter": FILTER}}):
    """What a job would be: `kind` is release_parked, release_as_rules_now, cancel or replay_outbound."""

    kind: Storable = Field(max_length=LONGEST)
    filter: JobFilter


class JobAsked(
    BaseModel,
    extra="forbid",
    json_schema_extra={
        "example": {"kind": JOB["kind"], "filter": FILTER, "expected_count": 214, "reason": JOB["reason"]}
    },
):
    """A job that is asked for. `expected_count` is the `count` of its preview: where more match by now, none begins."""

    kind: Storable = Field(max_length=LONGEST)
    filter: JobFilter
    expected_count: int = Field(ge=0, le=MORE_THAN_COUNTED)
    reason: Storable | None = Field(None, max_length=500, description="Why, for the audit log")


class FirstRow(BaseModel, json_schema_extra={"example": FIRST}):
    """One of the first rows of a job: an enrollment, or an outbound event (with `endpoint` and `enrollment_id`)."""

    id: str
    email: str | None = None
    rule: str | None = None
    source: str | None = None
    account: str | None = None
    sequence: str | None = None
    sender: str | None = None
    endpoint: str | None = None
    enrollment_id: str | None = None
    state: str
    reason: str | None = None
    detail: str | None = None
    updated_at: datetime | None = None
    created_at: datetime | None = None


class _WithFilter(BaseModel):
    filter: Any

    @field_serializer("filter")
    def _as_json(self, value: Any) -> Any:
        return value.as_json() if isinstance(value, Filter) else value


class PreviewRow(_WithFilter):
    """What a job would be about. `is_more` says that more match than were counted, 10,000.

    `may_have_been_sent` are those of them that HubSpot may have acted on before, `first` the first ten, `seconds` how
    long all of them take, and `most` how many the role of the token may ask for at once; null for any number.
    """

    model_config = ConfigDict(json_schema_extra={"example": PREVIEW}, from_attributes=True)

    kind: str
    count: int
    is_more: bool
    may_have_been_sent: int
    first: list[FirstRow]
    seconds: float | None
    most: int | None


class JobRow(_WithFilter):
    """One job. `state` is waiting, running, paused, done, cancelled or failed (`error` says why).

    `outcomes` counts the rows done by what became of them; `seconds_left` is an estimate, null while none works at it.
    """

    model_config = ConfigDict(json_schema_extra={"example": JOB}, from_attributes=True)

    id: str
    kind: str
    state: str
    asked_by: str
    role: str | None
    reason: str | None
    total: int
    done: int
    outcomes: dict[str, int]
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    error: str | None
    seconds_left: float | None


class JobPage(Page[JobRow], json_schema_extra={"example": {"items": [JOB], "next_cursor": JOB["id"]}}):
    """One page of jobs, newest first; `next_cursor` asks for the next one, null on the last."""


class CauseRow(BaseModel):
    """What happened, what a person does about it, and where the documentation says more."""

    model_config = ConfigDict(json_schema_extra={"example": GROUP["cause"]}, from_attributes=True)

    sentence: str
    what_to_do: str
    docs: str


class ParkedGroupRow(_WithFilter):
    """Parked enrollments that have one thing in common: a cause, a rule, a sender, or the day in UTC.

    `one_by_one` of them are left alone by a release of the group: HubSpot may have acted on them. `reason`, `rule` and
    `sender` are null where the group has several, or none. `filter` finds it again for a job.
    """

    model_config = ConfigDict(json_schema_extra={"example": GROUP}, from_attributes=True)

    by: str
    value: str | None
    count: int
    one_by_one: int
    since: datetime
    reasons: int
    reason: str | None
    rules: int
    rule: str | None
    senders: int
    sender: str | None
    cause: CauseRow | None
    may_be_released: bool


class ParkedGroups(BaseModel, json_schema_extra={"example": {"items": [GROUP]}}):
    """The groups, the largest first; days, the newest first."""

    items: list[ParkedGroupRow]
