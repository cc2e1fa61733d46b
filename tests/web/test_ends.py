"""Hints of what became of enrollments, taken from HubSpot's webhooks; and what operators are shown of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import text

from tests.support.service import RULES
from tests.support.service import write as write_rules

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.service import Running

FOLLOWED = "UPDATE enrollments SET state = 'enrolled', contact_id = '501', follow_at = now() + interval '1 day'"
HINTED = "SELECT id FROM enrollments WHERE hinted_at IS NOT NULL"


def change(name: str = "hs_latest_sequence_ended_date", value: str = "1795424400000", **more: Any) -> dict[str, Any]:
    common = {"eventId": 1, "subscriptionId": 2, "portalId": 3, "objectId": 501, "occurredAt": 1_795_424_400_000}
    kind = {"subscriptionType": "contact.propertyChange", "propertyName": name, "propertyValue": value}
    return {**common, **kind, **more}


async def followed(web: Running) -> None:
    """Have three enrollments: of contacts 501 and 502, which are followed, and another one of 501, which is not."""
    for number in (1, 2, 3):
        await web.deliver("open", {"id": f"f{number}", "type": "ping", "email": f"p{number}@corp.example"})
    await write(web, f"{FOLLOWED} WHERE email = 'p1@corp.example'")
    await write(web, "UPDATE enrollments SET contact_id = '501' WHERE email = 'p2@corp.example'")
    await write(web, f"{FOLLOWED.replace('501', '502')} WHERE email = 'p3@corp.example'")


async def write(web: Running, statement: str) -> None:
    async with web.process.engine.begin() as connection:
        await connection.execute(text(statement))


@pytest.mark.parametrize(
    "webhook",
    [
        change(),
        change("hs_latest_sequence_finished_date"),
        change("hs_latest_sequence_unenrolled_date"),
        change("hs_sales_email_last_replied"),
        change("hs_sequences_is_enrolled", "false"),
        change(subscriptionType="object.propertyChange", objectTypeId="0-1"),
        {**change(), "subscriptionType": "contact.deletion", "propertyName": None},
    ],
)
async def test_a_webhook_that_no_rule_listens_to_hints_and_is_not_stored(web: Running, webhook: dict[str, Any]) -> None:
    await followed(web)
    answer = await web.deliver("portal", [webhook])
    assert (answer.status_code, answer.json()["filtered"]) == (200, True)
    (row,) = await web.rows_once_there(HINTED)
    assert [row] == await web.rows("SELECT id FROM enrollments WHERE email = 'p1@corp.example'")
    assert await web.rows("SELECT id FROM deliveries WHERE source = 'portal'") == []


@pytest.mark.parametrize(
    "webhook",
    [
        change("hs_sequences_is_enrolled", "true"),  # it begins
        change("lifecyclestage", "lead"),
        change(objectId=777),
        change(subscriptionType="deal.propertyChange"),
        change(objectId="501; --"),
    ],
)
async def test_what_says_nothing_of_an_end_is_no_hint(web: Running, webhook: dict[str, Any]) -> None:
    await followed(web)
    assert (await web.deliver("portal", [webhook])).status_code == 200
    await only_the_next_one_hints(web)


async def test_an_unsigned_webhook_hints_at_nothing(web: Running) -> None:
    await followed(web)
    answer = await web.client.post("/webhooks/portal", json=[change()])
    assert answer.status_code == 401
    await only_the_next_one_hints(web)


async def test_a_hint_of_another_portal_than_the_accounts_changes_no_enrollment(web: Running) -> None:
    await followed(web)
    await write(web, "INSERT INTO hubspot_accounts VALUES ('main', '4', NULL, now())")
    assert (await web.deliver("portal", [change(portalId=3)])).status_code == 200
    await web.deliver("portal", [change(portalId=4, objectId=502)])
    (row,) = await web.rows_once_there(HINTED)
    assert [row] == await web.rows("SELECT id FROM enrollments WHERE email = 'p3@corp.example'")


async def test_a_hint_touches_the_account_with_its_portal(web: Running, rules: Path) -> None:
    await followed(web)
    await write(web, "UPDATE enrollments SET contact_id = '501', account = 'apac' WHERE email = 'p3@corp.example'")
    await write(web, "INSERT INTO hubspot_accounts VALUES ('main', '3', NULL, now()), ('apac', '4', NULL, now())")
    two = "accounts: {main: {token: x}, apac: {token: y}}\nsources:"
    rules_of_two = RULES.replace("sources:", two, 1).replace("    enroll:", "    account: main\n    enroll:")
    write_rules(rules, rules_of_two)
    await web.process.rulebook.reload()
    assert (await web.deliver("portal", [change(portalId=4)])).status_code == 200
    (row,) = await web.rows_once_there(HINTED)
    assert [row] == await web.rows("SELECT id FROM enrollments WHERE email = 'p3@corp.example'")


async def only_the_next_one_hints(web: Running) -> None:
    """See that a hint which comes now is written, and that none came before it: they are written in their order."""
    await web.deliver("portal", [change(objectId=502)])
    (row,) = await web.rows_once_there(HINTED)
    assert [row] == await web.rows("SELECT id FROM enrollments WHERE email = 'p3@corp.example'")


async def test_operators_are_shown_what_became_of_enrollments(web: Running) -> None:
    await followed(web)
    await write(
        web,
        "UPDATE enrollments SET ended = 'unenrolled', ended_at = now(), ended_known = true,"
        " ended_why = 'known: x; inferred: y', replied_at = now() WHERE email = 'p1@corp.example'",
    )
    (row,) = (await web.get("/api/v1/enrollments", ended="unenrolled")).json()["items"]
    assert (row["email"], row["state"], row["ended"], row["ended_known"], row["ended_why"]) == (
        "p1@corp.example",
        "enrolled",
        "unenrolled",
        True,
        "known: x; inferred: y",
    )
    assert row["ended_at"] is not None
    assert row["replied_at"] is not None
    assert (await web.get("/api/v1/enrollments", ended="finished")).json()["items"] == []
    assert (await web.get("/api/v1/enrollments", ended="maybe")).status_code == 422
    other = (await web.post("/api/v1/enrollments/search", email="p2@corp.example")).json()["items"][0]
    assert (other["ended"], other["replied_at"]) == (None, None)


async def test_the_oldest_overdue_look_is_a_gauge_of_the_accounts_in_force(web: Running, rules: Path) -> None:
    async def overdue() -> dict[str, float]:
        """Return hours by account."""
        await web.get("/metrics")
        gauges = web.process.metrics.registry.restricted_registry(["segue_follow_overdue_seconds"]).collect()
        return {sample.labels["account"]: sample.value // 3600 for gauge in gauges for sample in gauge.samples}

    async def in_force(account: str) -> None:
        write_rules(rules, f"{RULES}accounts:\n  {account}: {{token: pat-1}}\n")
        await web.process.rulebook.reload()

    await followed(web)
    await write(web, "UPDATE enrollments SET state = 'enrolled', follow_at = now() - interval '1 hour'")
    await write(
        web, "UPDATE enrollments SET account = 'emea', follow_at = now() - interval '2 h' WHERE contact_id = '502'"
    )
    assert await overdue() == {"main": 1}
    # One that left is looked at no more: its figure would grow for ever.
    await in_force("emea")
    assert await overdue() == {"emea": 2}
    await in_force("idle")
    assert await overdue() == {"idle": 0}
