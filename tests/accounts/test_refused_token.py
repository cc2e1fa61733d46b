"""A token that HubSpot refuses before its time: renewed once, by one replica, and the request goes on."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from sqlalchemy import text

from app.accounts.tokens import AccountTokens
from app.errors import GrantRevoked, NotConnected, Refusal
from app.hubspot.api.sequences import list_owners
from app.hubspot.batched import BatchedHubSpot
from app.model import Sender
from tests.support.far_hubspot_oauth import DEAD

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from contextlib import aclosing

    from sqlalchemy.ext.asyncio import AsyncEngine

    from app.accounts.grant_store import GrantStore
    from app.hubspot.client import HubSpotClient
    from app.hubspot.oauth_client import OAuthClient
    from tests.support.far_hubspot_oauth import FarEnd

    Connected = Callable[..., Awaitable[None]]
    NewClient = Callable[..., aclosing[HubSpotClient]]

ANNA = Sender("anna", "7001", "anna@acme.example")
EXPIRED = {"status": "error", "message": "The OAuth token has expired", "category": "EXPIRED_AUTHENTICATION"}


class HubSpot:
    """HubSpot's API, which refuses the tokens in `refused`, or every token; it keeps the bearers."""

    def __init__(self, *refused: str, every: bool = False) -> None:
        self.bearers: list[str] = []
        self._refused = refused
        self._every = every

    def __call__(self, request: httpx.Request) -> httpx.Response:
        token = request.headers["authorization"].removeprefix("Bearer ")
        self.bearers.append(token)
        if self._every or token in self._refused:
            return httpx.Response(401, json=EXPIRED)
        return httpx.Response(200, json={"results": [], "id": "9", "enrolledAt": "2026-11-23T09:00:00.000Z"})


@pytest.fixture
def tokens(grants: GrantStore, client: OAuthClient) -> Callable[..., AccountTokens]:
    def build(name: str = "a") -> AccountTokens:
        async def wait(_: float) -> None:
            await asyncio.sleep(0)

        return AccountTokens("emea", grants, client, name=name, random=lambda: 0.0, wait=wait)

    return build


def of_oauth(new_client: NewClient, hubspot: HubSpot, tokens: AccountTokens) -> aclosing[HubSpotClient]:
    def renew(refused: str) -> bool:
        tokens.refused(refused)
        return True

    return new_client(httpx.MockTransport(hubspot), token=tokens.token, renew=renew)


async def test_a_refused_token_is_renewed_and_the_enrollment_goes_on(
    connected: Connected, tokens: Callable[..., AccountTokens], far: FarEnd, new_client: NewClient, rate_limit: Any
) -> None:
    await connected(1000)
    hubspot = HubSpot("access-0")
    committed: list[int] = []

    async def commit() -> None:
        committed.append(len(hubspot.bearers))

    async with of_oauth(new_client, hubspot, tokens()) as client:
        enrolled = await BatchedHubSpot(client).enroll("501", "310001", ANNA, before_send=commit)
    assert enrolled.id == "9"
    assert hubspot.bearers == ["access-0", "access-1"]
    assert far.refreshed() == 1
    # The second request has a permit and a fresh checkpoint of its own.
    assert [permit.used for permit in rate_limit.permits] == [1, 1]
    assert set(committed) == {0, 1}


async def test_many_requests_and_replicas_that_are_refused_at_once_renew_once(
    connected: Connected, tokens: Callable[..., AccountTokens], far: FarEnd, new_client: NewClient
) -> None:
    await connected(1000)
    hubspot = HubSpot("access-0")
    replicas = [tokens(name) for name in ("a", "b", "c")]
    async with (
        of_oauth(new_client, hubspot, replicas[0]) as first,
        of_oauth(new_client, hubspot, replicas[1]) as second,
        of_oauth(new_client, hubspot, replicas[2]) as third,
    ):
        calls = [each.send(list_owners()) for each in (first, second, third) for _ in range(5)]
        await asyncio.gather(*calls)
    assert far.refreshed() == 1
    assert set(hubspot.bearers) == {"access-0", "access-1"}


async def test_a_token_that_another_replica_has_renewed_already_is_taken_from_the_store(
    connected: Connected, tokens: Callable[..., AccountTokens], far: FarEnd, new_client: NewClient
) -> None:
    await connected(1000)
    hubspot, late = HubSpot("access-0"), tokens("late")
    assert await late.token() == "access-0"
    async with of_oauth(new_client, hubspot, tokens("early")) as client:
        await client.send(list_owners())
    async with of_oauth(new_client, hubspot, late) as client:
        await client.send(list_owners())
    assert far.refreshed() == 1


async def test_a_second_refusal_counts_as_not_connected_and_asks_for_no_third_token(
    connected: Connected, tokens: Callable[..., AccountTokens], far: FarEnd, new_client: NewClient, engine: AsyncEngine
) -> None:
    await connected(1000)
    hubspot = HubSpot(every=True)
    async with of_oauth(new_client, hubspot, tokens()) as client:
        with pytest.raises(NotConnected, match="EXPIRED_AUTHENTICATION"):
            await client.send(list_owners())
        for _ in range(3):
            with pytest.raises(NotConnected, match=r"issued \d+ s ago.*segue hubspot install emea"):
                await client.send(list_owners())
        assert (far.refreshed(), hubspot.bearers) == (1, ["access-0", "access-1"])
        # A minute later one more token is asked for.
        async with engine.begin() as connection:
            aged = "UPDATE oauth_grants SET expires_at = expires_at - interval '61 seconds'"
            await connection.execute(text(aged))
        with pytest.raises(NotConnected):
            await client.send(list_owners())
    assert (far.refreshed(), hubspot.bearers[2:]) == (2, ["access-2"])


async def test_a_refusal_of_a_dead_grant_says_at_once_that_it_is_dead(
    connected: Connected, tokens: Callable[..., AccountTokens], far: FarEnd, new_client: NewClient
) -> None:
    await connected(1000)
    far.answer_with = (400, DEAD)
    async with of_oauth(new_client, HubSpot(every=True), tokens()) as client:
        with pytest.raises(GrantRevoked, match="'emea' is disconnected"):
            await client.send(list_owners())


async def test_a_token_that_cannot_be_renewed_is_sent_once(new_client: NewClient) -> None:
    hubspot = HubSpot(every=True)
    async with new_client(httpx.MockTransport(hubspot)) as client:
        with pytest.raises(Refusal, match="EXPIRED_AUTHENTICATION"):
            await client.send(list_owners())
    assert hubspot.bearers == ["pat-secret"]
