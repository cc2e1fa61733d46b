"""A worker keeps the names of sequences and owners, so that sentences use them: against the sandbox."""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import text

from app.catalogue.listing_store import names_listed
from app.catalogue.names import EVERY_SECONDS, FIRST_SECONDS, NamesKeeper
from app.database.engine import open_engine
from app.errors import Refusal
from app.hubspot.client import HubSpotClient
from app.hubspot.local_rate_limit import LocalRateLimit
from tests.doctor.conftest import Practice, practice

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sqlalchemy.ext.asyncio import AsyncEngine

__all__ = ["practice"]


@pytest.fixture
async def engine(database_url: str) -> AsyncIterator[AsyncEngine]:
    opened = open_engine(database_url, pool_size=2)
    yield opened
    await opened.dispose()


@pytest.fixture
async def keeper(engine: AsyncEngine, practice: Practice) -> AsyncIterator[NamesKeeper]:
    token = practice.environment["SEGUE_HUBSPOT_TOKEN"]
    client = HubSpotClient("main", token, rate_limit=LocalRateLimit(), observe=lambda _: None, base_url=practice.url)
    async with aclosing(client):
        yield NamesKeeper("main", client, engine, lambda: {"7001": "anna", "7099": "gone"})


def asked(practice: Practice) -> int:
    total: int = practice.calls()["total"]
    return total


async def names_of(engine: AsyncEngine) -> Any:
    names = await names_listed(engine, sequences=["310002"], users=["7002"])
    return names.sequence("main", "310002"), names.sender("main", "7002")


async def test_names_are_read_once_in_six_hours_by_one_of_all_workers(
    keeper: NamesKeeper, engine: AsyncEngine, practice: Practice
) -> None:
    assert await keeper.keep() is None
    assert await names_of(engine) == ("Webinar follow-up", "Ben Acme")
    spent = asked(practice)
    left = await keeper.keep()
    assert left is not None
    assert 0 < left <= EVERY_SECONDS
    assert asked(practice) == spent
    async with engine.begin() as connection:
        await connection.execute(text("UPDATE catalogue_listings SET read_at = read_at - interval '7 hours'"))
    assert await keeper.keep() is None
    assert asked(practice) > spent


async def test_a_start_asks_for_nothing_at_once(keeper: NamesKeeper, practice: Practice) -> None:
    spent = asked(practice)
    assert await keeper._once() == FIRST_SECONDS
    assert asked(practice) == spent


async def test_what_hubspot_refuses_leaves_the_names_of_before(
    keeper: NamesKeeper, engine: AsyncEngine, practice: Practice
) -> None:
    await keeper.keep()
    async with engine.begin() as connection:
        await connection.execute(text("UPDATE catalogue_listings SET read_at = read_at - interval '7 hours'"))
    practice.refuse("owners", 403, "MISSING_SCOPES")
    with pytest.raises(Refusal):
        await keeper.keep()
    assert await names_of(engine) == ("Webinar follow-up", "Ben Acme")
