"""Events of tools that name a person by an id: completed by a far end on loopback, and explained where they are not."""

from __future__ import annotations

import asyncio
import logging
from contextlib import AsyncExitStack, aclosing
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from app.accounts.identity_store import IdentityStore
from app.clock import utc_now
from app.enrichment.client import Lookups
from app.enrichment.enrich import Enricher
from app.enrichment.look_up import EnrichmentSources
from app.enrichment.loop import start_loop
from app.enrichment.shared import SharedLookups
from app.enrichment.store import EnrichmentStore, failing_lookups
from app.errors import LookupFailed, LookupNotFound
from app.ids import Ids
from app.intake.decide import Decider
from app.intake.wiring import redecider
from app.sources import PROVIDERS
from app.sources.base import Lookup
from tests.support.service import Running, running

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from sqlalchemy.ext.asyncio import AsyncEngine

TOKEN = "rk_test_made_up"
RULES = """\
version: 1
sources:
  billing: {provider: stripe, secrets: ["${BILLING_SECRET}"], api_token: "${BILLING_TOKEN}"}
  silent: {provider: stripe, secrets: ["${BILLING_SECRET}"]}
senders:
  anna: {user_id: "7001", email: anna@acme.example}
rules:
  - id: ending
    source: billing
    type: customer.subscription.trial_will_end
    enroll: {sequence: "310001", sender: anna}
  - id: unasked
    source: silent
    type: customer.subscription.trial_will_end
    enroll: {sequence: "310001", sender: anna}
  - id: large
    source: silent
    type: customer.subscription.updated
    when: event.data.data.object.quantity > 50
    enroll: {sequence: "310001", sender: anna}
"""
SECRETS = {"BILLING_SECRET": "whsec_made_up", "BILLING_TOKEN": TOKEN}
JENNY = {"id": "cus_1", "object": "customer", "email": "jenny@corp.example", "name": "Jenny Rosen"}


@dataclass
class FarEnd:
    """A server on loopback that answers as a tool does; a test says what, and sees what it was asked."""

    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    answers: list[bytes] = field(default_factory=list)
    usual: bytes | None = None
    reached: asyncio.Event = field(default_factory=asyncio.Event)
    server: asyncio.Server | None = None

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        first, *lines = head.split("\r\n")
        pairs = [line.split(": ", 1) for line in lines if line]
        self.asked.append((first, {name.lower(): value for name, value in pairs}))
        answer = self.answers.pop(0) if self.answers else self.usual
        self.reached.set()
        if answer is None:  # it never answers
            await reader.read()
        else:
            writer.write(answer)
        writer.close()

    def __call__(self, request: httpx.Request) -> httpx.Request:
        assert self.server is not None
        port = self.server.sockets[0].getsockname()[1]
        url = request.url.copy_with(scheme="http", host="127.0.0.1", port=port)
        return httpx.Request(request.method, url, headers=request.headers, extensions=request.extensions)


class Loopback(httpx.AsyncBaseTransport):
    """The network of these tests: whatever host is asked, the far end answers."""

    def __init__(self, far_end: FarEnd) -> None:
        self._far_end = far_end
        self._http = httpx.AsyncHTTPTransport()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        assert request.url.scheme == "https"
        assert request.url.host == "api.stripe.com"
        return await self._http.handle_async_request(self._far_end(request))

    async def aclose(self) -> None:
        await self._http.aclose()


