"""One event from its delivery to HubSpot, as an operator finds it in logs and routes."""

from __future__ import annotations

import httpx

from tests.support.logs import TOKEN, logged, rules_file
from tests.support.world import LONG, RULES, World


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
        (event,) = (await client.post("/events/search", json={"email": email})).json()["items"]
        (decision,) = (await client.post("/decisions/search", json={"email": email})).json()["items"]
        (enrollment,) = (await client.get("/enrollments", params={"state": "enrolled"})).json()["items"]
        read = (await client.get(f"/enrollments/{enrollment['id']}")).json()
    assert decision["event_id"] == event["id"]
    assert decision["enrollment_id"] == enrollment["id"]
    assert (enrollment["rule"], enrollment["sender"], enrollment["sequence"]) == ("long", "anna", LONG)
    assert [step["cause"] for step in read["journal"]] == [
        "accepted",
        "claimed",
        "assigned",
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
        (detail,) = [line["detail"] for line in one["journal"] if line["cause"] == "write_back_dropped"]
        assert detail.startswith("segue_rule was not written: HubSpot has no such property")
        assert "create or mend it in HubSpot" in detail
    assert 'segue_write_backs_dropped_total{account="main",property="segue_rule"} 3.0' in metrics
    logged_ones = await logged(world, "enrollment.write_back_dropped", times=3)
    assert {line["property"] for line in logged_ones} == {"segue_rule"}
    assert "@" not in world.processes[0].log()
