"""The operator changes the rules of a running service."""

from __future__ import annotations

import signal

import httpx

from tests.support.logs import REVISIONS, TOKEN, logged, rules_file
from tests.support.world import RULES, World


async def test_sighup_puts_new_rules_in_force_and_broken_ones_never(world: World) -> None:
    await world.start("serve")
    await world.send_event(1, "long")
    rules_file(world).write_text(RULES.replace("sender: anna", "sender: missing"))
    world.processes[0].send(signal.SIGHUP)
    (rejected,) = await logged(world, "rulebook.rejected")
    assert len(rejected["mistakes"]) == 2
    assert all("there is no sender 'missing'" in mistake for mistake in rejected["mistakes"])
    await world.send_event(2, "long")
    rules_file(world).write_text(RULES + "# new\n")
    world.processes[0].send(signal.SIGHUP)
    (_, loaded, *_) = await logged(world, "rulebook.loaded", times=2)  # the processes of the service follow each other
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
        headers = {"authorization": f"Bearer {TOKEN}"}
        page = (await client.get(f"http://127.0.0.1:{world.port}/metrics", headers=headers)).text
    assert "segue_config_last_reload_successful 0.0" in page


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