def reply(status: int, body: Any = None, **headers: str) -> bytes:
    content = body if isinstance(body, bytes) else httpx.Response(200, json=body).content
    lines = [f"HTTP/1.1 {status} X", f"content-length: {len(content)}", "connection: close"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + content


@pytest.fixture
async def far_end() -> AsyncIterator[FarEnd]:
    found = FarEnd()
    async with await asyncio.start_server(found.handle, "127.0.0.1", 0) as server:
        found.server = server
        yield found


@pytest.fixture
async def lookups(far_end: FarEnd) -> AsyncIterator[Lookups]:
    async with aclosing(Lookups({"api.stripe.com"}, transport=Loopback(far_end))) as found:
        yield found


@pytest.fixture
async def web(database_url: str, tmp_path: Path) -> AsyncIterator[Running]:
    rules = tmp_path / "rules.yaml"
    rules.write_text(RULES)
    async with running(database_url, rules, secrets=SECRETS) as service:
        yield service


def enricher_of(web: Running, store: EnrichmentStore, lookups: Lookups, engine: AsyncEngine) -> Enricher:
    """Return the enricher of one replica, with shared lookups of its own."""
    book = web.process.rulebook.current
    assert book is not None
    portals = IdentityStore(engine).portals
    ask = SharedLookups(lookups.ask).ask
    return Enricher(
        store,
        Decider(new_id=Ids(), hash_email=lambda _: "hash", metrics=web.process.metrics),
        EnrichmentSources(providers=PROVIDERS, ask=ask, contacts=no_contacts, portals=portals),
        rulebook=lambda: book,
        span=timedelta(hours=72),
        now=utc_now,
        random=lambda: 0.0,
        metrics=web.process.metrics,
    )


def no_contacts(account: str) -> Any:
    raise AssertionError(f"the contacts of {account} were asked")


async def trial(web: Running, event: str, source: str = "billing", *, customer: str = "cus_1") -> None:
    subject = {"object": "subscription", "customer": customer, "quantity": 3}
    kind = "customer.subscription.trial_will_end"
    await web.deliver(source, {"id": event, "type": kind, "created": 1791208800, "data": {"object": subject}})


async def enrich_all(engine: AsyncEngine, enricher: Enricher) -> None:
    async with engine.begin() as connection:
        await connection.exec_driver_sql("UPDATE enrichments SET due_at = clock_timestamp() WHERE state = 'ready'")
    claimed = await EnrichmentStore(engine, worker="w1", lease=60.0).claim(20)
    await asyncio.gather(*(enricher.enrich(one) for one in claimed))


@pytest.fixture
def enricher(web: Running, lookups: Lookups, engine: AsyncEngine) -> Enricher:
    return enricher_of(web, EnrichmentStore(engine, worker="w1", lease=60.0), lookups, engine)


async def test_a_trial_that_ends_is_enrolled_when_stripe_has_answered(
    web: Running, engine: AsyncEngine, enricher: Enricher, far_end: FarEnd
) -> None:
    await trial(web, "evt_1")
    far_end.answers = [reply(200, JENNY)]
    await enrich_all(engine, enricher)
    ((request, headers),) = far_end.asked
    assert request == "GET /v1/customers/cus_1 HTTP/1.1"
    assert (headers["host"], headers["authorization"]) == ("api.stripe.com", f"Bearer {TOKEN}")
    (event,) = await web.rows("SELECT email, name, data FROM events")
    assert (event["email"], event["name"], event["data"]["person"]) == ("jenny@corp.example", "Jenny Rosen", JENNY)
    assert [row["verdict"] for row in await web.rows("SELECT verdict FROM decisions")] == ["enroll"]


async def test_two_events_of_one_customer_are_one_request(
    web: Running, engine: AsyncEngine, enricher: Enricher, far_end: FarEnd
) -> None:
    for event in ("evt_1", "evt_2"):
        await trial(web, event)
    far_end.answers = [reply(200, JENNY)]
    await enrich_all(engine, enricher)
    assert len(far_end.asked) == 1
    assert {row["email"] for row in await web.rows("SELECT email FROM events")} == {"jenny@corp.example"}
    assert len(await web.rows("SELECT 1 FROM enrollments")) == 1


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (reply(401, {}), "token_refused"),
        (reply(403, {}), "token_refused"),
        (reply(404, {}), "not_found"),
        (reply(429, {}, retry_after="1"), "status_429"),
        (reply(500, b"x"), "status_500"),
        (reply(302, b"", location="https://evil.example/"), "status_302"),
        (reply(200, b"<html>"), "unreadable"),
        (reply(200, b'{"email": '), "unreadable"),
        (b"", "not_reached"),
        (b"garbage\r\n\r\n", "not_reached"),
    ],
)
async def test_what_the_tool_answers_instead_leaves_the_event_waiting_with_its_reason(
    web: Running, engine: AsyncEngine, enricher: Enricher, far_end: FarEnd, answer: bytes, reason: str
) -> None:
    await trial(web, "evt_1")
    far_end.answers = [answer]
    await enrich_all(engine, enricher)
    (waiting,) = await web.rows("SELECT state, reason, detail FROM enrichments")
    assert (waiting["state"], waiting["reason"]) == ("ready", reason)
    assert waiting["detail"].startswith("api.stripe.com")
    assert TOKEN not in waiting["detail"]
    assert len(far_end.asked) == 1
    assert await web.rows("SELECT 1 FROM decisions") == []
    (counted,) = await failing_lookups(engine)
    assert (counted.source, counted.reason, counted.events, counted.detail) == ("billing", reason, 1, waiting["detail"])


