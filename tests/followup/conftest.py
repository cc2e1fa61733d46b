"""Following, one turn at a time, against the sandbox behind a real socket; the road before it is enrolling's."""

from __future__ import annotations

import json
from collections import Counter
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from sqlalchemy import Interval, bindparam, text

from app.clock import utc_now
from app.followup.contacts import HubSpotEnds
from app.followup.follow import Follower
from app.followup.store import FollowupStore
from app.hubspot.client import HubSpotClient
from app.hubspot.rate_limit_store import StoredRateLimit
from app.observability.metrics import Metrics
from app.tls import tls_context
from tests.hubspot.conftest import new_client, rate_limit, records
from tests.support.direct import direct
from tests.support.road import Road, road

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from app.hubspot.client import CallRecord

__all__ = ["new_client", "rate_limit", "records", "road"]

ADA = "ada@corp.example"
LONG, OTHER = "310001", "310002"
AGE_ENROLLMENTS = text("""
    UPDATE enrollments SET follow_at = follow_at - :wait, hinted_at = hinted_at - :wait,
           unclear_since = unclear_since - :wait, ended_seen_at = ended_seen_at - :wait
""").bindparams(bindparam("wait", type_=Interval))
AGE_TURNS = text("""
    UPDATE follow_turns SET search_at = search_at - :wait,
           calls = ARRAY(SELECT made - :wait FROM unnest(calls) AS made)
""").bindparams(bindparam("wait", type_=Interval))


class Counted(Metrics):
    """The metrics of following, as lists."""

    def __init__(self) -> None:
        super().__init__()
        self.ends: list[tuple[str, str, bool]] = []
        self.replies: list[str] = []
        self.looks: Counter[str] = Counter()
        self.calls: list[str] = []

    def ended(self, account: str, sequence: str, how: str, known: bool) -> None:  # noqa: FBT001  # as in the service
        assert account == "main"
        self.ends.append((sequence, how, known))

    def replied(self, account: str, sequence: str) -> None:
        assert account == "main"
        self.replies.append(sequence)

    def looked(self, account: str, result: str, count: int) -> None:
        assert account == "main"
        self.looks += Counter({result: count})

    def follow_call(self, account: str, kind: str) -> None:
        assert account == "main"
        self.calls.append(kind)


@dataclass
class Follow:
    """The road, and followers of what was enrolled on it."""

    road: Road
    ends: HubSpotEnds
    calls: list[CallRecord]
    counted: Counted = field(default_factory=Counted)
    ahead: timedelta = timedelta(0)

    def follower(
        self, worker: str = "w1", *, calls_per_hour: int = 120, days: float = 180, seconds: float = 300.0
    ) -> Follower:
        return Follower(
            "main",
            self.record(worker, calls_per_hour=calls_per_hour),
            self.ends,
            seconds=seconds,
            span=timedelta(days=days),
            now=lambda: utc_now() + self.ahead,
            metrics=self.counted,
        )

    def record(self, worker: str = "w1", *, calls_per_hour: int = 120) -> FollowupStore:
        return FollowupStore(
            self.road.engine,
            account="main",
            worker=worker,
            calls_per_hour=calls_per_hour,
            endpoints=lambda kind, account: (f"{account} {kind}",),
        )

    async def turn(self, **settings: Any) -> None:
        """Follow once."""
        await self.follower(**settings).follow()

    async def enrolled(self, make_entry: Callable[..., Any], email: str = ADA, sequence: str = LONG) -> None:
        """Enroll a person, by the steps of the service."""
        await self.road.accept(make_entry(f"{email} {sequence}", email, sequence=sequence, intent=sequence))
        (claimed,) = await self.road.enrollments.claim_ready(10)
        await self.road.enroller.enroll(claimed)

    async def happen(self, what: str, email: str = ADA) -> None:
        await self.road.control("happen", {"email": email, "what": what})

    async def later(self, wait: timedelta) -> None:
        """Let time pass for what is followed: every instant that the record holds lies so much further back."""
        async with self.road.engine.begin() as connection:
            for statement in (AGE_ENROLLMENTS, AGE_TURNS):
                await connection.execute(statement, {"wait": wait})

    async def ended(self) -> list[tuple[Any, ...]]:
        """Return how each enrollment ended, whether that is known, and whether the contact replied."""
        return await self.road.run("SELECT ended, ended_known, replied_at IS NOT NULL FROM enrollments ORDER BY id")

    async def journal(self) -> list[tuple[str, str, str, str]]:
        """Return what following has written into the journal."""
        return await self.road.run(
            "SELECT before, after, cause, detail FROM journal"
            " WHERE cause IN ('ended', 'replied', 'follow_given_up') ORDER BY id"
        )

    async def outbound(self) -> list[dict[str, Any]]:
        """Return the messages to the operator's own systems, each with its endpoint."""
        rows = await self.road.run("SELECT endpoint, body FROM outbound ORDER BY created_at, id")
        return [json.loads(body) | {"endpoint": endpoint} for endpoint, body in rows]

    def asked(self) -> list[str]:
        """Return what following has asked HubSpot for."""
        return [call.route.rpartition("/")[2] for call in self.calls]


class Merged(httpx.AsyncHTTPTransport):
    """The sandbox, except that it answers for a contact in `into` under the id of the one it was merged into."""

    def __init__(self) -> None:
        super().__init__(verify=tls_context())
        self.into: dict[str, str] = {}

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        response = await super().handle_async_request(request)
        if not request.url.path.endswith("/batch/read"):
            return response
        body = json.loads(await response.aread())
        for result in body.get("results", []):
            result["id"] = self.into.get(result["id"], result["id"])
        return httpx.Response(response.status_code, json=body)


@pytest.fixture
def merged() -> Merged:
    return Merged()


@pytest.fixture
async def follow(road: Road, merged: Merged) -> AsyncIterator[Follow]:
    pace = StoredRateLimit(direct(road.engine), account="main", headroom=0.05)
    calls: list[CallRecord] = []
    client = HubSpotClient(
        "main", "pat-sandbox", rate_limit=pace, observe=calls.append, base_url=road.url, transport=merged
    )
    async with aclosing(client):
        yield Follow(road, HubSpotEnds(client), calls)
    await pace.close()
