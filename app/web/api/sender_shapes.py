"""The shapes of senders in `/api/v1`, with an example each for the OpenAPI document."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict

SENDER: dict[str, Any] = {
    "account": "main",
    "name": "anna",
    "user_id": "7001",
    "inbox": "anna@acme.example",
    "limit": 400,
    "left": 212,
    "waiting": 3,
    "paused_at": "2026-11-23T09:00:00.102000Z",
    "reason": "by an operator",
    "full_until": None,
}


class SenderRow(BaseModel):
    """One sender in one account: `left` of `limit` enrollments may be sent in the running 24 hours.

    `waiting` are assigned to it and not sent yet. `full_until` is until when none is taken because HubSpot says that it
    is full. Contacts' owners whom no rule names are called `owner` and their owner id.
    """

    model_config = ConfigDict(json_schema_extra={"example": SENDER})

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

    model_config = ConfigDict(json_schema_extra={"example": {"items": [SENDER]}})

    items: list[SenderRow]
