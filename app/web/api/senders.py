"""`/api/v1/senders`: what each sender has left of its 24 hours; an operator pauses and resumes a sender."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import structlog
from fastapi import APIRouter
from pydantic import BaseModel

from app.senders.status import SenderStatus
from app.senders.wiring import sender_status
from app.web.api.common import Account, Identity, resource
from app.web.problems import Problem

if TYPE_CHECKING:
    from app.process import Process

SENDER: dict[str, Any] = {
    "account": "main",
    "name": "anna",
    "user_id": "7001",
    "inbox": "anna@acme.example",
    "alias": None,
    "limit": 400,
    "left": 212,
    "waiting": 3,
    "paused_at": "2026-11-23T09:00:00.102000Z",
    "reason": "by an operator",
    "full_until": None,
}

log = structlog.get_logger(__name__)


class SenderRow(SenderStatus, json_schema_extra={"example": SENDER}):
    """One sender in one account: `left` of `limit` enrollments may be sent in the running 24 hours.

    `waiting` are assigned to it and not sent yet. `full_until` is until when none is taken because HubSpot says that it
    is full. `alias` is the address of the inbox from which e-mail goes out, where the rules name one. An owner of
    contacts that no rule names is called `owner` and its owner id.
    """


class SenderList(BaseModel, json_schema_extra={"example": {"items": [SENDER]}}):
    """All senders."""

    items: list[SenderRow]


def routes(process: Process) -> APIRouter:
    """Return the routes."""
    router, statuses = resource(), sender_status(process)

    @router.get("/senders", response_model=SenderList)
    async def senders() -> dict[str, Any]:
        """List the senders of the rules in force, and contacts' owners that have sent, in each account."""
        return {"items": await statuses.all()}

    @router.post("/senders/{sender_id}/pause", response_model=SenderList)
    async def pause(sender_id: Identity, account: Account = None) -> dict[str, Any]:
        """Send nothing by this sender until it is resumed; until then pools choose other senders."""
        return await change("paused", statuses.pause, account, sender_id)

    @router.post("/senders/{sender_id}/resume", response_model=SenderList)
    async def resume(sender_id: Identity, account: Account = None) -> dict[str, Any]:
        """Send by this sender again. Enrollments that waited for it are tried again, ten a second."""
        return await change("resumed", statuses.resume, account, sender_id)

    async def change(
        outcome: str, act: Callable[[str | None, str], Awaitable[bool]], account: str | None, name: str
    ) -> dict[str, Any]:
        if not await act(account, name):
            raise Problem(404, "not-found", "No sender is called so; name the account, too.")
        log.info("sender.intervened", sender=name, account=account, told=outcome)
        return {"items": [one for one in await statuses.all() if one.name == name]}

    return router
