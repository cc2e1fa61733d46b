"""When an account's day ends: asked of HubSpot, where the rules do not say."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from sqlalchemy.exc import OperationalError

from app.day_ends import DayEnds
from app.model import Account
from app.store.pace import StoredPace

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy.ext.asyncio import AsyncEngine

    from app.hubspot.client import HubSpotClient


@pytest.mark.parametrize(
    ("status", "told", "learnt"),
    [(200, "Asia/Tokyo", "Asia/Tokyo"), (200, "Nowhere/At_all", None), (200, None, None), (403, None, None)],
)
async def test_hubspots_word_is_taken_where_the_rules_have_none(
    new_client: Callable[..., HubSpotClient], engine: AsyncEngine, status: int, told: str | None, learnt: str | None
) -> None:
    body: dict[str, Any] = {"portalId": 48, "timeZone": told}
    pace = StoredPace(engine, account="main")
    async with new_client(httpx.MockTransport(lambda _: httpx.Response(status, json=body))) as client:

        async def ask() -> str | None:
            return (await client.account_details()).timezone

        assert await DayEnds("main", ask, pace).learn() is (learnt is not None)
    assert pace.timezone == learnt
    # What the operator writes goes before what HubSpot says, and a reload that drops it does not forget the latter.
    pace.heed(Account("main", "x", timezone="Europe/Berlin"))
    assert pace.timezone == "Europe/Berlin"
    pace.heed(Account("main", "x"))
    assert pace.timezone == learnt
    await pace.close()


async def test_nobody_is_asked_while_the_rules_say_it(engine: AsyncEngine) -> None:
    pace = StoredPace(engine, account="main")
    asked_while: list[str | None] = []

    async def ask() -> str | None:
        asked_while.append(pace.timezone)
        return "Asia/Tokyo"

    pace.heed(Account("main", "x", timezone="Europe/Berlin"))
    asking = asyncio.create_task(DayEnds("main", ask, pace, again_seconds=0.0).until_known())
    for _ in range(5):
        await asyncio.sleep(0)
    assert not asking.done()
    pace.heed(Account("main", "x"))
    await asking
    assert (asked_while, pace.timezone) == ([None], "Asia/Tokyo")
    await pace.close()


async def test_a_store_that_cannot_be_asked_does_not_end_the_asking(engine: AsyncEngine) -> None:
    pace = StoredPace(engine, account="main")
    answers: list[str | Exception] = [OperationalError("SELECT", {}, OSError("it is starting up")), "Asia/Tokyo"]

    async def ask() -> str | None:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    await DayEnds("main", ask, pace, again_seconds=0.0).until_known()
    assert pace.timezone == "Asia/Tokyo"
    await pace.close()
