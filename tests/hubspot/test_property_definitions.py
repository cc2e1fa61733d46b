"""Definitions of contact properties: read once for all callers, kept for minutes, kept on while HubSpot is away."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import httpx
import pytest

from app.errors import OutcomeUnknown, Refusal
from app.hubspot.properties import AGAIN_SECONDS, FRESH_SECONDS, PropertyDefinitions

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import aclosing

    from app.hubspot.client import CallRecord, HubSpotClient

    NewClient = Callable[..., aclosing[HubSpotClient]]


@dataclass
class Far:
    """Lists one property, named for the number of the call; or answers `status`."""

    status: int = 200
    now: float = 1000.0
    calls: list[str] = field(default_factory=list)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.calls.append(request.url.path)
        if self.status != 200:
            return httpx.Response(self.status, json={"category": "MISSING_SCOPES"})
        return httpx.Response(200, json={"results": [{"name": f"p{len(self.calls)}", "type": "string"}]})

    def definitions(self, client: HubSpotClient) -> PropertyDefinitions:
        return PropertyDefinitions(client, now=lambda: self.now)


async def test_many_callers_share_one_read_which_takes_a_permit(
    new_client: NewClient, records: list[CallRecord]
) -> None:
    far = Far()
    async with new_client(httpx.MockTransport(far)) as client:
        known = far.definitions(client)
        found = await asyncio.gather(*(known.current() for _ in range(50)))
    assert {tuple(one) for one in found} == {("p1",)}
    assert far.calls == ["/crm/properties/2026-03/contacts"]
    assert [record.route for record in records] == ["/crm/properties/{version}/contacts"]


async def test_they_are_read_again_after_minutes_or_sooner_on_request(new_client: NewClient) -> None:
    far = Far()
    async with new_client(httpx.MockTransport(far)) as client:
        known = far.definitions(client)
        assert list(await known.current()) == ["p1"]
        far.now += AGAIN_SECONDS - 1
        assert list(await known.current(oldest=0)) == ["p1"]
        far.now += 1
        assert list(await known.current()) == ["p1"]
        assert list(await known.current(oldest=0)) == ["p2"]
        far.now += FRESH_SECONDS
        assert list(await known.current()) == ["p3"]


async def test_old_ones_serve_while_hubspot_is_away(new_client: NewClient) -> None:
    far = Far()
    async with new_client(httpx.MockTransport(far)) as client:
        known = far.definitions(client)
        await known.current()
        far.now, far.status = far.now + FRESH_SECONDS, 503
        assert [list(await known.current()) for _ in range(3)] == [["p1"]] * 3
        assert len(far.calls) == 2
        far.now, far.status = far.now + AGAIN_SECONDS, 200
        assert list(await known.current()) == ["p3"]


@pytest.mark.parametrize(("status", "error"), [(503, OutcomeUnknown), (401, Refusal)])
async def test_without_any_the_error_is_raised_and_hubspot_is_not_pressed(
    new_client: NewClient, status: int, error: type[Exception]
) -> None:
    far = Far(status)
    async with new_client(httpx.MockTransport(far)) as client:
        known = far.definitions(client)
        results = await asyncio.gather(*(known.current() for _ in range(5)), return_exceptions=True)
        assert {type(one) for one in results} == {error}
        assert len(far.calls) == 1
        far.now, far.status = far.now + AGAIN_SECONDS, 200
        assert list(await known.current()) == ["p2"]


async def test_a_token_that_may_not_see_them_has_none_and_enrolls_all_the_same(new_client: NewClient) -> None:
    far = Far(403)
    async with new_client(httpx.MockTransport(far)) as client:
        known = far.definitions(client)
        assert [dict(await known.current()) for _ in range(2)] == [{}, {}]
    assert len(far.calls) == 1
