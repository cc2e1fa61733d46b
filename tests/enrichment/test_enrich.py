"""Thin events: kept at once, asked about on the worker's side, and only then decided. The far ends are replaced."""

from __future__ import annotations

import json
import math
from contextlib import AsyncExitStack, aclosing
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from app.accounts.identity_store import IdentityStore
from app.clock import utc_now
from app.enrichment.client import Lookups
from app.enrichment.enrich import Enricher
from app.enrichment.look_up import EnrichmentSources
from app.enrichment.loop import start_loop
from app.enrichment.store import EnrichmentStore
from app.errors import FenceLost
from app.hubspot.batched import BatchedHubSpot
from app.hubspot.client import HubSpotClient
from app.hubspot.rate_limit_store import StoredRateLimit
from app.ids import Ids
from app.intake.decide import Decider
from app.intake.wiring import redecider
from app.sources import PROVIDERS
from tests.support.direct import direct
from tests.support.service import Running, running

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from sqlalchemy.ext.asyncio import AsyncEngine

RULES = """\
version: 1
sources:
  tickets: {provider: eventbrite, secrets: ["${TICKETS_SECRET}"], api_token: "${TICKETS_TOKEN}", map: {company: "$.object.answers.0.answer"}}
  survey: {provider: surveymonkey, secrets: ["${SURVEY_SECRET}"], api_token: "${SURVEY_TOKEN}", map: {first_name: "q7"}}
  portal: {provider: hubspot, secrets: ["${PORTAL_SECRET}"]}
senders:
  anna: {user_id: "7001", email: anna@acme.example}
rules:
  - id: ticket
    source: tickets
    type: order.placed
    when: event.data.object.status == "placed" && !event.exit
    contact: {set: {firstname: event.first_name, company: event.company}}
    enroll: {sequence: "310001", sender: anna}
    dedupe: {intent: tickets, for: 30d}
  - id: answered
    source: survey
    type: response_completed
    enroll: {sequence: "310002", sender: anna}
  - id: made
    source: portal
    type: contact.creation
    enroll: {sequence: "310003", sender: anna}
"""  # noqa: E501  # a source is one line of YAML
SECRETS = {
    "TICKETS_SECRET": "tok_made_up_4f81c2d9e0b7",
    "TICKETS_TOKEN": "eb-made-up",
    "SURVEY_SECRET": "cid&made-up",
    "SURVEY_TOKEN": "sm-made-up",
    "PORTAL_SECRET": "portal-made-up",
}
ORDER = {
    "status": "placed",
    "email": "ada@corp.example",
    "first_name": "Ada",
    "last_name": "Ash",
    "created": "2026-10-05T14:00:00Z",
    "answers": [{"answer": "Ash Ltd"}],
}


@dataclass
class FarEnd:
    """The providers' hosts: what they were asked, and what they answer."""

    asked: list[httpx.Request] = field(default_factory=list)
    answers: list[httpx.Response | Exception] = field(default_factory=list)

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


@dataclass
class Office:
    """A service that takes deliveries, and a worker's parts, whose steps each test takes itself."""

    web: Running
    far_end: FarEnd
    enrichments: EnrichmentStore
    enricher: Enricher
    moment: list[datetime]

    async def ticket(self, order: str = "742", **config: Any) -> httpx.Response:
        body = {
            "api_url": f"https://www.eventbriteapi.com/v3/orders/{order}/",
            "config": {"action": "order.placed"},
            **config,
        }
        return await self.web.client.post(f"/webhooks/tickets/{SECRETS['TICKETS_SECRET']}", content=json.dumps(body))

    async def enrich(self) -> None:
        """Ask about the one that is due."""
        (claimed,) = await self.enrichments.claim(10)
        await self.enricher.enrich(claimed)

    async def one(self, statement: str) -> dict[str, Any]:
        (row,) = await self.web.rows(statement)
        return row

    async def now_due(self) -> None:
        async with self.web.process.engine.begin() as connection:
            await connection.exec_driver_sql("UPDATE enrichments SET due_at = clock_timestamp()")


