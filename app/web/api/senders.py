"""`/api/v1/senders`: what each sender has left of its 24 hours; an operator pauses and resumes a sender."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any

import structlog
from fastapi import APIRouter
from pydantic import BaseModel

from app.senders.ledger_store import LedgerStore
from app.senders.status import SenderStatus
from app.senders.wiring import sender_status
from app.web.api.common import Account, Identity, resource
from app.web.problems import Problem

if TYPE_CHECKING:
    from app.model import Sender
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
    "paused_by": "olga",
    "reason": "by an operator",
    "full_until": None,
}

WAITS: dict[str, Any] = {"state": "held", "reason": "quota", "count": 9, "first_due_at": "2026-11-23T16:05:00Z"}
WAITING: dict[str, Any] = {
    "id": "enr_019ab2c3d4e5f60718293a4b5c6d7e84",
    "email": "ada@corp.example",
    "rule": "demo-request",
    "sequence": "310001",
    "state": "held",
    "reason": "quota",
    "due_at": "2026-11-23T16:05:00Z",
}
HOUR: dict[str, Any] = {"hour": "2026-11-22T16:00:00Z", "sent": 31}
DETAIL: dict[str, Any] = SENDER | {
    "pools": ["emea"],
    "next_place_at": "2026-11-23T16:05:00Z",
    "hours": [HOUR],
    "waits": [WAITS],
    "first_waiting": [WAITING],
}

log = structlog.get_logger(__name__)


class SenderRow(SenderStatus, json_schema_extra={"example": SENDER}):
    """One sender in one account: `left` of `limit` enrollments may be sent in the running 24 hours.

    `paused_by` is who paused it (null where Segue did, after refusals) and `reason` why.
    `waiting` are assigned to it and not sent yet. `full_until` is until when none is taken because HubSpot says that it
    is full. `alias` is the address of the inbox from which e-mail goes out, where the rules name one. An owner of
    contacts that no rule names is called `owner` and its owner id.
    """


class SenderList(BaseModel, json_schema_extra={"example": {"items": [SENDER]}}):
    """All senders."""

    items: list[SenderRow]


class HourRow(BaseModel, json_schema_extra={"example": HOUR}):
    """How many were sent in the hour that begins then."""

    hour: datetime
    sent: int


class WaitsRow(BaseModel, json_schema_extra={"example": WAITS}):
    """How many wait in this state and for this reason, and when the first of them is due."""

    state: str
    reason: str | None
    count: int
    first_due_at: datetime


class WaitingRow(BaseModel, json_schema_extra={"example": WAITING}):
    """One enrollment that waits for the sender."""

    id: str
    email: str
    rule: str
    sequence: str
    state: str
    reason: str | None
    due_at: datetime


class SenderDetail(SenderStatus, json_schema_extra={"example": DETAIL}):
    """One sender in one account.

    `next_place_at` is when its next place becomes free, null where it has one now. `hours` (of UTC) are those of the
    running 24 in which it has sent. `waits` counts 10,000 at most; `first_waiting` are 50 at most, the first due first.
    """

    pools: list[str]
    next_place_at: datetime | None
    hours: list[HourRow]
    waits: list[WaitsRow]
    first_waiting: list[WaitingRow]


def routes(process: Process) -> APIRouter:
    """Return the routes."""
    router, statuses, ledger = resource(), sender_status(process), LedgerStore(process.engine)

    @router.get("/senders", response_model=SenderList)
    async def senders() -> dict[str, Any]:
        """List the senders of the rules in force, and contacts' owners that have sent, in each account."""
        return {"items": await statuses.all()}

    @router.get("/senders/{sender_id}", response_model=SenderDetail)
    async def one(sender_id: Identity, account: Account = None) -> dict[str, Any]:
        """Show one sender: what it sent in the running 24 hours, when its next place becomes free, and who waits."""
        found = await statuses.one(account, sender_id)
        if found is None:
            raise _unknown()
        of, sender, status = found
        pools = process.current_rulebook().pools.items()
        pools_of = [name for name, pool in pools if sender.name in dict(pool.members)]
        return {**status.model_dump(), "pools": pools_of, **await _sent_and_waiting(ledger, of.name, sender, status)}

    @router.post("/senders/{sender_id}/pause", response_model=SenderList)
    async def pause(sender_id: Identity, account: Account = None) -> dict[str, Any]:
        """Send nothing by this sender until it is resumed; until then pools choose other senders."""
        return await change("paused", statuses.pause, account, sender_id)

    @router.post("/senders/{sender_id}/resume", response_model=SenderList)
    async def resume(sender_id: Identity, account: Account = None) -> dict[str, Any]:
        """Send by this sender again. Enrollments that waited for it are tried again, ten a second."""
        return await change("resumed", statuses.resume, account, sender_id)

    async def change(
        outcome: str, act: Callable[[str | None, str], Awaitable[bool | None]], account: str | None, name: str
    ) -> dict[str, Any]:
        if await act(account, name) is None:
            raise _unknown()
        log.info("sender.intervened", sender=name, account=account, told=outcome)
        return {"items": [one for one in await statuses.all() if one.name == name]}

    return router


async def _sent_and_waiting(ledger: LedgerStore, account: str, sender: Sender, status: SenderStatus) -> dict[str, Any]:
    hours = (await ledger.sent_by_hour(account, [sender.email]))[sender.email]
    return {
        "next_place_at": (await ledger.next_places([status]))[status.account, status.inbox],
        "hours": [{"hour": hour, "sent": sent} for hour, sent in hours],
        "waits": await ledger.waiting_by_reason(account, sender.email),
        "first_waiting": await ledger.first_waiting(account, sender.email),
    }


def _unknown() -> Problem:
    return Problem(404, "not-found", "No sender is called so; name the account, too.")
