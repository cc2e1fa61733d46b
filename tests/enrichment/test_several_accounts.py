"""One app in two HubSpot accounts: its webhooks come to one source, and the same id is another person in each."""

from __future__ import annotations

from contextlib import AsyncExitStack, aclosing
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from app.accounts.identity import IdentityLearner
from app.accounts.identity_store import IdentityStore
from app.clock import utc_now
from app.enrichment.store import EnrichmentStore
from app.hubspot.api.account import account_details
from app.hubspot.batched import BatchedHubSpot
from app.hubspot.client import HubSpotClient
from app.hubspot.rate_limit_store import StoredRateLimit
from app.model import Account
from tests.enrichment.test_enrich import asking_of, enricher_of, no_provider
from tests.support.direct import direct
from tests.support.service import Running, running

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from sqlalchemy.ext.asyncio import AsyncEngine

    from app.enrichment.enrich import Enricher
    from app.hubspot.client import CallRecord

RULES = """\
version: 1
accounts: {emea: {token: pat-sandbox}, apac: {token: pat-sandbox-apac}}
sources:
  portal: {provider: hubspot, secrets: [portal-made-up]}
  emeas: {provider: hubspot, secrets: [portal-made-up], account: emea}
senders: {anna: {user_id: "7001", email: anna@acme.example}}
rules:
  - {id: made, source: portal, type: contact.creation, enroll: {sequence: "310001", sender: anna}, account: apac}
  - {id: made-emea, source: emeas, type: contact.creation, enroll: {sequence: "310001", sender: anna}, account: emea}
"""
EMEA, APAC, NOBODYS = 48_000_001, 48_000_002, 48_999_999
TOKENS = {"emea": "pat-sandbox", "apac": "pat-sandbox-apac"}


@dataclass
class Portals:
    """Two accounts of the sandbox, in each of which the first new contact has the same id."""

    web: Running
    enrichments: EnrichmentStore
    enricher: Enricher
    learnings: dict[str, IdentityLearner]
    contact: str
    calls: list[CallRecord]

    async def enrich(self, source: str, portal_id: int) -> tuple[dict[str, Any], dict[str, Any]]:
        """Have the event of a new contact looked up; return what became of that, and of the event."""
        ids = {"portalId": portal_id, "subscriptionId": 2, "eventId": 3, "occurredAt": 0}
        body = [{"subscriptionType": "contact.creation", "objectId": int(self.contact), **ids}]
        assert (await self.web.deliver(source, body)).status_code == 200
        (claimed,) = await self.enrichments.claim(10)
        self.calls.clear()
        await self.enricher.enrich(claimed)
        (became,) = await self.web.rows("SELECT state, reason, detail FROM enrichments")
        (event,) = await self.web.rows("SELECT email FROM events")
        return became, event


@pytest.fixture
async def portals(database_url: str, engine: AsyncEngine, sandbox_url: str, tmp_path: Path) -> AsyncIterator[Portals]:
    rules = tmp_path / "rules.yaml"
    rules.write_text(RULES)
    calls: list[CallRecord] = []
    async with AsyncExitStack() as stack:
        web = await stack.enter_async_context(running(database_url, rules, secrets={}))
        desks, learnings = {}, {}
        record = IdentityStore(engine)
        for name, token in TOKENS.items():
            pace = StoredRateLimit(direct(engine), account=name)
            stack.push_async_callback(pace.close)
            client = HubSpotClient(name, token, rate_limit=pace, observe=calls.append, base_url=sandbox_url)
            await stack.enter_async_context(aclosing(client))
            desks[name] = await stack.enter_async_context(aclosing(BatchedHubSpot(client)))
            learnings[name] = IdentityLearner(
                Account(name, token), partial(client.send, account_details()), record, pace
            )
        contacts = {await desk.upsert(f"new@{name}.example", {}) for name, desk in desks.items()}
        enrichments = EnrichmentStore(engine, worker="w1", lease=60.0)
        asking = asking_of(no_provider, desks.__getitem__, engine)
        enricher = enricher_of(web, enrichments, asking, [utc_now()])
        yield Portals(web, enrichments, enricher, learnings, contacts.pop(), calls)
        assert contacts == set()


async def learnt(portals: Portals) -> None:
    assert [await learning.learn() for learning in portals.learnings.values()] == [True, True]


@pytest.mark.parametrize(("portal_id", "email"), [(EMEA, "new@emea.example"), (APAC, "new@apac.example")])
async def test_an_event_is_read_in_the_account_with_the_portal_that_it_names(
    portals: Portals, portal_id: int, email: str
) -> None:
    await learnt(portals)
    became, event = await portals.enrich("portal", portal_id)
    assert (became["state"], event["email"]) == ("done", email)


@pytest.mark.parametrize(
    ("source", "portal_id", "ours"),
    [
        ("portal", NOBODYS, f"'emea' is {EMEA} and 'apac' is {APAC}"),
        ("emeas", APAC, f"'emea' is {EMEA}"),
    ],
)
async def test_of_another_portal_no_account_is_called_no_person_is_enrolled_and_the_decision_says_why(
    portals: Portals, source: str, portal_id: int, ours: str
) -> None:
    await learnt(portals)
    became, event = await portals.enrich(source, portal_id)
    assert (became["state"], became["reason"], event["email"]) == ("failed", "unknown_to_provider", None)
    assert portals.calls == []
    (decision,) = await portals.web.rows("SELECT verdict, reason, enrollment_id FROM decisions")
    assert (decision["verdict"], decision["enrollment_id"]) == ("none", None)
    assert f"the event is of HubSpot account {portal_id}, and {ours}: its ids are other people" in decision["reason"]


async def test_while_the_account_of_a_portal_is_not_known_the_event_waits(portals: Portals) -> None:
    became, _ = await portals.enrich("portal", APAC)
    assert (became["state"], became["reason"], portals.calls) == ("ready", "portal_not_known", [])
    await learnt(portals)
    async with portals.web.process.engine.begin() as connection:
        await connection.exec_driver_sql("UPDATE enrichments SET due_at = clock_timestamp()")
    (claimed,) = await portals.enrichments.claim(10)
    await portals.enricher.enrich(claimed)
    (event,) = await portals.web.rows("SELECT email FROM events")
    assert event["email"] == "new@apac.example"


async def test_an_account_of_which_hubspot_tells_nothing_is_the_one_that_its_source_names(portals: Portals) -> None:
    became, event = await portals.enrich("emeas", APAC)
    assert (became["state"], event["email"]) == ("done", "new@emea.example")