@pytest.fixture
async def office(database_url: str, engine: AsyncEngine, tmp_path: Path) -> AsyncIterator[Office]:
    rules = tmp_path / "rules.yaml"
    rules.write_text(RULES)
    far_end = FarEnd()
    hosts = frozenset[str]().union(*(provider.hosts for provider in PROVIDERS.values()))
    async with (
        running(database_url, rules, secrets=SECRETS) as web,
        aclosing(Lookups(hosts, transport=httpx.MockTransport(far_end))) as lookups,
    ):
        moment = [utc_now()]
        enrichments = EnrichmentStore(engine, worker="w1", lease=60.0)
        asking = asking_of(lookups.ask, lambda _: NobodysContacts(), engine)
        yield Office(web, far_end, enrichments, enricher_of(web, enrichments, asking, moment), moment)


def asking_of(ask: Any, contacts: Any, engine: AsyncEngine) -> EnrichmentSources:
    portals = IdentityStore(engine).portals
    return EnrichmentSources(providers=PROVIDERS, ask=ask, contacts=contacts, portals=portals)


def enricher_of(
    web: Running, enrichments: EnrichmentStore, asking: EnrichmentSources, moment: list[datetime]
) -> Enricher:
    book = web.process.rulebook.current
    assert book is not None
    return Enricher(
        enrichments,
        Decider(new_id=Ids(), hash_email=lambda _: "hash", metrics=web.process.metrics),
        asking,
        rulebook=lambda: book,
        span=timedelta(hours=72),
        now=lambda: moment[0],
        random=lambda: 0.5,
        metrics=web.process.metrics,
    )


class NobodysContacts:
    """The HubSpot of tests that do not ask it."""

    async def read(self, contact_id: str, names: Any) -> Any:
        raise AssertionError(f"{contact_id} was asked for {names}")


async def test_a_thin_event_is_kept_at_once_and_decided_when_its_provider_has_answered(office: Office) -> None:
    answer = await office.ticket()
    assert answer.json() == {"received": True, "id": answer.json()["id"]}
    assert await office.web.rows("SELECT id FROM decisions") == []
    waiting = {"state": "ready", "delivery_id": answer.json()["id"]}
    assert await office.one("SELECT state, delivery_id FROM enrichments") == waiting

    office.far_end.answers = [httpx.Response(200, json=ORDER)]
    await office.enrich()

    (asked,) = office.far_end.asked
    assert (asked.method, str(asked.url)) == ("GET", "https://www.eventbriteapi.com/v3/orders/742/")
    assert asked.headers["authorization"] == "Bearer eb-made-up"
    event = await office.one("SELECT email, first_name, last_name, company, occurred_at, data FROM events")
    assert (event["email"], event["first_name"], event["last_name"]) == ("ada@corp.example", "Ada", "Ash")
    assert (event["company"], event["data"]["object"]["status"]) == ("Ash Ltd", "placed")
    assert event["occurred_at"].isoformat() == "2026-10-05T14:00:00+00:00"
    decision = await office.one("SELECT verdict, rule, enrollment_id FROM decisions")
    assert (decision["verdict"], decision["rule"]) == ("enroll", "ticket")
    enrollment = await office.one("SELECT id, state, email, sequence, properties FROM enrollments")
    assert enrollment == {
        "id": decision["enrollment_id"],
        "state": "ready",
        "email": "ada@corp.example",
        "sequence": "310001",
        "properties": {"firstname": "Ada", "company": "Ash Ltd"},
    }
    assert (await office.one("SELECT state FROM enrichments"))["state"] == "done"
    assert office.web.counted("enrichments_total", source="tickets", outcome="done") == 1


async def test_a_claimed_event_is_as_it_arrived_and_as_rules_will_see_it_again(
    office: Office, engine: AsyncEngine
) -> None:
    await office.ticket()
    async with engine.begin() as connection:
        await connection.exec_driver_sql("""UPDATE events SET answers = '{"Size": "50+", "Topics": ["Sales"]}'""")
    (claimed,) = await office.enrichments.claim(10)
    assert claimed.event.answers == {"Size": "50+", "Topics": ["Sales"]}
    assert (
        claimed.event.received_at
        == claimed.received_at
        == (await office.one("SELECT received_at FROM events"))["received_at"]
    )


