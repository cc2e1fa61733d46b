"""HubSpot's workflows enroll contacts through the rules."""

from __future__ import annotations

from tests.support.logs import rules_file
from tests.support.world import RULES, World

WORKFLOWS = """
  - {id: workflow, source: portal, type: contact.workflow, enroll: {sequence: "310001", sender: anna}}
  - {id: action, source: portal, type: contact.action, enroll: {sequence: "310001", sender: anna}}
"""


async def test_hubspots_workflows_enroll_contacts_through_rules(world: World) -> None:
    """Neither the action nor its definition needs to name the address: the contact is read then."""
    text = RULES.replace(
        "sources: {crm", "sources: {portal: {provider: hubspot, secrets: [app-secret], signatures: any}, crm"
    )
    rules_file(world).write_text(text.rstrip() + WORKFLOWS, encoding="utf-8")
    await world.start("serve")
    posting = {"url": f"http://127.0.0.1:{world.port}/webhooks/portal", "secret": "app-secret"}
    people = {person["properties"]["email"]: person["id"] for person in await world.control("people")}
    bea = {"objectId": int(people["bea@corp.example"]), "objectType": "CONTACT"}
    action = {"callbackId": "ap-1-2-3-0", "origin": {"portalId": 48_000_001}, "object": bea, "inputFields": {}}
    for email, body in (("ada@corp.example", None), ("bea@corp.example", action), ("bea@corp.example", action)):
        answer = await world.control("workflow-webhook", posting | {"email": email, "body": body})
        assert answer == {"status": 200}

    async def enrolled() -> bool:
        return len(await world.rows("SELECT id FROM enrollments WHERE state = 'enrolled'")) == 2

    await world.until(enrolled, what="both to be enrolled")
    assert {entry["email"] for entry in await world.control("ledger")} == {"ada@corp.example", "bea@corp.example"}
    assert await world.rows("SELECT verdict FROM decisions") == [("enroll",), ("enroll",)]
