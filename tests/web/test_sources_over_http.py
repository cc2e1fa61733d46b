"""What providers need of the HTTP surface itself: probes, challenges, answers, secrets in URLs, batches, rotation."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from xml.etree.ElementTree import canonicalize

import pytest

from app.clock import utc_now
from app.sources import PROVIDERS
from app.sources.sample_files import FOLDER
from tests.support.service import BASE, Running, close_database, open_database, running, write

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    import httpx

    from tests.support.postgres import Databases

TOKEN = "tok_made_up_4f81c2d9e0b7"
RULES = """\
version: 1
sources:
  crm:
    provider: standard-webhooks
    secrets: ["${NEW_SECRET}", {value: "${OLD_SECRET}", not_after: 2999-01-01T00:00:00Z}]
  forms: {provider: jotform, secrets: ["${URL_SECRET}"]}
  leads: {provider: salesforce, secrets: ["${URL_SECRET}"]}
  cohorts: {provider: mixpanel, secrets: ["${BASIC_SECRET}"]}
  product: {provider: segment, secrets: ["${SEGMENT_SECRET}"], batches: first-only}
  tracked: {provider: segment, secrets: ["${SEGMENT_SECRET}"], tokens: ["${URL_SECRET}"]}
  queries: {provider: rudderstack, secrets: ["${HEADER_SECRET}"]}
  portal: {provider: hubspot, secrets: ["${HEADER_SECRET}"]}
  webinar: {provider: zoom, secrets: ["${HEADER_SECRET}"]}
  chat: {provider: slack, secrets: ["${HEADER_SECRET}"]}
  hook: {provider: formspree, secrets: ["${HEADER_SECRET}"]}
  cloud: {provider: cloudevents, secrets: ["${HEADER_SECRET}"], rate: 100}
  entries:
    provider: gravity-forms
    secrets: ["${HEADER_SECRET}"]
    map: {email: "2", first_name: "1.3", company: "header:X-Site"}
senders:
  anna: {user_id: "7001", email: anna@acme.example}
rules:
  - {id: cohort, source: cohorts, type: add_members, enroll: {sequence: "310001", sender: anna}}
  - {id: left, source: cohorts, type: remove_members, when: "!event.exit", enroll: {sequence: "310001", sender: anna}}
  - {id: lead, source: leads, type: Lead, ignore: true}
  - {id: form, source: forms, type: submission, ignore: true}
  - {id: tracked, source: tracked, type: track, ignore: true}
  - {id: product, source: product, type: track, ignore: true}
  - {id: query, source: queries, type: query, ignore: true}
  - {id: entry, source: entries, type: entry, ignore: true}
  - {id: made, source: portal, type: company.creation, ignore: true}