async def test_the_same_delivery_again_is_a_duplicate_and_nothing_is_asked_twice(office: Office) -> None:
    first = await office.ticket()
    second = await office.ticket()
    assert second.json() == {"received": True, "id": first.json()["id"], "duplicate": True}
    assert len(await office.web.rows("SELECT 1 FROM enrichments")) == 1


async def test_two_orders_of_one_person_are_one_intent(office: Office) -> None:
    office.far_end.answers = [httpx.Response(200, json=ORDER), httpx.Response(200, json=ORDER)]
    for order in ("1", "2"):
        await office.ticket(order)
        await office.enrich()
    verdicts = [row["verdict"] for row in await office.web.rows("SELECT verdict FROM decisions ORDER BY id")]
    assert verdicts == ["enroll", "duplicate"]
    assert len(await office.web.rows("SELECT 1 FROM enrollments")) == 1


@pytest.mark.parametrize(
    "address",
    [
        "https://evil.example/v3/orders/742/",
        "http://www.eventbriteapi.com/v3/orders/742/",
        "https://www.eventbriteapi.com@evil.example/v3/orders/742/",
        "https://www.eventbriteapi.com:8443/v3/orders/742/",
        "https://www.eventbriteapi.com/v3/orders/742/../../users/me/",
        "https://www.eventbriteapi.com/v3/users/me/",
        "https://[/",
        "742",
    ],
)
async def test_an_address_that_a_payload_chose_is_never_asked(office: Office, address: str) -> None:
    await office.ticket(api_url=address)
    assert await office.web.rows("SELECT 1 FROM enrichments") == []
    decision = await office.one("SELECT verdict, reason FROM decisions")
    assert decision["verdict"] == "none"


async def test_what_the_provider_does_not_know_is_a_no_that_says_so(office: Office) -> None:
    await office.ticket()
    for _ in range(6):
        assert await office.web.rows("SELECT 1 FROM decisions") == []
        office.far_end.answers = [httpx.Response(404)]
        await office.now_due()
        await office.enrich()
    assert await office.one("SELECT state, reason FROM enrichments") == {
        "state": "failed",
        "reason": "unknown_to_provider",
    }
    decision = await office.one("SELECT verdict, reason, rule FROM decisions")
    assert decision["verdict"] == "none"
    assert decision["reason"] == "its provider could not tell more: www.eventbriteapi.com answered 404"


@pytest.mark.parametrize(
    ("failure", "reason"),
    [
        (httpx.Response(500), "status_500"),
        (httpx.Response(429), "status_429"),
        (httpx.Response(401), "token_refused"),
        (httpx.Response(403), "token_refused"),
        (httpx.Response(302, headers={"location": "https://evil.example/"}), "status_302"),
        (httpx.Response(200, text="<html>"), "unreadable"),
        (httpx.ConnectError("refused"), "not_reached"),
        (httpx.ReadTimeout("too slow"), "not_reached"),
    ],
    ids=str,
)
async def test_what_may_pass_is_tried_again(office: Office, failure: httpx.Response | Exception, reason: str) -> None:
    await office.ticket()
    office.far_end.answers = [failure, httpx.Response(200, json=ORDER)]
    await office.enrich()

    waiting = await office.one("SELECT state, reason, tries, due_at, first_failed_at FROM enrichments")
    assert (waiting["state"], waiting["reason"], waiting["tries"]) == ("ready", reason, 1)
    assert (waiting["due_at"], waiting["first_failed_at"]) == (
        office.moment[0] + timedelta(seconds=1),
        office.moment[0],
    )
    assert await office.web.rows("SELECT 1 FROM decisions") == []
    assert len(office.far_end.asked) == 1

    await office.now_due()
    await office.enrich()
    assert (await office.one("SELECT verdict FROM decisions"))["verdict"] == "enroll"


async def test_a_provider_that_names_a_pause_gets_it(office: Office) -> None:
    await office.ticket()
    office.far_end.answers = [httpx.Response(429, headers={"retry-after": "120"})]
    await office.enrich()
    due_at = (await office.one("SELECT due_at FROM enrichments"))["due_at"]
    assert due_at == office.moment[0] + timedelta(seconds=120)


