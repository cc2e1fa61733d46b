from __future__ import annotations

import pytest

from tests.support.sandbox_account import CONTACTS, OWNERS, SandboxAccount

ADA = "ada@corp.example"
DETAILS, USAGE = "/account-info/2026-03/details", "/account-info/2026-03/api-usage/daily/private-apps"
USERS = "/settings/users/2026-03"
TOKEN_INFO = "/oauth/v2/private-apps/get/access-token-info"


async def test_each_token_has_an_account_of_its_own(account: SandboxAccount) -> None:
    body = {"properties": {"email": "only@north.example"}}
    async with account.with_token("pat-sandbox-north") as north:
        assert (await north.post(CONTACTS, json=body)).status_code == 201
        path, named = f"{CONTACTS}/only@north.example", {"idProperty": "email"}
        statuses = [(await client.get(path, params=named)).status_code for client in (north, account.client)]
        ids = [(await client.get(DETAILS)).json()["portalId"] for client in (north, account.client)]
    assert statuses == [200, 404]
    assert len(set(ids)) == 2


async def test_an_account_keeps_its_own_window_ledger_settings_and_troubles(account: SandboxAccount) -> None:
    await account.control("settings", {"per_10s": 1}, "north")
    await account.control("faults", [{"route": "owners", "kind": "status", "status": 503}], "south")
    statuses = {}
    for name in ("north", "south", "east"):
        async with account.with_token(f"pat-sandbox-{name}") as client:
            statuses[name] = [(await client.get(OWNERS)).status_code for _ in range(2)]
    calls = (await account.client.get("/_sandbox/calls", params={"portal": "north"})).json()
    assert statuses == {"north": [200, 429], "south": [503, 503], "east": [200, 200]}
    assert calls["routes"] == {"owners": {"200": 1, "429": 1}}
    assert (await account.client.get("/_sandbox/calls")).json()["total"] == 0


async def test_the_settings_of_the_start_hold_in_every_account() -> None:
    account = SandboxAccount("pat-sandbox-north", per_10s=1)
    assert [(await account.client.get(OWNERS)).status_code for _ in range(2)] == [200, 429]


async def test_a_token_that_was_replaced_opens_no_account(account: SandboxAccount) -> None:
    await account.control("settings", {"token": "pat-new"}, "north")
    answers = [await account.with_token(token).get(DETAILS) for token in ("pat-sandbox-north", "pat-new")]
    assert [answer.status_code for answer in answers] == [401, 200]


@pytest.mark.parametrize("name", ["read", "a b", "-x", "x" * 41])
async def test_what_is_no_name_is_no_account(account: SandboxAccount, name: str) -> None:
    assert (await account.client.get("/_sandbox/people", params={"portal": name})).status_code == 422


@pytest.mark.parametrize(
    ("zone", "resets_at"),
    [("UTC", "2027-01-16T00:00:00.000Z"), ("America/New_York", "2027-01-16T05:00:00.000Z")],
)
async def test_the_usage_of_the_day_names_the_midnight_of_the_account(zone: str, resets_at: str) -> None:
    account = SandboxAccount(timezone=zone, daily=10)
    await account.client.get(OWNERS)
    (usage,) = (await account.client.get(USAGE)).json()["results"]
    assert (usage["usageLimit"], usage["currentUsage"], usage["resetsAt"]) == (10, 2, resets_at)
    details = (await account.client.get(DETAILS)).json()
    assert details["timeZone"] == zone
    assert details["utcOffset"] == ("+00:00" if zone == "UTC" else "-05:00")


async def test_the_day_begins_anew_at_the_midnight_of_the_account() -> None:
    account = SandboxAccount(daily=1, timezone="America/New_York")  # it is 8:00 in UTC, 3:00 there
    statuses = []
    for hours in (0.0, 16.0, 4.999, 0.002):
        account.clock.now += hours * 3600
        statuses.append((await account.client.get(OWNERS)).status_code)
    assert statuses == [200, 429, 429, 200]


async def test_a_time_zone_that_does_not_exist_is_no_setting(account: SandboxAccount) -> None:
    answer = await account.client.post("/_sandbox/settings", json={"timezone": "Mars/Olympus"})
    assert answer.status_code == 422


async def test_a_token_tells_whose_it_is(account: SandboxAccount) -> None:
    full, read_only, unknown = [
        await account.client.post(TOKEN_INFO, json={"tokenKey": token})
        for token in ("pat-sandbox", "pat-sandbox-read", "wrong")
    ]
    assert full.json().keys() == {"userId", "hubId", "appId", "scopes"}
    missing = set(full.json()["scopes"]) - set(read_only.json()["scopes"])
    assert missing == {"automation.sequences.enrollments.write"}
    assert unknown.status_code == 404


async def test_users_are_shown_with_their_seats(account: SandboxAccount) -> None:
    listed = (await account.client.get(USERS)).json()["results"]
    assert {user["email"]: user["seatNames"] for user in listed} == {
        "anna@acme.example": ["sales-pro"],
        "ben@acme.example": ["sales-pro"],
        "cleo@acme.example": [],
        "dan@acme.example": ["sales-pro"],
    }
    by_id = await account.client.get(f"{USERS}/7003")
    by_email = await account.client.get(f"{USERS}/cleo@acme.example", params={"idProperty": "EMAIL"})
    assert by_id.json() == by_email.json() == listed[2]
    assert (await account.client.get(f"{USERS}/90213")).status_code == 404


async def test_the_list_of_users_goes_on_after_each_page(account: SandboxAccount) -> None:
    first = (await account.client.get(USERS, params={"limit": "3"})).json()
    second = (await account.client.get(USERS, params={"limit": "3", "after": first["paging"]["next"]["after"]})).json()
    assert [user["id"] for page in (first, second) for user in page["results"]] == ["7001", "7002", "7003", "7004"]
    assert "paging" not in second


async def test_properties_can_be_added(account: SandboxAccount) -> None:
    await account.control("settings", {"extra_properties": ["plan_tier"]})
    await account.write(ADA, plan_tier="gold", hs_timezone="europe_slash_berlin")
    assert await account.properties(ADA, "plan_tier", "hs_timezone", "shoe_size") == {
        "plan_tier": "gold",
        "hs_timezone": "europe_slash_berlin",
    }