"""
SECRETS = {
    "NEW_SECRET": "whsec_c2VndWUtbmV3LXNlY3JldA==",
    "OLD_SECRET": "whsec_c2VndWUtb2xkLXNlY3JldA==",
    "URL_SECRET": TOKEN,
    "BASIC_SECRET": "user:pass",
    "SEGMENT_SECRET": "segment-made-up",
    "HEADER_SECRET": "header-made-up",
}


@pytest.fixture
async def web(database_url: str, tmp_path: Path) -> AsyncIterator[Running]:
    path = tmp_path / "rules.yaml"
    write(path, RULES)
    async with running(database_url, path, secrets=SECRETS) as web:
        yield web


def sample(provider: str, number: int = 0) -> dict[str, Any]:
    """A case of our own samples."""
    (top,) = [json.loads(path.read_text()) for path in (FOLDER / provider).glob("*.json")]
    return dict([top, *top["more_cases"]][number])


async def test_a_secret_in_the_url_lets_in_and_is_kept_nowhere(web: Running) -> None:
    case = sample("jotform")
    headers = {"content-type": case["content_type"]}
    wrong = await web.client.post("/webhooks/forms/tok_another", content=case["body"], headers=headers)
    missing = await web.client.post("/webhooks/forms", content=case["body"], headers=headers)
    taken = await web.client.post(f"/webhooks/forms/{TOKEN}", content=case["body"], headers=headers)
    assert (wrong.status_code, missing.status_code, taken.status_code) == (401, 401, 200)
    (kept,) = await web.rows("SELECT url, convert_from(body, 'UTF8') AS body FROM deliveries")
    (event,) = await web.rows("SELECT data FROM events")
    assert kept["url"] == f"{BASE}/webhooks/forms/[verified]"
    assert TOKEN not in kept["body"] + json.dumps(event)
    assert event["data"]["webhookURL"].endswith("/[verified]")


async def test_salesforce_gets_its_acknowledgement_and_its_session_is_not_kept(web: Running) -> None:
    case = sample("salesforce")
    url = f"/webhooks/leads/{TOKEN}"
    answers = [await web.client.post(url, content=case["body"]) for _ in range(2)]
    for answer in answers:
        assert (answer.status_code, answer.headers["content-type"]) == (200, "text/xml; charset=UTF-8")
        assert canonicalize(answer.text) == canonicalize(case["expected"]["response"]["xml"])
    assert len(await web.rows("SELECT 1 FROM events")) == 2
    assert web.counted("webhooks_received_total", source="leads", result="duplicate") == 1
    (kept,) = await web.rows("SELECT convert_from(body, 'UTF8') AS body FROM deliveries")
    assert "<SessionId></SessionId>" in kept["body"]


async def test_mixpanel_gets_action_and_status_and_failures_in_its_form(web: Running) -> None:
    case = sample("mixpanel")
    taken = await web.client.post("/webhooks/cohorts", content=case["body"], auth=("user", "pass"))
    refused = await web.client.post("/webhooks/cohorts", content=case["body"], auth=("user", "wrong"))
    assert taken.json() == {"action": "add_members", "status": "success"}
    assert refused.status_code == 401
    assert refused.json()["status"] == "failure"
    assert refused.json()["error"]["code"] == 401


async def test_a_person_who_entered_is_enrolled_and_one_who_left_is_marked(web: Running) -> None:
    for number in (0, 1):
        await web.client.post("/webhooks/cohorts", content=sample("mixpanel", number)["body"], auth=("user", "pass"))
    rows = await web.rows("SELECT email, exit, verdict FROM events JOIN decisions USING (email) ORDER BY events.id")
    assert [row["exit"] for row in await web.rows("SELECT exit FROM events ORDER BY id")] == [False, False, True]
    assert {row["verdict"] for row in rows if row["exit"]} == {"enroll", "none"}


async def test_one_bad_member_is_recorded_and_does_not_spoil_the_rest(web: Running) -> None:
    body = sample("mixpanel", 2)["body"]
    first = await web.client.post("/webhooks/cohorts", content=body, auth=("user", "pass"))
    assert first.json()["status"] == "success"
    decisions = await web.rows("SELECT verdict, reason FROM decisions ORDER BY verdict")
    assert [row["verdict"] for row in decisions] == ["dropped", "enroll"]
    assert decisions[0]["reason"].startswith("/parameters/members/0: /mixpanel_distinct_id is missing")
    assert web.counted("members_dropped_total", source="cohorts") == 1

    await web.client.post("/webhooks/cohorts", content=body, auth=("user", "pass"))
    assert len(await web.rows("SELECT 1 FROM decisions")) == 2
    assert web.counted("members_dropped_total", source="cohorts") == 1
    shown = (await web.get("/api/v1/decisions", verdict="dropped")).json()["items"]
    assert len(shown) == 1


def batch(size: int) -> bytes:
    return json.dumps([{"type": "track", "messageId": f"m{n}"} for n in range(size)]).encode()


async def test_of_an_unvouched_batch_the_first_is_taken_and_each_other_is_recorded(web: Running) -> None:
    answer = await web.deliver("product", batch(4))
    assert answer.status_code == 200
    decisions = await web.rows("SELECT verdict, reason FROM decisions ORDER BY id")
    assert [row["verdict"] for row in decisions] == ["ignore", "dropped", "dropped", "dropped"]
    assert decisions[1]["reason"].startswith("only a batch's first event is signed")
    assert web.counted("members_dropped_total", source="product") == 3


async def test_a_vouched_batch_of_the_largest_size_is_taken_whole(web: Running) -> None:
    raw = batch(4000)
    headers = web.signed("tracked", raw)
    assert (await web.client.post("/webhooks/tracked", content=raw, headers=headers)).status_code == 401
    answer = await web.client.post(f"/webhooks/tracked/{TOKEN}", content=raw, headers=headers)
    assert answer.status_code == 200
    (counted,) = await web.rows("SELECT count(*) AS events, count(DISTINCT provider_id) AS ids FROM events")
    assert counted == {"events": 4000, "ids": 4000}
    assert len(await web.rows("SELECT 1 FROM deliveries")) == 1


@pytest.mark.parametrize("method", ["GET", "DELETE"])
async def test_what_comes_in_the_query_is_a_delivery_with_its_secret_only(web: Running, method: str) -> None:
    url = "/webhooks/queries?email=ada%40corp.example&plan=pro"
    refused = await web.client.request(method, url)
    taken = await web.client.request(method, url, headers={"x-webhook-token": SECRETS["HEADER_SECRET"]})
    assert (refused.status_code, taken.status_code) == (401, 200)
    (event,) = await web.rows("SELECT email, type, data FROM events")
    assert event == {"email": "ada@corp.example", "type": "query", "data": {"email": "ada@corp.example", "plan": "pro"}}
    (kept,) = await web.rows("SELECT method, headers FROM deliveries")
    assert (kept["method"], kept["headers"]["x-webhook-token"]) == (method, "[verified]")


async def test_fields_that_users_name_are_mapped(web: Running) -> None:
    entry = {"id": "1", "form_id": "2", "1.3": "Zoë", "2": "zoe@corp.example"}
    headers = {"x-webhook-secret": SECRETS["HEADER_SECRET"], "content-type": "application/json", "x-site": "Acme"}
    await web.client.post("/webhooks/entries", content=json.dumps(entry), headers=headers)
    (event,) = await web.rows("SELECT email, first_name, company FROM events")
    assert event == {"email": "zoe@corp.example", "first_name": "Zoë", "company": "Acme"}


async def test_challenges_are_answered_and_become_no_events(web: Running) -> None:
    asked = {"event": "endpoint.url_validation", "payload": {"plainToken": "abc"}}
    zoom = await web.deliver("webinar", asked)
    slack = await web.deliver(
        "chat", {"type": "url_verification", "challenge": "xyz"}, **{"content-type": "application/json"}
    )
    forged = await web.client.post("/webhooks/chat", json={"type": "url_verification", "challenge": "xyz"})
    assert (zoom.status_code, zoom.json()["plainToken"]) == (200, "abc")
    assert (slack.status_code, slack.text) == (200, "xyz")
    assert forged.status_code == 401
    assert await web.rows("SELECT 1 FROM deliveries") == []


async def test_a_hooks_secret_is_echoed(web: Running) -> None:
    answer = await web.client.post("/webhooks/hook", headers={"x-hook-secret": "hs_1"})
    assert (answer.status_code, answer.headers["x-hook-secret"]) == (200, "hs_1")
    odd = await web.client.post("/webhooks/hook", headers={"x-hook-secret": "a b"})
    assert odd.status_code == 401


async def test_cloudevents_consent_is_given_in_headers(web: Running) -> None:
    asked = {"webhook-request-origin": "crm.example", "webhook-request-rate": "120"}
    answer = await web.client.options("/webhooks/cloud", headers=asked)
    assert answer.status_code == 200
    given = {name: answer.headers[name] for name in ("webhook-allowed-origin", "webhook-allowed-rate", "allow")}
    assert given == {"webhook-allowed-origin": "crm.example", "webhook-allowed-rate": "100", "allow": "POST"}
    assert (await web.client.options("/webhooks/cloud")).status_code == 400
    avro = {"authorization": f"Bearer {SECRETS['HEADER_SECRET']}", "content-type": "application/cloudevents+avro"}
    assert (await web.client.post("/webhooks/cloud", content=b"x", headers=avro)).status_code == 415


async def test_while_the_old_secret_is_used_operators_see_it(web: Running) -> None:
    raw = b'{"type": "x"}'
    await web.deliver("crm", raw)
    assert web.counted("source_old_secret_timestamp_seconds", source="crm") == 0
    book = web.process.rulebook.current
    assert book is not None
    config = book.sources["crm"]
    old = type(config)(config.name, config.provider, config.secrets[1:], config.options)
    headers = PROVIDERS["standard-webhooks"].sign(raw, old, utc_now(), method="POST", url=f"{BASE}/webhooks/crm")
    answer = await web.client.post("/webhooks/crm", content=raw, headers=headers)
    assert answer.status_code == 200
    assert web.counted("source_old_secret_timestamp_seconds", source="crm") > 1_700_000_000


async def test_hubspot_reads_a_pause_in_milliseconds(web: Running, postgres: Databases, database_url: str) -> None:
    change = {"subscriptionType": "company.creation", "eventId": 1}
    await close_database(postgres.url, database_url)
    answers: dict[str, httpx.Response] = {
        "portal": await web.deliver("portal", [change]),
        "product": await web.deliver("product", batch(1)),
    }
    await open_database(postgres.url, database_url)
    pauses = {name: (answer.status_code, answer.headers["retry-after"]) for name, answer in answers.items()}
    assert pauses == {"portal": (503, "5000"), "product": (503, "5")}