async def test_what_fails_for_three_days_is_given_up_and_says_so(office: Office) -> None:
    await office.ticket()
    office.far_end.answers = [httpx.Response(503), httpx.Response(503)]
    await office.enrich()
    await office.now_due()
    office.moment[0] += timedelta(hours=72)
    await office.enrich()
    assert (await office.one("SELECT state, reason FROM enrichments"))["reason"] == "gave_up"
    reason = (await office.one("SELECT reason FROM decisions"))["reason"]
    assert reason == "its provider could not tell more: tried for 3 days: www.eventbriteapi.com answered 503"


async def test_an_answer_of_more_than_a_megabyte_is_not_read_to_its_end(office: Office) -> None:
    await office.ticket()
    office.far_end.answers = [httpx.Response(200, content=b"[" + b" " * (1024 * 1024) + b"]")]
    await office.enrich()
    assert (await office.one("SELECT state FROM enrichments"))["state"] == "failed"


async def test_who_lost_its_claim_writes_nothing(office: Office, engine: AsyncEngine) -> None:
    await office.ticket()
    office.far_end.answers = [httpx.Response(200, json=ORDER), httpx.Response(200, json=ORDER), httpx.Response(500)]
    (frozen,) = await EnrichmentStore(engine, worker="w0", lease=0.0).claim(10)
    await office.enrich()
    for _ in range(2):  # once with an answer that would be written, once with a failure that would be noted
        with pytest.raises(FenceLost):
            await office.enricher.enrich(frozen)
    assert len(await office.web.rows("SELECT 1 FROM decisions")) == 1
    assert len(await office.web.rows("SELECT 1 FROM enrollments")) == 1


async def test_while_one_worker_asks_no_other_does_and_what_it_leaves_is_anybodys(
    office: Office, engine: AsyncEngine
) -> None:
    await office.ticket()
    leaving = EnrichmentStore(engine, worker="w0", lease=60.0)
    assert len(await leaving.claim(10)) == 1
    assert await office.enrichments.claim(10) == []
    await leaving.hand_back()
    assert len(await office.enrichments.claim(10)) == 1


async def test_no_provider_is_asked_about_what_no_rule_listens_to(office: Office) -> None:
    book = office.web.process.rulebook.current
    assert book is not None
    office.web.process.rulebook.current = replace(book, store_unheard=True)
    await office.ticket(config={"action": "order.updated"})
    assert await office.web.rows("SELECT 1 FROM enrichments") == []
    decision = await office.one("SELECT verdict, reason FROM decisions")
    assert (decision["verdict"], decision["reason"]) == ("none", "no rule listens to it")


async def test_a_survey_response_is_read_by_its_questions(office: Office) -> None:
    body = {
        "event_type": "response_completed",
        "event_id": "777",
        "object_type": "response",
        "object_id": "42",
        "resources": {"survey_id": "9"},
    }
    await office.web.deliver("survey", body)
    questions = [
        {"id": "q7", "answers": [{"text": "Bea"}]},
        {"id": "q8", "answers": [{"text": " bea@corp.example "}, {"choice_id": "1"}]},
    ]
    office.far_end.answers = [httpx.Response(200, json={"pages": [{"questions": questions}]})]
    await office.enrich()
    asked = "https://api.surveymonkey.com/v3/surveys/9/responses/42/details?simple=true"
    assert str(office.far_end.asked[0].url) == asked
    event = await office.one("SELECT email, first_name FROM events")
    assert event == {"email": "bea@corp.example", "first_name": "Bea"}


@pytest.fixture
async def hubspot(office: Office, engine: AsyncEngine, sandbox_url: str) -> AsyncIterator[BatchedHubSpot]:
    pace = StoredRateLimit(direct(engine), account="main", cap=None, headroom=0.05, window_ms=10_000)
    client = HubSpotClient("main", "pat-sandbox", rate_limit=pace, observe=lambda _: None, base_url=sandbox_url)
    async with aclosing(client), aclosing(BatchedHubSpot(client)) as desk:
        asking = asking_of(no_provider, lambda _: desk, engine)
        office.enricher = enricher_of(office.web, office.enrichments, asking, office.moment)
        yield desk
    await pace.close()


async def no_provider(lookup: Any) -> Any:
    raise AssertionError(f"{lookup} was asked")


