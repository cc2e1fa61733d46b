"""Whole stories, with real processes, a real PostgreSQL and the sandbox at the far end."""

from __future__ import annotations

import asyncio
import json
import re
import signal
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from standardwebhooks import Webhook

from app.accounts.encryption import new_key
from tests.support.far_endpoint import Far, far_end
from tests.support.world import LONG, RULES, World

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

TOKEN = "operators-only"
HOOK_SECRET = "whsec_b3V0Ym91bmQtbWFkZS11cC1zZWNyZXQtMQ=="
REVISIONS = "SELECT revision FROM decisions ORDER BY id"


@pytest.fixture
async def world(database_url: str) -> AsyncIterator[World]:
    async with World(database_url, lease=15.0) as world:
        world.environment["SEGUE_ADMIN_TOKEN"] = TOKEN
        yield world


@pytest.fixture
async def far() -> AsyncIterator[Far]:
    async with far_end() as far:
        yield far


def rules_file(world: World) -> Path:
    return Path(world.environment["SEGUE_CONFIG"])


def lines(world: World, number: int = 0) -> list[dict[str, Any]]:
    """What a process has logged."""
    return [json.loads(line) for line in world.processes[number].log().splitlines() if line.startswith("{")]


async def logged(world: World, event: str, number: int = 0, *, times: int = 1) -> list[dict[str, Any]]:
    """Wait until a process has logged an event so many times."""

    async def there() -> bool:
        return len(found(world, event, number)) >= times

    await world.until(there, what=f"{event} in the log")
    return found(world, event, number)


def found(world: World, event: str, number: int) -> list[dict[str, Any]]:
    return [line for line in lines(world, number) if line["event"] == event]


async def test_one_id_leads_from_the_delivery_to_hubspot_and_no_address_is_logged(world: World) -> None:
    await world.start("serve")
    email = await world.send_event(1, "long")
    await world.until_settled()
    (accepted,) = await logged(world, "delivery.accepted")
    (decided,) = await logged(world, "decision.made")
    steps = await logged(world, "enrollment.step", times=5)
    assert {line["delivery_id"] for line in [accepted, decided, *steps]} == {accepted["delivery_id"]}
    assert [step["cause"] for step in steps] == ["claimed", "assigned", "prepared", "sending", "enrolled"]
    assert (steps[-1]["before"], steps[-1]["after"]) == ("working", "enrolled")
    assert {line["person"] for line in [decided, *steps]} == {decided["person"]}
    calls = await logged(world, "hubspot.call")
    assert {(call["route"].rpartition("/")[2], call["status"]) for call in calls} >= {("enrollments", 200)}
    assert email not in world.processes[0].log()
    assert "@" not in world.processes[0].log()
    (entry,) = await world.control("ledger")
    assert (entry["email"], entry["sequence"], entry["user_id"]) == (email, LONG, "7001")


async def test_what_an_operator_reads_is_what_happened(world: World) -> None:
    await world.start("serve")
    email = await world.send_event(1, "long")
    await world.until_settled()
    async with httpx.AsyncClient(
        base_url=f"http://127.0.0.1:{world.port}/api/v1", headers={"authorization": f"Bearer {TOKEN}"}, trust_env=False
    ) as client:
        (event,) = (await client.get("/events", params={"email": email})).json()["items"]
        (decision,) = (await client.get("/decisions", params={"email": email})).json()["items"]
        (enrollment,) = (await client.get("/enrollments", params={"state": "enrolled"})).json()["items"]
        read = (await client.get(f"/enrollments/{enrollment['id']}")).json()
    assert decision["event_id"] == event["id"]
    assert decision["enrollment_id"] == enrollment["id"]
    assert (enrollment["rule"], enrollment["sender"], enrollment["sequence"]) == ("long", "anna", LONG)
    assert [step["cause"] for step in read["journal"]] == [
        "accepted",
        "claimed",
        "assigned",
        "prepared",
        "sending",
        "enrolled",
    ]


