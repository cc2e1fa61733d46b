"""`/api/v1/outbound` and `/api/v1/endpoints`: what your own systems were told, and sending it again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import orjson
import structlog
from fastapi import APIRouter, Depends

from app.clock import utc_now
from app.web.api.events import LIMIT, PROBLEMS, UNREADABLE, Identity, Limit, Name, found
from app.web.api.outbound_shapes import (
    EndpointList,
    EndpointRow,
    Kind,
    OutboundDetail,
    OutboundPage,
    OutboundState,
    Replay,
    Replayed,
)
from app.web.auth import known_parameters
from app.web.pagination import OutboundCursor
from app.web.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

log = structlog.get_logger(__name__)

UNDER_WAY: dict[int | str, dict[str, Any]] = {409: {"description": "It is on its way right now"}}


class Books(Protocol):
    """The record of outbound events."""

    async def page(
        self, filters: Mapping[str, str | None], after: str | None, limit: int
    ) -> Sequence[Mapping[str, Any]]:
        """List events, newest first."""

    async def one(self, identity: str) -> Mapping[str, Any] | None:
        """Return one event with its body and attempts."""

    async def replay(self, identity: str) -> bool:
        """Send it again; tell whether its state allowed it."""

    async def replay_many(
        self, endpoint: str, *, since: datetime, until: datetime | None, states: Sequence[str]
    ) -> int:
        """Send many again; return how many."""

    async def knows(self, endpoint: str) -> bool:
        """Tell whether the record has anything for an endpoint of this name."""

    async def test(self, name: str, body: bytes) -> str:
        """Note a test event for one endpoint; return its id."""


class Standings(Protocol):
    """How endpoints stand."""

    async def rows(self) -> Sequence[Mapping[str, Any]]:
        """Return every endpoint."""

    async def enable(self, name: str) -> bool:
        """Send to it again; tell whether there is such an endpoint."""

    def known(self, name: str) -> bool:
        """Tell whether there is such an endpoint."""


def router(books: Books, standings: Standings, *, authorised: Callable[..., None]) -> APIRouter:
    """Return the routes; `authorised` is the dependency that lets an operator in."""
    routes = APIRouter(
        prefix="/api/v1",
        tags=["api"],
        dependencies=[Depends(authorised), Depends(known_parameters)],
        responses=PROBLEMS,
    )
    _add_events(routes, books)
    _add_replays(routes, books, standings)
    _add_endpoints(routes, books, standings)
    return routes


def _add_events(routes: APIRouter, books: Books) -> None:
    @routes.get("/outbound", response_model=OutboundPage)
    async def listed(
        endpoint: Name = None,
        kind: Kind | None = None,
        state: OutboundState | None = None,
        enrollment_id: Name = None,
        cursor: OutboundCursor = None,
        limit: Limit = LIMIT,
    ) -> dict[str, Any]:
        """List what your own systems were told, or are about to be, newest first."""
        filters = {"endpoint": endpoint, "kind": kind, "state": state, "enrollment_id": enrollment_id}
        rows = await books.page(filters, cursor, limit + 1)
        return {"items": rows[:limit], "next_cursor": rows[limit - 1]["id"] if len(rows) > limit else None}

    @routes.get("/outbound/{outbound_id}", response_model=OutboundDetail)
    async def one(outbound_id: Identity) -> Mapping[str, Any]:
        """Return one event with the body that is sent, and what came of each attempt."""
        return found(await books.one(outbound_id), outbound_id)


def _add_replays(routes: APIRouter, books: Books, standings: Standings) -> None:
    @routes.post("/outbound/replay", response_model=Replayed, responses=UNREADABLE)
    async def replay_many(asked: Replay) -> dict[str, int]:
        """Send an endpoint's events of a period again: those that failed, those it took, or all."""
        if not standings.known(asked.endpoint) and not await books.knows(asked.endpoint):
            raise Problem(
                404, "not-found", "No endpoint is called so: neither in the rules in force nor in the record."
            )
        states = ("failed", "delivered") if asked.state == "all" else (asked.state,)
        replayed = await books.replay_many(asked.endpoint, since=asked.since, until=asked.until, states=states)
        log.info("outbound.replayed", endpoint=asked.endpoint, state=asked.state, count=replayed)
        return {"replayed": replayed}

    @routes.post("/outbound/{outbound_id}/replay", response_model=OutboundDetail, responses=UNDER_WAY)
    async def replay(outbound_id: Identity) -> Mapping[str, Any]:
        """Send one event again: the same bytes under the same `webhook-id`, with all its tries.

        It is due at once. An open breaker, or an endpoint that is disabled, it waits for like all others.
        """
        allowed = await books.replay(outbound_id)
        row = found(await books.one(outbound_id), outbound_id)
        if not allowed:
            raise Problem(409, "wrong-state", "It is on its way right now: look again when it has been answered.")
        log.info("outbound.replayed", outbound_id=outbound_id, endpoint=row["endpoint"])
        return row


def _add_endpoints(routes: APIRouter, books: Books, standings: Standings) -> None:
    @routes.get("/endpoints", response_model=EndpointList)
    async def endpoints() -> dict[str, Any]:
        """List your endpoints: breaker, what waits, what failed, how they answered last."""
        return {"items": await standings.rows()}

    @routes.post("/endpoints/{name}/enable", response_model=EndpointRow)
    async def enable(name: Identity) -> Mapping[str, Any]:
        """Send to an endpoint again at once: one that answered 410, or one whose breaker is open."""
        if not await standings.enable(name):
            raise _unknown()
        log.info("endpoint.enabled", endpoint=name)
        row = next((row for row in await standings.rows() if row["name"] == name), None)
        if row is None:
            raise _unknown()  # it has left the rules this very moment, and nothing waits for it
        return row

    @routes.post("/endpoints/{name}/test", response_model=OutboundDetail, status_code=202)
    async def test(name: Identity) -> Mapping[str, Any]:
        """Send a `segue.test` event to an endpoint, as all others go; read it again to see what came of it."""
        if not standings.known(name):
            raise _unknown()
        told = {"type": "segue.test", "timestamp": utc_now().isoformat(), "data": {"endpoint": name}}
        identity = await books.test(name, orjson.dumps(told))
        log.info("endpoint.tested", endpoint=name, outbound_id=identity)
        return found(await books.one(identity), identity)


def _unknown() -> Problem:
    return Problem(404, "not-found", "No endpoint of the rules in force is called so.")