def created(contact: str) -> list[dict[str, Any]]:
    ids = {"portalId": 1, "subscriptionId": 2, "eventId": 3, "occurredAt": 0}
    return [{"subscriptionType": "contact.creation", "objectId": int(contact), **ids}]


async def test_a_lookup_that_finds_a_forgotten_person_enrolls_no_one_and_keeps_nothing(office: Office) -> None:
    forgetter = await office.web.process.forgetter()
    begun = await forgetter.begin("ada@corp.example", by="cli")
    assert await forgetter.finish(begun.id)
    await office.ticket()
    office.far_end.answers = [httpx.Response(200, json=ORDER)]
    await office.enrich()
    event = await office.one("SELECT email, first_name, data FROM events")
    assert event == {"email": None, "first_name": None, "data": None}
    decision = await office.one("SELECT verdict, email, enrollment_id FROM decisions")
    assert decision == {"verdict": "forgotten", "email": None, "enrollment_id": None}
    assert await office.web.rows("SELECT id FROM deliveries") == []


async def test_a_contact_is_read_in_the_account_itself(office: Office, hubspot: BatchedHubSpot) -> None:
    contact = await hubspot.upsert("cid@corp.example", {"firstname": "Cid", "company": "Cox"})
    await office.web.deliver("portal", created(contact))
    await office.enrich()
    event = await office.one("SELECT email, first_name, company FROM events")
    assert event == {"email": "cid@corp.example", "first_name": "Cid", "company": "Cox"}
    assert (await office.one("SELECT verdict FROM decisions"))["verdict"] == "enroll"


async def test_a_forgotten_contact_with_another_address_enrolls_no_one(office: Office, hubspot: BatchedHubSpot) -> None:
    contact = await hubspot.upsert("cid@corp.example", {"firstname": "Cid"})
    change = created(contact)
    forgetter = await office.web.process.forgetter()
    await forgetter.begin_contacts(["main"], [(str(change[0]["portalId"]), contact)])
    assert await forgetter.work() is None
    await office.web.deliver("portal", change)
    await office.enrich()
    event = await office.one("SELECT email, first_name, data FROM events")
    assert event == {"email": None, "first_name": None, "data": None}
    assert (await office.one("SELECT verdict FROM decisions"))["verdict"] == "forgotten"


async def test_a_contact_that_is_gone_is_a_no_that_says_so(office: Office, hubspot: BatchedHubSpot) -> None:
    await hubspot.upsert("cid@corp.example", {})
    await office.web.deliver("portal", created("999999999"))
    for _ in range(6):
        await office.now_due()
        await office.enrich()
    assert (await office.one("SELECT state FROM enrichments"))["state"] == "failed"
    assert (await office.one("SELECT verdict FROM decisions"))["verdict"] == "none"


@pytest.mark.parametrize(
    ("code", "reason"), [("RATE_LIMIT_DAILY", "daily_budget"), ("RATE_LIMIT_TEN_SECONDLY", "RATE_LIMIT_TEN_SECONDLY")]
)
async def test_while_hubspot_wants_to_be_left_alone_a_contact_waits_and_says_why(
    office: Office, hubspot: BatchedHubSpot, code: str, reason: str
) -> None:
    contact = await hubspot.upsert("cid@corp.example", {})
    await office.web.deliver("portal", created(contact))
    async with office.web.process.engine.begin() as connection:
        blocked = f"SET blocked_by = '{code}', blocked_until = clock_timestamp() + interval '1 hour'"
        await connection.exec_driver_sql(f"UPDATE rate_windows {blocked}")
    await office.enrich()
    assert await office.one("SELECT state, reason FROM enrichments") == {"state": "ready", "reason": reason}


async def test_the_loop_asks_by_itself_and_hands_back_what_it_was_asking(office: Office) -> None:
    await office.ticket()
    office.far_end.answers = [httpx.Response(200, json=ORDER)]
    async with AsyncExitStack() as stack:
        start_loop(stack, office.enrichments, office.enricher, poll=0.01)
        await office.web.rows_once_there("SELECT 1 FROM decisions")
    assert (await office.one("SELECT verdict FROM decisions"))["verdict"] == "enroll"


