"""The shapes of outbound events and endpoints in `/api/v1`, with an example each for the OpenAPI document."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field

from app.web.api.shapes import Storable

OutboundState = Literal["waiting", "sending", "delivered", "failed"]
Kind = Literal["enrolled", "refused", "parked", "ended", "replied", "test"]
EVENT: dict[str, Any] = {
    "id": "out_019ab2c3d4e5f60718293a4b5c6d7e90",
    "endpoint": "crm",
    "kind": "enrolled",
    "enrollment_id": "enr_019ab2c3d4e5f60718293a4b5c6d7e84",
    "state": "waiting",
    "due_at": "2026-11-23T09:05:01Z",
    "attempt": 2,
    "tries": 2,
    "last_status": 500,
    "last_error": "status 500",
    "delivered_at": None,
    "created_at": "2026-11-23T09:00:00Z",
    "updated_at": "2026-11-23T09:00:06Z",
}
ATTEMPT: dict[str, Any] = {
    "at": "2026-11-23T09:00:06Z",
    "status": 500,
    "error": "status 500",
    "milliseconds": 41,
    "answer": "Internal Server Error",
}
ENDPOINT: dict[str, Any] = {
    "name": "crm",
    "url": "https://crm.acme.example/hooks/segue",
    "events": ["enrolled", "replied"],
    "accounts": None,
    "state": "open",
    "failures": 5,
    "open_until": "2026-11-23T09:00:30Z",
    "disabled_at": None,
    "waiting": 12,
    "failed": 0,
    "oldest_seconds": 41.5,
    "last_success_at": "2026-11-23T08:59:00Z",
    "last_error": "status 502",
    "last_error_at": "2026-11-23T09:00:00Z",
}


def _in_utc(value: datetime) -> datetime:
    try:
        return value.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("no such time in UTC") from error


Moment = Annotated[AwareDatetime, AfterValidator(_in_utc)]


class OutboundRow(BaseModel):
    """One event for one endpoint; its id is the `webhook-id`.

    `tries` counts the failures since it was noted or replayed, `due_at` says when it is sent (again).
    """

    model_config = ConfigDict(json_schema_extra={"example": EVENT})

    id: str
    endpoint: str
    kind: str
    enrollment_id: str | None
    state: str
    due_at: datetime
    attempt: int
    tries: int
    last_status: int | None
    last_error: str | None
    delivered_at: datetime | None
    created_at: datetime
    updated_at: datetime


class AttemptRow(BaseModel):
    """What came of one attempt; `answer` is the beginning of what the endpoint answered, where that was no 2xx."""

    model_config = ConfigDict(json_schema_extra={"example": ATTEMPT})

    at: datetime
    status: int | None
    error: str | None
    milliseconds: int
    answer: str | None


class OutboundDetail(OutboundRow):
    """One event with the body that is sent every time, and its last twenty attempts, oldest first."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": EVENT | {"body": '{"type":"enrollment.enrolled","timestamp":"...",...}', "attempts": [ATTEMPT]}
        }
    )

    body: str
    attempts: list[AttemptRow]


class OutboundPage(BaseModel):
    """One page of events; `next_cursor` asks for the next one, null on the last."""

    model_config = ConfigDict(json_schema_extra={"example": {"items": [EVENT], "next_cursor": EVENT["id"]}})

    items: list[OutboundRow]
    next_cursor: str | None


class Replay(BaseModel):
    """What is sent again: events of one endpoint, noted from `since` on and before `until`."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {"endpoint": "crm", "since": "2026-11-23T08:00:00Z", "until": None, "state": "failed"}
        },
    )

    endpoint: Storable = Field(max_length=200, description="Its name in the rules")
    since: Moment
    until: Moment | None = None
    state: Literal["failed", "delivered", "all"] = Field(
        "failed", description="`delivered` or `all` after the endpoint lost what it had taken"
    )


class Replayed(BaseModel):
    """How many are sent again."""

    model_config = ConfigDict(json_schema_extra={"example": {"replayed": 12}})

    replayed: int


class EndpointRow(BaseModel):
    """One endpoint. `state` is `closed` (everything goes out), `half-open`, `open`, `disabled` or `not-in-rules`.

    `url` is as the rules have it. `failures` are in a row; `waiting` includes what is on its way.
    """

    model_config = ConfigDict(json_schema_extra={"example": ENDPOINT})

    name: str
    url: str | None
    events: list[str]
    accounts: list[str] | None
    state: str
    failures: int
    open_until: datetime | None
    disabled_at: datetime | None
    waiting: int
    failed: int
    oldest_seconds: float
    last_success_at: datetime | None
    last_error: str | None
    last_error_at: datetime | None


class EndpointList(BaseModel):
    """All endpoints of the rules in force, and those that left them with something waiting."""

    model_config = ConfigDict(json_schema_extra={"example": {"items": [ENDPOINT]}})

    items: list[EndpointRow]
