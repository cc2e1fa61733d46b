from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.support.sandbox_account import CONTACTS, OWNERS, SandboxAccount

if TYPE_CHECKING:
    import httpx

ADA, BEA = "ada@corp.example", "bea@corp.example"


async def search(account: SandboxAccount, *groups: list[dict[str, Any]], **more: Any) -> httpx.Response:
    body = {"filterGroups": [{"filters": group} for group in groups], "properties": ["email"]} | more
    return await account.client.post(f"{CONTACTS}/search", json=body)


async def found(account: SandboxAccount, *groups: list[dict[str, Any]], **more: Any) -> list[str]:
    answer = await search(account, *groups, **more)
    assert answer.status_code == 200, answer.text
    account.clock.now += 1  # five a second
    return [one["properties"]["email"] for one in answer.json()["results"]]


def where(name: str, operator: str, **values: Any) -> dict[str, Any]:
    return {"propertyName": name, "operator": operator, **values}


async def test_filters_of_a_group_must_all_hold_and_one_group_is_enough(account: SandboxAccount) -> None:
    ada = [where("firstname", "EQ", value="ADA"), where("lastname", "EQ", value="Corp")]
    no_contact = [where("firstname", "EQ", value="Ada"), where("lastname", "EQ", value="Other")]
    bea = [where("email", "IN", values=[BEA, "x@y.example"])]
    assert await found(account, ada) == [ADA]
    assert await found(account, no_contact) == []
    assert await found(account, no_contact, bea, ada) == [ADA, BEA]


async def test_dates_are_compared_whether_written_in_words_or_in_milliseconds(account: SandboxAccount) -> None:
    name = "hs_latest_sequence_unenrolled_date"
    for email in (ADA, BEA):
        await account.enroll(email)
        await account.control("happen", {"email": email, "what": "reply"})
        account.clock.now += 60
    since, until = "2027-01-15T08:00:30.000Z", str(1_800_000_030_000)
    assert await found(account, [where(name, "GTE", value=since)]) == [BEA]
    assert await found(account, [where(name, "LTE", value=until)]) == [ADA]
    newest_first = [{"propertyName": name, "direction": "DESCENDING"}]
    assert await found(account, [where(name, "HAS_PROPERTY")], sorts=newest_first) == [BEA, ADA]


async def test_pages_follow_each_other_to_the_end(account: SandboxAccount) -> None:
    first = (await search(account, limit=40, sorts=["email"])).json()
    after = first["paging"]["next"]["after"]
    second = (await search(account, limit=40, sorts=["email"], after=after)).json()
    emails = [one["properties"]["email"] for page in (first, second) for one in page["results"]]
    assert first["total"] == len(emails) == len(account.state.contacts())
    assert emails == sorted(emails)
    assert "paging" not in second


async def test_search_finds_what_was_written_only_after_the_lag() -> None:
    account = SandboxAccount(search_lag=5)
    await account.upsert({"id": "new@corp.example", "idProperty": "email", "properties": {}})
    await account.write(ADA, company="Corp")
    new, changed = [where("email", "EQ", value="new@corp.example")], [where("company", "EQ", value="Corp")]
    assert await found(account, new, changed) == []
    account.clock.now += 4
    assert await found(account, new, changed) == [ADA, "new@corp.example"]


async def test_a_sixth_search_within_a_second_is_refused_by_the_text_alone(account: SandboxAccount) -> None:
    answers = [await search(account, limit=1) for _ in range(6)]
    assert [answer.status_code for answer in answers] == [200] * 5 + [429]
    assert answers[-1].json()["message"] == "You have reached your secondly limit."
    assert "policyName" not in answers[-1].json()
    assert not any(name.startswith("x-hubspot") for answer in answers for name in answer.headers)
    account.clock.now += 1
    assert (await search(account, limit=1)).status_code == 200
    assert (await account.client.get(OWNERS)).headers["x-hubspot-ratelimit-remaining"] == "183"


@pytest.mark.parametrize(
    "body",
    [
        {"limit": 201},
        {"after": "10000"},
        {"after": "x"},
        {"sorts": ["shoe_size"]},
        {"sorts": ["email", "phone"]},
        {"filterGroups": {}},
        {"filterGroups": [{}]},
        {"filterGroups": [{"filters": []}] * 6},
        {"filterGroups": [{"filters": [where("email", "HAS_PROPERTY")] * 7}]},
        {"filterGroups": [{"filters": [where("shoe_size", "HAS_PROPERTY")]}]},
        {"filterGroups": [{"filters": [where("email", "BETWEEN", value="a")]}]},
        {"filterGroups": [{"filters": [where("email", "EQ")]}]},
        {"filterGroups": [{"filters": [where("email", "IN", value="a")]}]},
        {"properties": "email"},
    ],
)
async def test_a_search_that_makes_no_sense_is_refused(account: SandboxAccount, body: dict[str, Any]) -> None:
    answer = await account.client.post(f"{CONTACTS}/search", json=body)
    assert (answer.status_code, answer.json()["category"]) == (400, "VALIDATION_ERROR")