async def test_an_answer_that_never_ends_is_given_up(far_end: FarEnd) -> None:
    async with aclosing(Lookups({"api.stripe.com"}, transport=Loopback(far_end), deadline=0.0)) as lookups:
        with pytest.raises(LookupFailed) as failed:
            await lookups.ask(Lookup("api.stripe.com", "/v1/customers/cus_1", {}))
    assert (failed.value.reason, str(failed.value)) == ("not_reached", "api.stripe.com: TimeoutError")


async def test_a_token_is_in_no_line_of_the_log(
    web: Running,
    engine: AsyncEngine,
    enricher: Enricher,
    far_end: FarEnd,
    caplog: pytest.LogCaptureFixture,
    capsys: Any,
) -> None:
    await trial(web, "evt_1")
    far_end.answers = [reply(401, {"error": {"message": f"Invalid API Key provided: {TOKEN}"}})]
    with caplog.at_level(logging.DEBUG, logger="app"):
        await enrich_all(engine, enricher)
    printed = capsys.readouterr()
    assert TOKEN not in caplog.text + printed.out + printed.err
    assert "token_refused" in caplog.text + printed.out


async def test_a_customer_that_stripe_does_not_have_is_a_no_that_says_so(
    web: Running, engine: AsyncEngine, enricher: Enricher, far_end: FarEnd
) -> None:
    await trial(web, "evt_1")
    far_end.usual = reply(404, {"error": {"code": "resource_missing"}})
    for _ in range(6):
        await enrich_all(engine, enricher)
    (decision,) = await web.rows("SELECT verdict, reason FROM decisions")
    assert decision == {
        "verdict": "none",
        "reason": "its provider could not tell more: api.stripe.com answered 404",
    }


async def test_a_customer_without_an_address_is_a_no_that_says_so(
    web: Running, engine: AsyncEngine, enricher: Enricher, far_end: FarEnd
) -> None:
    await trial(web, "evt_1")
    far_end.answers = [reply(200, {"id": "cus_1", "object": "customer", "deleted": True})]
    await enrich_all(engine, enricher)
    (decision,) = await web.rows("SELECT verdict, reason FROM decisions")
    assert decision["reason"] == "the event has no usable e-mail address: the customer that it names has none"


async def test_a_customer_that_has_an_address_by_now_is_asked_for_anew_when_the_event_is_decided_again(
    web: Running, engine: AsyncEngine, enricher: Enricher, far_end: FarEnd, lookups: Lookups
) -> None:
    await trial(web, "evt_1")
    far_end.answers = [reply(200, JENNY | {"email": None}), reply(200, JENNY)]
    await enrich_all(engine, enricher)
    assert await web.rows("SELECT state, reason FROM enrichments") == [{"state": "failed", "reason": "no_address"}]
    (event,) = await web.rows("SELECT id FROM events")
    again = await (await redecider(web.process)).event(event["id"], by="api")
    assert again is not None
    assert again.status == "lookup"
    later = enricher_of(web, EnrichmentStore(engine, worker="w1", lease=60.0), lookups, engine)  # a minute later
    await enrich_all(engine, later)
    verdicts = [row["verdict"] for row in await web.rows("SELECT verdict FROM decisions ORDER BY id")]
    assert verdicts == ["none", "enroll"]


async def test_an_event_that_lacked_a_token_is_looked_up_once_its_source_has_one(
    web: Running, engine: AsyncEngine, lookups: Lookups, far_end: FarEnd, tmp_path: Path
) -> None:
    await trial(web, "evt_1", "silent")
    rules = tmp_path / "rules.yaml"
    silent = 'silent: {provider: stripe, secrets: ["${BILLING_SECRET}"]'
    rules.write_text(RULES.replace(silent, f'{silent}, api_token: "${{BILLING_TOKEN}}"'))
    await web.process.rulebook.reload()
    (event,) = await web.rows("SELECT id FROM events")
    again = await (await redecider(web.process)).event(event["id"], by="api")
    assert again is not None
    assert again.status == "lookup"
    far_end.answers = [reply(200, JENNY)]
    await enrich_all(engine, enricher_of(web, EnrichmentStore(engine, worker="w1", lease=60.0), lookups, engine))
    verdicts = [row["verdict"] for row in await web.rows("SELECT verdict FROM decisions ORDER BY id")]
    assert verdicts == ["none", "enroll"]


