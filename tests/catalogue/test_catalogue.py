"""What HubSpot lists for operators, and its age: against the sandbox in a process of its own."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

import pytest

from app.catalogue.cache import AGAIN_SECONDS, FRESH_SECONDS, Catalogue
from app.catalogue.listing_store import read_names
from app.errors import Busy
from app.hubspot.client import HubSpotClient
from app.hubspot.local_rate_limit import LocalRateLimit
from app.model import Account
from app.rules.rulebook import Rulebook
from tests.doctor.conftest import Practice, practice
from tests.support.service import RULES, running

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.support.service import Running

__all__ = ["practice"]


@pytest.fixture
async def served(database_url: str, tmp_path: Path, practice: Practice) -> AsyncIterator[Running]:
    rules = tmp_path / "served.yaml"
    rules.write_text(RULES)
    token = practice.environment["SEGUE_HUBSPOT_TOKEN"]
    async with running(database_url, rules, hubspot_base_url=practice.url, hubspot_token=token) as service:
        yield service


def asked(practice: Practice) -> int:
    """How many requests the sandbox has had for this account."""
    total: int = practice.calls()["total"]
    return total


async def test_sequences_and_owners_are_listed_with_their_age_and_read_once(
    served: Running, practice: Practice
) -> None:
    first = (await served.get("/api/v1/sequences")).json()
    rows = {row["id"]: row for row in first["items"]}
    assert rows["310002"]["name"] == "Webinar follow-up"
    assert rows["310002"]["seen_by"] == ["anna"]
    assert (first["account"], first["trouble"], first["unlisted"]) == ("main", None, {})
    assert 0 <= first["age_seconds"] < FRESH_SECONDS

    spent = asked(practice)
    again = (await served.get("/api/v1/sequences")).json()
    assert asked(practice) == spent
    assert again["read_at"] == first["read_at"]
    assert again["age_seconds"] > first["age_seconds"]

    owners = (await served.get("/api/v1/owners", account="main")).json()["items"]
    assert {"name": "Ben Acme", "email": "ben@acme.example", "user_id": "7002", "owner_id": "90212"} in owners


async def test_what_was_listed_is_kept_for_sentences(served: Running) -> None:
    await served.get("/api/v1/sequences")
    await served.get("/api/v1/owners")
    async with served.process.engine.connect() as connection:
        names = await read_names(connection, sequences=["310002"], users=["7002"])
    assert names.sequence("main", "310002") == "Webinar follow-up"
    assert names.sender("main", "7002") == "Ben Acme"


async def test_an_unknown_account_is_not_found(served: Running) -> None:
    answer = await served.get("/api/v1/sequences", account="emea")
    assert answer.status_code == 404
    assert "account" in answer.json()["detail"]
    assert (await served.get("/api/v1/owners", max_age=1)).status_code == 422


async def test_what_hubspot_refuses_is_shown_in_its_words(served: Running, practice: Practice) -> None:
    practice.refuse("owners", 403, "MISSING_SCOPES")
    answer = await served.get("/api/v1/owners")
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == str(AGAIN_SECONDS)
    assert "MISSING_SCOPES" in answer.json()["detail"]


class Held:
    """A catalogue of one account, whose clock a test sets."""

    def __init__(self, client: HubSpotClient) -> None:
        self.account = Account("main", "")
        self.now = 1000.0
        self.opened: list[Account] = []
        self.client = client
        self.catalogue = Catalogue(self.open, self.book, elapsed=lambda: self.now)

    async def open(self, account: Account) -> HubSpotClient:
        self.opened.append(account)
        return self.client

    def book(self) -> Rulebook:
        return Rulebook("r", (), {"main": self.account}, {}, {}, {}, ())

    async def owners(self, max_age: float = FRESH_SECONDS) -> Any:
        return await self.catalogue.owners(None, max_age=max_age)


@pytest.fixture
async def held(practice: Practice) -> AsyncIterator[Held]:
    token = practice.environment["SEGUE_HUBSPOT_TOKEN"]
    client = HubSpotClient("main", token, rate_limit=LocalRateLimit(), observe=lambda _: None, base_url=practice.url)
    async with aclosing(client):
        yield Held(client)


async def test_what_cannot_be_read_again_is_shown_with_its_age_and_why(held: Held, practice: Practice) -> None:
    before = await held.owners()
    held.now += FRESH_SECONDS + 1
    practice.refuse("owners", 403, "MISSING_SCOPES")
    stale = await held.owners()
    assert (stale.items, stale.read_at, stale.age_seconds) == (before.items, before.read_at, FRESH_SECONDS + 1)
    assert "MISSING_SCOPES" in stale.trouble

    practice.control("faults", [])
    held.now += AGAIN_SECONDS - 1
    assert "MISSING_SCOPES" in (await held.owners()).trouble
    held.now += 1
    fresh = await held.owners()
    assert (fresh.age_seconds, fresh.trouble) == (0.0, None)
    assert fresh.read_at > before.read_at


async def test_who_asks_for_something_newer_gets_it_but_not_sooner_than_every_half_minute(
    held: Held, practice: Practice
) -> None:
    await held.owners()
    spent = asked(practice)
    held.now += AGAIN_SECONDS - 1
    await held.owners(max_age=0)
    assert asked(practice) == spent
    held.now += 1
    await held.owners(max_age=AGAIN_SECONDS)
    assert asked(practice) == spent
    held.now += 1
    assert (await held.owners(max_age=AGAIN_SECONDS)).age_seconds == 0
    assert asked(practice) == spent + 1


async def test_many_who_ask_at_once_cost_one_reading(held: Held, practice: Practice) -> None:
    listings = await asyncio.gather(*(held.owners() for _ in range(20)))
    assert len({listing.read_at for listing in listings}) == 1
    assert asked(practice) == 1
    assert len(held.opened) == 1


async def test_where_nothing_was_ever_read_the_reason_is_shown(held: Held, practice: Practice) -> None:
    practice.refuse("owners", 403, "MISSING_SCOPES")
    for _ in range(2):
        with pytest.raises(Busy, match="MISSING_SCOPES"):
            await held.owners()
    assert asked(practice) == 1