async def test_the_loop_knows_when_the_next_event_is_due(office: Office) -> None:
    assert await office.enrichments.due_in() == math.inf
    await office.ticket()
    assert await office.enrichments.due_in() <= 0
    office.far_end.answers = [httpx.Response(500)]
    await office.enrich()
    assert 0 < await office.enrichments.due_in() < timedelta(hours=1).total_seconds()


async def test_operators_see_what_became_of_asking(office: Office) -> None:
    await office.ticket()
    assert "segue_thin_events 1.0" in (await office.web.get("/metrics")).text
    office.far_end.answers = [httpx.Response(410)]
    await office.enrich()
    (event,) = (await office.web.get("/api/v1/events")).json()["items"]
    shown = (await office.web.get(f"/api/v1/events/{event['id']}")).json()
    assert (shown["enrichment"]["state"], shown["enrichment"]["reason"]) == ("failed", "unknown_to_provider")
    assert len(shown["decisions"]) == 1
    assert "segue_thin_events 0.0" in (await office.web.get("/metrics")).text


async def test_a_thin_event_counts_from_when_it_was_accepted_not_from_when_it_was_decided(office: Office) -> None:
    await office.ticket()
    office.far_end.answers = [httpx.Response(200, json=ORDER)]
    await office.enrich()
    query = "SELECT heard_at = seen_at AS accepted, enrollments.created_at > heard_at AS decided_later"
    query = f"{query} FROM enrollments JOIN event_keys USING (event_id)"
    assert await office.one(query) == {"accepted": True, "decided_later": True}


async def test_a_lookup_that_found_nothing_begins_anew_when_its_event_is_decided_again(office: Office) -> None:
    await office.ticket()
    office.far_end.answers = [httpx.Response(410), httpx.Response(200, json=ORDER)]
    await office.enrich()
    event = await office.one("SELECT id FROM events")
    decider = await redecider(office.web.process)

    begun = await decider.event(event["id"], by="api")
    under_way = await decider.event(event["id"], by="api")
    await office.enrich()

    assert [result.status for result in (begun, under_way) if result] == ["lookup", "unchanged"]
    first, second = await office.web.rows("SELECT id, verdict, replaces FROM decisions ORDER BY id")
    assert (first["verdict"], second["verdict"], second["replaces"]) == ("none", "enroll", first["id"])
    same = "SELECT heard_at = (SELECT created_at FROM enrichments) AS same FROM enrollments"
    assert await office.one(same) == {"same": True}


async def test_a_failed_lookup_begins_anew_when_the_tool_sends_the_event_again(office: Office) -> None:
    await office.ticket()
    office.far_end.answers = [httpx.Response(410)]
    await office.enrich()
    assert (await office.ticket()).json()["duplicate"] is True
    assert (await office.one("SELECT state FROM enrichments"))["state"] == "ready"
    await office.ticket()
    assert len(await office.web.rows("SELECT 1 FROM decisions")) == 1


async def test_what_a_lookup_found_is_decided_again_without_another_one(office: Office) -> None:
    await office.ticket()
    office.far_end.answers = [httpx.Response(200, json=ORDER)]
    await office.enrich()
    async with office.web.process.engine.begin() as connection:
        await connection.exec_driver_sql("UPDATE enrollments SET state = 'parked', reason = 'SEQUENCE_ID_INVALID'")
    event = await office.one("SELECT id FROM events")
    result = await (await redecider(office.web.process)).event(event["id"], by="api")
    assert result is not None
    assert [one.verdict for one in result.decisions] == ["enroll"]
    assert len(office.far_end.asked) == 1


async def test_a_thin_event_that_no_rule_listened_to_is_looked_up_once_one_does(office: Office, tmp_path: Path) -> None:
    rules = tmp_path / "rules.yaml"
    rules.write_text(RULES.replace("type: order.placed", "type: other") + "store_unheard: true\n")
    await office.web.process.rulebook.reload()
    await office.ticket()
    rules.write_text(RULES)
    await office.web.process.rulebook.reload()
    event = await office.one("SELECT id FROM events")
    result = await (await redecider(office.web.process)).event(event["id"], by="api")
    assert result is not None
    assert result.status == "lookup"
    office.far_end.answers = [httpx.Response(200, json=ORDER)]
    await office.enrich()
    assert (await office.one("SELECT state FROM enrollments"))["state"] == "ready"
