"""Contacts with several addresses, and contacts that were merged."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.support.sandbox_account import CONTACTS

if TYPE_CHECKING:
    from tests.support.sandbox_account import SandboxAccount

PRIMARY, SECONDARY = "prim@corp.example", "sec@corp.example"
NAMES = ["email", "hs_additional_emails", "hs_merged_object_ids", "hs_calculated_merged_vids", "firstname"]


async def read(account: SandboxAccount, key: str, **by: str) -> dict[str, Any]:
    body = {"properties": NAMES, "inputs": [{"id": key}], **by}
    answer = await account.client.post(f"{CONTACTS}/batch/read", json=body)
    (found,) = answer.json()["results"]
    return dict(found)


async def found_by(account: SandboxAccount, name: str, value: str) -> int:
    filters = [{"propertyName": name, "operator": "EQ", "value": value}]
    answer = await account.client.post(f"{CONTACTS}/search", json={"filterGroups": [{"filters": filters}]})
    total: int = answer.json()["total"]
    return total


async def test_a_contact_is_upserted_and_read_by_a_secondary_address_and_shows_its_primary_one(
    account: SandboxAccount,
) -> None:
    made = await account.control("contacts", {"email": PRIMARY, "additional": [SECONDARY]})
    answer = await account.upsert({"id": SECONDARY, "idProperty": "email", "properties": {"firstname": "Sue"}})
    (written,) = answer.json()["results"]
    assert (written["id"], written["new"], written["properties"]["email"]) == (made["id"], False, PRIMARY)
    shown = await read(account, SECONDARY, idProperty="email")
    assert (shown["id"], shown["properties"]["hs_additional_emails"]) == (made["id"], SECONDARY)
    assert await account.properties(SECONDARY, "email", "firstname") == {"email": PRIMARY, "firstname": "Sue"}


async def test_a_search_finds_a_secondary_address_by_its_own_property_alone(account: SandboxAccount) -> None:
    await account.control("contacts", {"email": PRIMARY, "additional": [SECONDARY, "third@corp.example"]})
    assert await found_by(account, "email", SECONDARY) == 0
    assert await found_by(account, "hs_additional_emails", SECONDARY) == 1


async def test_a_secondary_address_is_taken_for_other_contacts(account: SandboxAccount) -> None:
    await account.control("contacts", {"email": PRIMARY, "additional": [SECONDARY]})
    answer = await account.client.post(CONTACTS, json={"properties": {"email": SECONDARY}})
    assert answer.status_code == 409
    body = {"email": "ada@corp.example", "additional": [SECONDARY]}
    assert (await account.client.post("/_sandbox/contacts", json=body)).status_code == 409
    assert (await account.client.post("/_sandbox/contacts", json={"email": 1})).status_code == 422


async def test_a_merge_makes_a_third_contact_that_both_ids_and_all_addresses_find(account: SandboxAccount) -> None:
    await account.control("contacts", {"email": PRIMARY, "additional": [SECONDARY]})
    ada, primary = account.id_of("ada@corp.example"), account.id_of(PRIMARY)
    merged = (await account.control("merge", {"email": PRIMARY, "other": "ada@corp.example"}))["id"]
    assert merged not in {ada, primary}
    for shown in [await read(account, key) for key in (ada, primary, merged)]:
        assert shown["id"] == merged
    properties = shown["properties"]
    assert properties["email"] == PRIMARY
    assert properties["firstname"] == "Ada"
    assert properties["hs_additional_emails"] == f"{SECONDARY};ada@corp.example"
    assert properties["hs_merged_object_ids"] == f"{primary};{ada}"
    assert [one.partition(":")[0] for one in properties["hs_calculated_merged_vids"].split(";")] == [primary, ada]
    assert account.id_of("ada@corp.example") == account.id_of(SECONDARY) == merged
    body = {"email": PRIMARY, "other": SECONDARY}
    assert (await account.client.post("/_sandbox/merge", json=body)).status_code == 409


async def test_the_sequence_of_a_merged_contact_goes_on(account: SandboxAccount) -> None:
    await account.enroll("ada@corp.example")
    await account.control("merge", {"email": "bea@corp.example", "other": "ada@corp.example"})
    assert (await account.status("bea@corp.example")).status_code == 200
