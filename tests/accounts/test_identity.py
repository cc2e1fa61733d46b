"""Which HubSpot account each of ours is, and when its day ends: asked of HubSpot, and kept."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from sqlalchemy.exc import OperationalError

from app.accounts.identity import IdentityLearner
from app.accounts.identity_store import IdentityStore
from app.hubspot.api.account import AccountDetails, account_details
from app.hubspot.rate_limit_store import StoredRateLimit
from app.model import Account
from tests.support.direct import direct

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import aclosing

    from sqlalchemy.ext.asyncio import AsyncEngine

    from app.hubspot.client import HubSpotClient

MAIN = Account("main", "x")


def details(portal_id: str = "48", timezone: str | None = "Asia/Tokyo") -> AccountDetails:
    return AccountDetails(portal_id, timezone, None, None)


class FarEnd:
    """Gives one answer after the other, and says when it is asked."""

    def __init__(self, *answers: AccountDetails | Exception) -> None:
        self.answers = list(answers)
        self.asked = asyncio.Semaphore(0)

    async def __call__(self) -> AccountDetails:
        self.asked.release()
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.mark.parametrize(
    ("status", "timezone", "learnt"),
    [(200, "Asia/Tokyo", "Asia/Tokyo"), (200, "Nowhere/At_all", None), (200, None, None), (403, None, None)],
)
async def test_hubspots_word_is_taken_where_the_rules_have_none(
    new_client: Callable[..., aclosing[HubSpotClient]],
    engine: AsyncEngine,
    status: int,
    timezone: str | None,
    learnt: str | None,
) -> None:
    body: dict[str, Any] = {"portalId": 48, "timeZone": timezone}
    rate_limit, record = StoredRateLimit(direct(engine), account="main"), IdentityStore(engine)
    async with new_client(httpx.MockTransport(lambda _: httpx.Response(status, json=body))) as client:
        assert await IdentityLearner(MAIN, partial(client.send, account_details()), record, rate_limit).learn() is (
            learnt is not None
        )
    assert rate_limit.timezone == learnt
    assert await record.portals() == ({"main": "48"} if status == 200 else {})
    # What the operator writes goes before what HubSpot says, and a reload that drops it does not forget the latter.
    rate_limit.configure(Account("main", "x", timezone="Europe/Berlin"))
    assert rate_limit.timezone == "Europe/Berlin"
    rate_limit.configure(MAIN)
    assert rate_limit.timezone == learnt
    await rate_limit.close()


async def test_what_was_learnt_before_holds_while_hubspot_does_not_answer(engine: AsyncEngine) -> None:
    record = IdentityStore(engine)
    await record.learn("main", "48", "Asia/Tokyo")
    rate_limit, silent = (
        StoredRateLimit(direct(engine), account="main"),
        FarEnd(OperationalError("SELECT", {}, OSError("starting up"))),
    )
    learning = IdentityLearner(MAIN, silent, record, rate_limit)
    learning.loop.start()
    await silent.asked.acquire()
    await learning.loop.stop()
    assert rate_limit.timezone == "Asia/Tokyo"
    assert await record.portals() == {"main": "48"}
    await rate_limit.close()


async def test_another_token_may_be_another_accounts(engine: AsyncEngine) -> None:
    rate_limit, record = StoredRateLimit(direct(engine), account="main"), IdentityStore(engine)
    far = FarEnd(details("48"), details("49", None))
    learning = IdentityLearner(MAIN, far, record, rate_limit)
    learning.loop.start()
    await far.asked.acquire()
    learning.configure(Account("main", "x", per_10s=50))  # the same token: HubSpot is not asked
    learning.configure(Account("main", "y"))
    await far.asked.acquire()
    async with asyncio.timeout(300):
        while await record.portals() != {"main": "49"}:
            pass
    await learning.loop.stop()
    assert await record.timezone("main") is None
    await rate_limit.close()


async def test_a_time_zone_that_hubspot_leaves_out_is_not_forgotten(engine: AsyncEngine) -> None:
    record = IdentityStore(engine)
    for timezone in ("Asia/Tokyo", None):
        await record.learn("main", "48", timezone)
    assert await record.timezone("main") == "Asia/Tokyo"


async def test_an_answer_is_no_answer_where_it_cannot_be_kept(engine: AsyncEngine) -> None:
    rate_limit, record = StoredRateLimit(direct(engine), account="main"), IdentityStore(engine)
    far = FarEnd(OperationalError("SELECT", {}, OSError("it is starting up")), details())
    learning = IdentityLearner(MAIN, far, record, rate_limit)
    assert [await learning.learn(), await learning.learn()] == [False, True]
    assert rate_limit.timezone == "Asia/Tokyo"
    await rate_limit.close()
