"""`/api/v1/senders`: who sends, what is left of their 24 hours, and the pauses that a person sets and ends."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Protocol

import structlog
from fastapi import APIRouter, Depends, Query

from app.web.api.events import PROBLEMS, STORABLE, Identity
from app.web.api.sender_shapes import SenderList
from app.web.auth import known_parameters
from app.web.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

log = structlog.get_logger(__name__)

Account = Annotated[
    str | None,
    Query(max_length=200, pattern=STORABLE, description="A name of `accounts`; needed where there are several"),
]


class Standings(Protocol):
    """How senders stand."""

    async def rows(self) -> Sequence[Mapping[str, Any]]:
        """Return every sender in every account."""

    async def pause(self, account: str | None, name: str) -> bool:
        """Send nothing by this sender until it is resumed; tell whether there is such a sender."""

    async def resume(self, account: str | None, name: str) -> bool:
        """Send by this sender again; tell whether there is such a sender."""


def router(standings: Standings, *, authorised: Callable[..., None]) -> APIRouter:
    """Return the routes; `authorised` is the dependency that lets an operator in."""
    routes = APIRouter(
        prefix="/api/v1",
        tags=["api"],
        dependencies=[Depends(authorised), Depends(known_parameters)],
        responses=PROBLEMS,
    )

    @routes.get("/senders", response_model=SenderList)
    async def senders() -> dict[str, Any]:
        """List the senders of the rules in force, and contacts' owners who have sent, in each account."""
        return {"items": await standings.rows()}

    @routes.post("/senders/{sender_id}/pause", response_model=SenderList)
    async def pause(sender_id: Identity, account: Account = None) -> dict[str, Any]:
        """Send nothing by this sender until it is resumed; pools take others meanwhile."""
        return await _done("paused", standings.pause, account, sender_id)

    @routes.post("/senders/{sender_id}/resume", response_model=SenderList)
    async def resume(sender_id: Identity, account: Account = None) -> dict[str, Any]:
        """Send by this sender again; who waited for it is looked at again, ten a second."""
        return await _done("resumed", standings.resume, account, sender_id)

    async def _done(
        told: str, act: Callable[[str | None, str], Awaitable[bool]], account: str | None, name: str
    ) -> dict[str, Any]:
        if not await act(account, name):
            raise Problem(404, "not-found", "No sender is called so; name the account, too.")
        log.info("sender.intervened", sender=name, account=account, told=told)
        return {"items": [row for row in await standings.rows() if row["name"] == name]}

    return routes