async def test_an_account_whose_write_back_hubspot_lacks_enrolls_and_says_so(world: World) -> None:
    back = "write_back: {source: city, rule: segue_rule}"
    rules_file(world).write_text(RULES.replace('TOKEN}"}', f'TOKEN}}", {back}}}'))
    await world.start("serve")
    emails = [await world.send_event(number, "long") for number in range(3)]
    await world.until_settled()
    headers = {"authorization": f"Bearer {TOKEN}"}
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{world.port}", headers=headers, trust_env=False) as client:
        enrolled = (await client.get("/api/v1/enrollments", params={"state": "enrolled"})).json()["items"]
        read = [(await client.get(f"/api/v1/enrollments/{one['id']}")).json() for one in enrolled]
        metrics = (await client.get("/metrics")).text
    assert sorted(one["email"] for one in read) == sorted(emails)
    for one in read:
        (told,) = [line["detail"] for line in one["journal"] if line["cause"] == "write_back_dropped"]
        assert told.startswith("segue_rule was not written: HubSpot has no such property")
        assert "create or mend it in HubSpot" in told
    assert 'segue_write_backs_dropped_total{account="main",property="segue_rule"} 3.0' in metrics
    logged_ones = await logged(world, "enrollment.write_back_dropped", times=3)
    assert {line["property"] for line in logged_ones} == {"segue_rule"}
    assert "@" not in world.processes[0].log()


async def test_sighup_puts_new_rules_in_force_and_broken_ones_never(world: World) -> None:
    await world.start("serve")
    await world.send_event(1, "long")
    rules_file(world).write_text(RULES.replace("sender: anna", "sender: nobody"))
    world.processes[0].send(signal.SIGHUP)
    (rejected,) = await logged(world, "rulebook.rejected")
    assert len(rejected["mistakes"]) == 2
    assert all("there is no sender 'nobody'" in mistake for mistake in rejected["mistakes"])
    await world.send_event(2, "long")
    rules_file(world).write_text(RULES + "# new\n")
    world.processes[0].send(signal.SIGHUP)
    (_, loaded) = await logged(world, "rulebook.loaded", times=2)
    await world.send_event(3, "long")
    first, second, third = [row[0] for row in await world.rows(REVISIONS)]
    assert first == second != third == loaded["revision"]


async def test_a_reload_on_one_replica_reaches_the_others(world: World) -> None:
    await world.start("serve")
    world.port = 0
    await world.start("serve --no-worker")
    rules_file(world).write_text(RULES + "# new\n")
    async with httpx.AsyncClient(trust_env=False) as client:
        url = f"http://127.0.0.1:{world.port}/-/reload"
        reply = await client.post(url, headers={"authorization": f"Bearer {TOKEN}"})
    assert reply.status_code == 200
    revision = reply.json()["revision"]
    for number in range(2):
        assert (await logged(world, "rulebook.loaded", number, times=2))[-1]["revision"] == revision


async def test_after_a_restart_with_broken_rules_the_last_good_ones_are_in_force(world: World) -> None:
    await world.start("serve")
    await world.send_event(1, "long")
    world.processes.pop().end(signal.SIGTERM)
    rules_file(world).write_text("rules: nonsense\n")
    world.port = 0
    await world.start("serve")
    await world.send_event(2, "long")
    await world.until_settled()
    (first, second) = [row[0] for row in await world.rows(REVISIONS)]
    assert first == second
    async with httpx.AsyncClient(trust_env=False) as client:
        page = (await client.get(f"http://127.0.0.1:{world.port}/metrics")).text
    assert "segue_config_last_reload_successful 0.0" in page


async def test_a_shutdown_finishes_what_is_in_hand(world: World) -> None:
    await world.control("settings", {"delay_ms": {"enroll": 700}})
    await world.start("serve")
    await asyncio.gather(*(world.send_event(number, "long") for number in range(10)))

    async def sending() -> bool:
        rows = await world.rows("SELECT count(*) FROM enrollments WHERE step = 'sending'")
        return bool(rows[0][0] > 0)

    await world.until(sending, what="requests on their way to HubSpot")
    world.processes.pop().end(signal.SIGTERM)
    states = await world.rows("SELECT state, count(*) FROM enrollments GROUP BY state")
    assert {row[0] for row in states} <= {"enrolled", "ready"}
    sent = [entry["email"] for entry in await world.control("ledger")]
    enrolled = await world.rows("SELECT email FROM enrollments WHERE state = 'enrolled'")
    assert sorted(sent) == sorted(row[0] for row in enrolled)


