from __future__ import annotations

import pytest

from tests.support.portal import CONTACTS, OWNERS, Portal

ADA = "ada@corp.example"
DETAILS, USAGE = "/account-info/2026-03/details", "/account-info/2026-03/api-usage/daily/private-apps"
USERS = "/settings/users/2026-03"
TOKEN_INFO = "/oauth/v2/private-apps/get/access-token-info"


async def test_each_token_has_an_account_of_its_own(portal: Portal) -> None:
    told = {"properties": {"email": "only@north.example"}}
    async with portal.with_token("pat-sandbox-north") as north:
        assert (await north.post(CONTACTS, json=told)).status_code == 201
        path, named = f"{CONTACTS}/only@north.example", {"idProperty": "email"}
        statuses = [(await client.get(path, params=named)).status_code for client in (north, portal.client)]
        ids = [(await client.get(DETAILS)).json()["portalId"] for client in (north, portal.client)]
    assert statuses == [200, 404]
    assert len(set(ids)) == 2


async def test_an_account_keeps_its_own_window_ledger_settings_and_troubles(portal: Portal) -> None:
    await portal.control("settings", {"per_10s": 1}, "north")
    await portal.control("faults", [{"route": "owners", "kind": "status", "status": 503}], "south")
    told = {}
    for name in ("north", "south", "east"):
        async with portal.with_token(f"pat-sandbox-{name}") as client:
            told[name] = [(await client.get(OWNERS)).status_code for _ in range(2)]
    calls = (await portal.client.get("/_sandbox/calls", params={"portal": "north"})).json()
    assert told == {"north": [200, 429], "south": [503, 503], "east": [200, 200]}
    assert calls["routes"] == {"owners": {"200": 1, "429": 1}}
    assert (await portal.client.get("/_sandbox/calls")).json()["total"] == 0


async def test_the_settings_of_the_start_hold_in_every_account() -> None:
    portal = Portal("pat-sandbox-north", per_10s=1)
    assert [(await portal.client.get(OWNERS)).status_code for _ in range(2)] == [200, 429]


async def test_a_token_that_was_replaced_opens_no_account(portal: Portal) -> None:
    await portal.control("settings", {"token": "pat-new"}, "north")
    answers = [await portal.with_token(token).get(DETAILS) for token in ("pat-sandbox-north", "pat-new")]
    assert [answer.status_code for answer in answers] == [401, 200]


@pytest.mark.parametrize("name", ["read", "a b", "-x", "x" * 41])
async def test_what_is_no_name_is_no_account(portal: Portal, name: str) -> None:
    assert (await portal.client.get("/_sandbox/people", params={"portal": name})).status_code == 422


@pytest.mark.parametrize(
    ("zone", "resets_at"),
    [("UTC", "2027-01-16T00:00:00.000Z"), ("America/New_York", "2027-01-16T05:00:00.000Z")],
)
async def test_the_usage_of_the_day_names_the_midnight_of_the_account(zone: str, resets_at: str) -> None:
    portal = Portal(timezone=zone, daily=10)
    await portal.client.get(OWNERS)
    (told,) = (await portal.client.get(USAGE)).json()["results"]
    assert (told["usageLimit"], told["currentUsage"], told["resetsAt"]) == (10, 2, resets_at)
    details = (await portal.client.get(DETAILS)).json()
    assert details["timeZone"] == zone
    assert details["utcOffset"] == ("+00:00" if zone == "UTC" else "-05:00")


async def test_the_day_begins_anew_at_the_midnight_of_the_account() -> None:
    portal = Portal(daily=1, timezone="America/New_York")  # it is 8:00 in UTC, 3:00 there
    statuses = []
    for hours in (0.0, 16.0, 4.999, 0.002):
        portal.clock.now += hours * 3600
        statuses.append((await portal.client.get(OWNERS)).status_code)
    assert statuses == [200, 429, 429, 200]


async def test_a_time_zone_that_does_not_exist_is_no_setting(portal: Portal) -> None:
    answer = await portal.client.post("/_sandbox/settings", json={"timezone": "Mars/Olympus"})
    assert answer.status_code == 422


async def test_a_token_tells_whose_it_is(portal: Portal) -> None:
    full, read_only, unknown = [
        await portal.client.post(TOKEN_INFO, json={"tokenKey": token})
        for token in ("pat-sandbox", "pat-sandbox-read", "wrong")
    ]
    assert full.json().keys() == {"userId", "hubId", "appId", "scopes"}
    missing = set(full.json()["scopes"]) - set(read_only.json()["scopes"])
    assert missing == {"automation.sequences.enrollments.write"}
    assert unknown.status_code == 404


async def test_users_are_shown_with_their_seats(portal: Portal) -> None:
    listed = (await portal.client.get(USERS)).json()["results"]
    assert {user["email"]: user["seatNames"] for user in listed} == {
        "anna@acme.example": ["sales-pro"],
        "ben@acme.example": ["sales-pro"],
        "cleo@acme.example": [],
        "dan@acme.example": ["sales-pro"],
    }
    by_id = await portal.client.get(f"{USERS}/7003")
    by_email = await portal.client.get(f"{USERS}/cleo@acme.example", params={"idProperty": "EMAIL"})
    assert by_id.json() == by_email.json() == listed[2]
    assert (await portal.client.get(f"{USERS}/90213")).status_code == 404


async def test_the_list_of_users_goes_on_after_each_page(portal: Portal) -> None:
    first = (await portal.client.get(USERS, params={"limit": "3"})).json()
    second = (await portal.client.get(USERS, params={"limit": "3", "after": first["paging"]["next"]["after"]})).json()
    assert [user["id"] for page in (first, second) for user in page["results"]] == ["7001", "7002", "7003", "7004"]
    assert "paging" not in second


async def test_properties_can_be_added(portal: Portal) -> None:
    await portal.control("settings", {"extra_properties": ["plan_tier"]})
    await portal.write(ADA, plan_tier="gold", hs_timezone="europe_slash_berlin")
    assert await portal.properties(ADA, "plan_tier", "hs_timezone", "shoe_size") == {
        "plan_tier": "gold",
        "hs_timezone": "europe_slash_berlin",
    }