async def test_a_request_that_can_never_work_is_not_repeated_for_days(
    web: Running, engine: AsyncEngine, enricher: Enricher, far_end: FarEnd
) -> None:
    await trial(web, "evt_1")
    far_end.usual = reply(400, {})
    for _ in range(6):
        await enrich_all(engine, enricher)
    (decision,) = await web.rows("SELECT reason FROM decisions")
    assert decision["reason"] == "its provider could not tell more: api.stripe.com answered 400"


async def test_without_a_token_the_decision_says_what_to_give(web: Running) -> None:
    await trial(web, "evt_1", "silent")
    remedy = "it names its customer by an id only; give source 'silent' an `api_token`"
    (decision,) = await web.rows("SELECT verdict, reason FROM decisions")
    assert decision == {"verdict": "none", "reason": f"the event has no usable e-mail address: {remedy}"}
    subject = {"object": "subscription", "customer": "cus_1", "quantity": 3}
    await web.deliver("silent", {"id": "evt_2", "type": "customer.subscription.updated", "data": {"object": subject}})
    (_, unmatched) = await web.rows("SELECT reason FROM decisions ORDER BY id")
    assert unmatched["reason"].startswith("large: its condition is false")
    assert unmatched["reason"].endswith(remedy)


async def test_a_host_that_no_provider_names_is_not_asked(lookups: Lookups, far_end: FarEnd) -> None:
    for host in ("evil.example", "api.stripe.com.evil.example", "xapi.stripe.com", ""):
        with pytest.raises(LookupNotFound):
            await lookups.ask(Lookup(host, "/v1/customers/cus_1", {}))
    assert far_end.asked == []


@pytest.mark.parametrize(
    ("host", "ours"),
    [
        ("acme-test.chargebee.com", True),
        ("chargebee.com", False),
        (".chargebee.com", False),
        ("-.chargebee.com", False),
        ("a.b.chargebee.com", False),
        ("evil.example/.chargebee.com", False),
        ("user@acme.chargebee.com", False),
        ("acme:8443.chargebee.com", False),
        ("acme.chargebee.com.evil.example", False),
        ("*.chargebee.com", False),
    ],
)
async def test_a_source_names_one_label_of_its_tools_host(host: str, ours: bool) -> None:  # noqa: FBT001  # a table
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.host)
        return httpx.Response(200, json={})

    async with aclosing(Lookups({"*.chargebee.com"}, transport=httpx.MockTransport(answer))) as lookups:
        if ours:
            assert await lookups.ask(Lookup(host, "/x", {})) == {}
        else:
            with pytest.raises(LookupNotFound):
                await lookups.ask(Lookup(host, "/x", {}))
    assert asked == ([host] if ours else [])


async def test_two_replicas_decide_each_event_once(
    web: Running, engine: AsyncEngine, lookups: Lookups, far_end: FarEnd
) -> None:
    far_end.usual = reply(200, JENNY)
    for number in range(30):
        await trial(web, f"evt_{number}")
    async with AsyncExitStack() as stack:
        for worker in ("w1", "w2"):
            store = EnrichmentStore(engine, worker=worker, lease=60.0)
            start_loop(stack, store, enricher_of(web, store, lookups, engine), poll=0.01)
        await web.rows_once_there("SELECT 1 FROM decisions HAVING count(*) >= 30")
    assert (await web.rows("SELECT count(*) AS n, count(DISTINCT event_id) AS events FROM decisions")) == [
        {"n": 30, "events": 30}
    ]
    assert len(await web.rows("SELECT 1 FROM enrollments")) == 1
    assert 1 <= len(far_end.asked) <= 2  # one customer: one request of each replica, at most


async def test_what_a_worker_was_asking_when_it_died_is_asked_by_another_one(
    web: Running, engine: AsyncEngine, lookups: Lookups, far_end: FarEnd
) -> None:
    await trial(web, "evt_1")
    dying = EnrichmentStore(engine, worker="w0", lease=0.0)  # its lease runs out as it dies
    (claimed,) = await dying.claim(10)
    asking = asyncio.ensure_future(enricher_of(web, dying, lookups, engine).enrich(claimed))
    await far_end.reached.wait()
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)
    assert await web.rows("SELECT state, reason FROM enrichments") == [{"state": "working", "reason": None}]

    far_end.usual = reply(200, JENNY)
    store = EnrichmentStore(engine, worker="w1", lease=60.0)
    (again,) = await store.claim(10)
    await enricher_of(web, store, lookups, engine).enrich(again)
    assert [row["verdict"] for row in await web.rows("SELECT verdict FROM decisions")] == ["enroll"]
    assert len(far_end.asked) == 2