async def test_one_delivery_at_two_replicas_is_one_enrollment(world: World) -> None:
    await world.start("serve")
    first = world.port
    world.port = 0
    await world.start("serve")
    second = world.port
    for number in range(20):
        world.port = first
        one = asyncio.create_task(world.send_event(number, "long"))
        await asyncio.sleep(0)
        world.port = second
        await asyncio.gather(one, world.send_event(number, "long"))
    await world.until_settled()
    assert len(await world.control("ledger")) == 20
    assert (await world.rows("SELECT count(*) FROM enrollments"))[0][0] == 20


async def test_two_sequences_for_one_person_go_one_after_the_other(world: World) -> None:
    same = RULES.replace("{id: short, source: crm, type: short", "{id: short, source: crm, type: long")
    rules_file(world).write_text(same.replace("type: long, enroll", "type: long, continue: true, enroll"))
    await world.control("settings", {"delay_ms": {"enroll": 300}})
    await world.start("serve")
    email = await world.send_event(1, "long")
    await world.until_settled()
    states = await world.rows("SELECT sequence, state, reason FROM enrollments ORDER BY id")
    assert sorted(row[1] for row in states) == ["enrolled", "refused"]
    assert {row[2] for row in states if row[1] == "refused"} == {"ALREADY_ENROLLED"}
    ledger = await world.control("ledger")
    assert [(entry["email"], entry["processed"]) for entry in ledger] == [(email, True), (email, False)]


async def test_the_store_goes_away_and_comes_back(world: World) -> None:
    await world.start("serve")
    await world.send_event(1, "long")
    others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname = "
    await world.rows(others + "current_database()")
    await asyncio.gather(*(world.send_event(number, "long") for number in range(2, 30)))
    await world.until_settled()
    books = await world.books()
    assert len(books.acknowledged) == 29
    assert books.lost == []
    assert books.doubled == []


async def test_every_process_calls_a_person_the_same(world: World) -> None:
    await world.start("serve --no-worker", "worker")
    await world.send_event(1, "long")
    await world.until_settled()
    (decided,) = await logged(world, "decision.made", 0)
    steps = await logged(world, "enrollment.step", 1, times=5)
    assert {step["person"] for step in steps} == {decided["person"]}


async def test_an_account_with_work_under_way_is_not_renamed(world: World) -> None:
    await world.start("serve --no-worker")
    await world.send_event(1, "long")
    world.processes.pop().end(signal.SIGTERM)
    rules_file(world).write_text(RULES.replace("{main:", "{acme:"))
    await world.start("serve")
    (rejected,) = await logged(world, "rulebook.rejected")
    assert "1 enrollments of account 'main' are under way" in rejected["mistakes"][0]
    await world.until_settled()
    assert await world.rows("SELECT account, state FROM enrollments") == [("main", "enrolled")]


async def test_two_accounts_each_have_their_own_and_one_may_come_with_a_reload(world: World) -> None:
    rules = rules_file(world)
    await world.start("serve")
    await world.send_event(1, "long")
    await world.until_settled()
    rules.write_text(
        RULES.replace('"${SEGUE_HUBSPOT_TOKEN}"}}', '"${SEGUE_HUBSPOT_TOKEN}"}, us: {token: pat-sandbox-us}}')
        .replace("id: long, source: crm", "id: long, account: main, source: crm")
        .replace("id: short, source: crm", "id: short, account: us, source: crm")
    )
    world.processes[0].send(signal.SIGHUP)
    at_work = await logged(world, "account.at_work", times=2)
    assert [line["account"] for line in at_work] == ["main", "us"]
    await world.send_event(2, "long")
    await world.send_event(3, "short")
    await world.until_settled()
    accounts = await world.rows("SELECT account, state, count(*) FROM enrollments GROUP BY 1, 2 ORDER BY 1")
    assert accounts == [("main", "enrolled", 2), ("us", "enrolled", 1)]
    assert [entry["email"] for entry in await world.control("ledger")] == ["long1@crash.example", "long2@crash.example"]
    assert [entry["email"] for entry in await world.control("ledger?portal=us")] == ["short3@crash.example"]


