"""What `/api/v1/sources` takes and answers."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from app.web.fields import Storable

SOURCE: dict[str, Any] = {
    "name": "webinar",
    "provider": "zoom",
    "account": None,
    "path": "/webhooks/webinar",
    "url": "https://segue.example/webhooks/webinar",
    "proof": "HMAC-SHA256, x-zm-signature",
    "covers": "time, body",
    "rules": ["webinar-follow-up"],
    "received_at": "2026-11-23T08:59:00Z",
    "rejected_at": "2026-11-23T09:00:00Z",
    "rejected_status": 401,
    "rejected_reason": "signature_mismatch",
    "rejected": 20,
}
KEPT_SECRET: dict[str, Any] = {"number": 1, "not_after": None, "expired": False}
REJECTED: dict[str, Any] = {
    "id": "dlv_019ab2c3d4e5f60718293a4b5c6d7e81",
    "received_at": "2026-11-23T09:00:00Z",
    "status": 401,
    "reason": "signature_mismatch",
    "method": "POST",
    "bytes": 1228,
}
CHECK: dict[str, Any] = {"check": "secret 1", "passed": True, "detail": "it fits"}
CHECKED: dict[str, Any] = {
    "id": REJECTED["id"],
    "status": 401,
    "reason": "signature_mismatch",
    "accepted_now": True,
    "checks": [CHECK],
}
SENT: dict[str, Any] = {
    "sample": "meeting.registration_created",
    "foreseen": ["the rules say of ada@corp.example: enroll 310003 by rule webinar-follow-up"],
    "delivery_id": "dlv_019ab2c3d4e5f60718293a4b5c6d7e81",
    "status": 200,
    "reason": None,
    "answer": '{"received":true}',
}


class SourceRow(BaseModel):
    """One source of the rules in force.

    `url` is what its sender posts to, null where SEGUE_PUBLIC_URL is not set; a secret that ends the path is shown as
    `SECRET`. `rules` listen to it. `received_at` is when the last event came that is stored: events that no rule
    listens to are not. `rejected` deliveries are kept, and the `rejected_` fields describe the last of them.
    """

    model_config = ConfigDict(from_attributes=True, json_schema_extra={"example": SOURCE})

    name: str
    provider: str
    account: str | None
    path: str
    url: str | None
    proof: str
    covers: str
    rules: list[str]
    received_at: datetime | None
    rejected_at: datetime | None
    rejected_status: int | None
    rejected_reason: str | None
    rejected: int


class SourceList(BaseModel, json_schema_extra={"example": {"items": [SOURCE]}}):
    """All sources of the rules in force, in their order."""

    items: list[SourceRow]


class SecretRow(BaseModel):
    """One accepted secret, by its place in the file. After `not_after` it is not accepted any more."""

    model_config = ConfigDict(from_attributes=True, json_schema_extra={"example": KEPT_SECRET})

    number: int
    not_after: datetime | None
    expired: bool


class SourceDetail(
    SourceRow,
    json_schema_extra={"example": SOURCE | {"secrets": [KEPT_SECRET], "samples": ["meeting.registration_created"]}},
):
    """One source, with the number of its secrets and the names of the samples that can be sent."""

    secrets: list[SecretRow]
    samples: list[str]


class RejectedRow(BaseModel, json_schema_extra={"example": REJECTED}):
    """One rejected delivery that is kept. `bytes` is the size of what is kept of its body."""

    id: str
    received_at: datetime
    status: int
    reason: str
    method: str
    bytes: int


class RejectedList(BaseModel, json_schema_extra={"example": {"items": [REJECTED]}}):
    """The last 20 rejected deliveries of a source, newest first, each for a day."""

    items: list[RejectedRow]


class CheckRow(BaseModel, json_schema_extra={"example": CHECK}):
    """One check. `passed` is null for a remark, which is neither good nor bad. It holds no secret."""

    check: str
    passed: bool | None
    detail: str


class CheckedDelivery(BaseModel, json_schema_extra={"example": CHECKED}):
    """A rejected delivery by the secrets of today: `status` and `reason` are those of then. It stays rejected."""

    id: str
    status: int
    reason: str
    accepted_now: bool
    checks: list[CheckRow]


class SendSample(
    BaseModel,
    extra="forbid",
    json_schema_extra={"example": {"sample": "meeting", "email": "you@acme.example", "dry_run": False}},
):
    """Which sample is sent: the first whose name begins so; about `email` in place of everyone whom it names."""

    sample: str = Field("", max_length=200, description="How the sample's name begins; the first one by default")
    email: Storable | None = Field(None, max_length=320)
    dry_run: bool = Field(default=False, description="Send nothing, and say what would follow")


class SampleSent(BaseModel):
    """What became of a sample. `foreseen` is what the rules in force say of each of its events.

    `status` is what its sender would have been answered, null where nothing was sent; `reason` is why it was rejected.
    """

    model_config = ConfigDict(from_attributes=True, json_schema_extra={"example": SENT})

    sample: str
    foreseen: list[str]
    delivery_id: str | None
    status: int | None
    reason: str | None
    answer: str | None