WORKFLOWS = """
  - {id: workflow, source: portal, type: contact.workflow, enroll: {sequence: "310001", sender: anna}}
  - {id: action, source: portal, type: contact.action, enroll: {sequence: "310001", sender: anna}}
"""


async def test_hubspots_workflows_enroll_contacts_through_rules(world: World) -> None:
    """Neither the action nor its definition needs to name the address: the contact is read then."""
    text = RULES.replace("sources: {crm", "sources: {portal: {provider: hubspot, secrets: [app-secret]}, crm")
    rules_file(world).write_text(text.rstrip() + WORKFLOWS, encoding="utf-8")
    await world.start("serve")
    posting = {"url": f"http://127.0.0.1:{world.port}/webhooks/portal", "secret": "app-secret"}
    people = {person["properties"]["email"]: person["id"] for person in await world.control("people")}
    bea = {"objectId": int(people["bea@corp.example"]), "objectType": "CONTACT"}
    action = {"callbackId": "ap-1-2-3-0", "origin": {"portalId": 48_000_001}, "object": bea, "inputFields": {}}
    for email, body in (("ada@corp.example", None), ("bea@corp.example", action), ("bea@corp.example", action)):
        told = await world.control("workflow-webhook", posting | {"email": email, "body": body})
        assert told == {"status": 200}

    async def enrolled() -> bool:
        return len(await world.rows("SELECT id FROM enrollments WHERE state = 'enrolled'")) == 2

    await world.until(enrolled, what="both to be enrolled")
    assert {entry["email"] for entry in await world.control("ledger")} == {"ada@corp.example", "bea@corp.example"}
    assert await world.rows("SELECT verdict FROM decisions") == [("enroll",), ("enroll",)]


async def test_an_account_joins_by_oauth_and_whoever_waited_is_enrolled(world: World) -> None:
    rules_file(world).write_text(RULES.replace('{token: "${SEGUE_HUBSPOT_TOKEN}"}', "{oauth: true}"))
    world.port = free_port()
    world.environment |= {
        "SEGUE_PUBLIC_URL": f"http://127.0.0.1:{world.port}",
        "SEGUE_HUBSPOT_APP_URL": world.sandbox_url,
        "SEGUE_HUBSPOT_CLIENT_ID": "sandbox-client",
        "SEGUE_HUBSPOT_CLIENT_SECRET": "sandbox-client-secret",
        "SEGUE_ENCRYPTION_KEYS": new_key(),
    }
    await world.start("serve")
    await world.send_event(1, "long")

    async def held() -> bool:
        return bool(await world.rows("SELECT id FROM enrollments WHERE reason = 'account_not_connected'"))

    await world.until(held, what="the enrollment to wait for its account")
    headers = {"authorization": f"Bearer {TOKEN}"}
    async with httpx.AsyncClient(trust_env=False, follow_redirects=True, timeout=30) as browser:
        link = await browser.post(f"http://127.0.0.1:{world.port}/api/v1/accounts/main/install", headers=headers)
        page = await browser.get(link.json()["url"])
    assert page.status_code == 200
    assert "main" in page.text
    await world.until_settled()
    assert await world.rows("SELECT state FROM enrollments") == [("enrolled",)]
    told = world.processes[0].log()
    assert "sandbox-client-secret" not in told
    # Access tokens of the sandbox begin like that, as HubSpot's own do.
    assert not re.search(r"CJ[A-Za-z0-9_-]{60,}", told)


async def test_an_enrollment_ends_as_a_signed_event_at_a_system_of_the_operators(world: World, far: Far) -> None:
    told = f'endpoints: {{crm: {{url: "{far.url}", secrets: ["${{HOOK_SECRET}}"], events: [enrolled]}}}}\n'
    rules_file(world).write_text(RULES + told)
    world.environment["HOOK_SECRET"] = HOOK_SECRET
    await world.start("serve --no-worker", "worker", "worker")
    email = await world.send_event(1, "long")
    async with asyncio.timeout(300):
        await far.arrived.acquire()
    (posted,) = far.posted
    event = Webhook(HOOK_SECRET).verify(posted.body, dict(posted.headers))
    ((identity, hubspot),) = await world.rows("SELECT id, hubspot_enrollment_id FROM enrollments")
    assert event["type"] == "enrollment.enrolled"
    assert (event["data"]["enrollment_id"], event["data"]["email"]) == (identity, email)
    assert (event["data"]["hubspot_enrollment_id"], event["data"]["sender"]["name"]) == (hubspot, "anna")

    url = f"http://127.0.0.1:{world.port}/api/v1/outbound/{posted.id}/replay"
    headers = {"authorization": f"Bearer {TOKEN}"}
    async with httpx.AsyncClient(headers=headers, trust_env=False) as client:

        async def delivered() -> bool:
            return await world.rows("SELECT state FROM outbound") == [("delivered",)]

        await world.until(delivered, what="the record of the delivery")
        assert (await client.post(url)).status_code == 200
    async with asyncio.timeout(300):
        await far.arrived.acquire()
    again = far.posted[-1]
    assert (again.id, again.body) == (posted.id, posted.body)
    logs = "".join(process.log() for process in world.processes)
    assert "outbound.sent" in logs
    assert HOOK_SECRET not in logs
    assert far.url not in logs
    assert email not in logs


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


async def test_a_reply_is_known_by_hubspots_webhook_and_told_in_the_enrollments_story(world: World, far: Far) -> None:
    secret = "the-apps-client-secret"
    portal = f'sources: {{portal: {{provider: hubspot, secrets: ["{secret}"], signatures: v3-only}}, crm:'
    told = f'endpoints: {{crm: {{url: "{far.url}", secrets: ["{HOOK_SECRET}"], events: [ended, replied]}}}}\n'
    rules_file(world).write_text(RULES.replace("sources: {crm:", portal) + told)
    await world.control("settings", {"search_lag": 86_400})  # the search alone would find it tomorrow
    await world.start("serve")
    hook = {"url": f"http://127.0.0.1:{world.port}/webhooks/portal", "secret": secret}
    await world.control("webhooks", hook | {"properties": ["hs_latest_sequence_ended_date"]})
    email = await world.send_event(1, "long")
    await world.until_settled()
    await world.control("happen", {"email": email, "what": "reply"})

    async def ended() -> bool:
        return bool(await world.rows("SELECT id FROM enrollments WHERE ended IS NOT NULL"))

    await world.until(ended, what="the end of the sequence to be learnt")
    async with httpx.AsyncClient(
        base_url=f"http://127.0.0.1:{world.port}", headers={"authorization": f"Bearer {TOKEN}"}, trust_env=False
    ) as client:
        (row,) = (await client.get("/api/v1/enrollments", params={"ended": "unenrolled"})).json()["items"]
        story = (await client.get(f"/api/v1/enrollments/{row['id']}")).json()["journal"]
        page = (await client.get("/metrics")).text
    assert (row["email"], row["state"], row["ended_known"]) == (email, "enrolled", True)
    assert "; inferred: because of a reply at " in row["ended_why"]
    assert row["replied_at"] is not None
    assert [line["cause"] for line in story][-3:] == ["enrolled", "ended", "replied"]
    counted = f'segue_ends_total{{account="main",how="unenrolled",known="known",sequence="{LONG}"}} 1.0'
    assert counted in page
    assert await world.rows("SELECT id FROM deliveries WHERE source = 'portal'") == []
    known = await world.rows("SELECT account, portal_id, timezone FROM hubspot_accounts")
    assert [tuple(row) for row in known] == [("main", "48000001", "UTC")]
    assert email not in world.processes[0].log()
    async with asyncio.timeout(300):
        await far.arrived.acquire()
        await far.arrived.acquire()
    events = [Webhook(HOOK_SECRET).verify(posted.body, dict(posted.headers)) for posted in far.posted]
    assert {event["type"] for event in events} == {"enrollment.ended", "enrollment.replied"}
    assert {event["data"]["ended"] for event in events} == {"unenrolled"}
