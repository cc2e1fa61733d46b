from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.support.sandbox_account import OWNERS, SEQUENCES, SandboxAccount

if TYPE_CHECKING:
    import httpx

BACK = "https://segue.example/oauth/callback"
TOKEN = "/oauth/2026-03/token"
CLIENT = {"client_id": "sandbox-client", "client_secret": "sandbox-client-secret"}
SCOPES = "crm.objects.owners.read automation.sequences.read"
VERIFIER = "a-verifier-of-some-length-as-the-rfc-wants-it"
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
WITH_CHALLENGE = {"code_challenge": CHALLENGE, "code_challenge_method": "S256"}


async def consent(account: SandboxAccount, /, **more: str) -> str:
    asked = {"client_id": "sandbox-client", "redirect_uri": BACK, "scope": SCOPES, "state": "abc"} | more
    answer = await account.client.get("/oauth/authorize", params=asked)
    assert answer.status_code == 302
    query = parse_qs(urlsplit(answer.headers["location"]).query)
    assert answer.headers["location"].startswith(f"{BACK}?")
    assert query["state"] == ["abc"]
    return query["code"][0]


async def exchange(account: SandboxAccount, code: str, /, **more: str) -> httpx.Response:
    form = CLIENT | {"grant_type": "authorization_code", "code": code, "redirect_uri": BACK} | more
    return await account.client.post(TOKEN, data=form)


async def tokens(account: SandboxAccount, /, **more: str) -> dict[str, Any]:
    answer = await exchange(account, await consent(account, **more))
    assert answer.status_code == 200
    granted: dict[str, Any] = answer.json()
    return granted


async def refresh(account: SandboxAccount, token: str) -> httpx.Response:
    return await account.client.post(TOKEN, data=CLIENT | {"grant_type": "refresh_token", "refresh_token": token})


async def status_with(account: SandboxAccount, token: str) -> int:
    return (await account.with_token(token).get(OWNERS)).status_code


async def test_a_code_is_exchanged_for_tokens_of_the_account_that_consented(account: SandboxAccount) -> None:
    north = await tokens(account, portal="north")
    assert north.keys() == {
        "access_token",
        "expires_in",
        "refresh_token",
        "token_type",
        "token_use",
        "hub_id",
        "user_id",
        "scopes",
    }
    assert (north["expires_in"], north["token_type"], north["token_use"]) == (1800, "bearer", "access_token")
    assert north["scopes"] == [*SCOPES.split(), "oauth"]
    assert len(north["access_token"]) >= 500
    details = await account.with_token(north["access_token"]).get("/account-info/2026-03/details")
    assert details.json()["portalId"] == north["hub_id"] != account.state.id


async def test_a_code_counts_once(account: SandboxAccount) -> None:
    code = await consent(account)
    assert [(await exchange(account, code)).status_code for _ in range(2)] == [200, 400]


@pytest.mark.parametrize(
    ("wrong", "status"),
    [
        ({"redirect_uri": f"{BACK}/"}, "BAD_REDIRECT_URI"),
        ({"code": "guessed"}, "BAD_AUTH_CODE"),
        ({"client_id": "another"}, "BAD_CLIENT_ID"),
        ({"client_secret": "guessed"}, "BAD_CLIENT_SECRET"),
        ({"grant_type": "password"}, "BAD_GRANT_TYPE"),
    ],
)
async def test_what_does_not_fit_the_consent_brings_no_token(
    account: SandboxAccount, wrong: dict[str, str], status: str
) -> None:
    answer = await exchange(account, await consent(account), **wrong)
    assert (answer.status_code, answer.json()["status"]) == (400, status)


@pytest.mark.parametrize(("verifier", "status"), [(VERIFIER, 200), ("another", 400), ("", 400)])
async def test_a_challenge_wants_its_verifier(account: SandboxAccount, verifier: str, status: int) -> None:
    code = await consent(account, **WITH_CHALLENGE)
    assert (await exchange(account, code, code_verifier=verifier)).status_code == status


async def test_tokens_are_asked_for_in_a_form_and_nowhere_else(account: SandboxAccount) -> None:
    form = CLIENT | {"grant_type": "authorization_code", "code": await consent(account), "redirect_uri": BACK}
    answers = [await account.client.post(TOKEN, json=form), await account.client.post(TOKEN, params=form)]
    assert [answer.status_code for answer in answers] == [400, 400]
    assert (await account.client.post("/oauth/v1/token", data=form)).status_code == 404


async def test_an_access_token_expires_and_is_refreshed(account: SandboxAccount) -> None:
    first = await tokens(account)
    account.clock.now += 1799.5
    assert await status_with(account, first["access_token"]) == 200
    account.clock.now += 0.5
    late = await account.with_token(first["access_token"]).get(OWNERS)
    assert (late.status_code, late.json()["category"]) == (401, "EXPIRED_AUTHENTICATION")
    second = (await refresh(account, first["refresh_token"])).json()
    assert second["refresh_token"] == first["refresh_token"]
    assert await status_with(account, second["access_token"]) == 200


async def test_a_refresh_token_is_replaced_on_request() -> None:
    account = SandboxAccount(oauth_rotates=True)
    first = await tokens(account)
    second = (await refresh(account, first["refresh_token"])).json()
    third = await refresh(account, second["refresh_token"])
    assert third.status_code == 200
    assert (await refresh(account, first["refresh_token"])).json()["status"] == "BAD_REFRESH_TOKEN"


async def test_a_dead_grant_is_refused_as_hubspot_says_it(account: SandboxAccount) -> None:
    mine, norths = await tokens(account), await tokens(account, portal="north")
    assert await account.control("revoke-grants", {}) == {"revoked": 1}
    answer = await refresh(account, mine["refresh_token"])
    message = "refresh token is invalid, expired or revoked"
    assert (answer.status_code, answer.json()) == (
        400,
        {
            "error": "invalid_grant",
            "error_description": message,
            "status": "BAD_REFRESH_TOKEN",
            "message": message,
        },
    )
    assert await status_with(account, mine["access_token"]) == 401
    assert await status_with(account, norths["access_token"]) == 200


async def test_access_tokens_end_before_their_time_on_request(account: SandboxAccount) -> None:
    mine, norths = await tokens(account), await tokens(account, portal="north")
    assert await account.control("expire-tokens", {}) == {"expired": 1}
    assert await status_with(account, mine["access_token"]) == 401
    assert await status_with(account, norths["access_token"]) == 200
    renewed = (await refresh(account, mine["refresh_token"])).json()
    assert await status_with(account, renewed["access_token"]) == 200


async def test_revoking_a_token_ends_what_it_brought(account: SandboxAccount) -> None:
    granted = await tokens(account)
    answer = await account.client.post(f"{TOKEN}/revoke", data=CLIENT | {"token": granted["refresh_token"]})
    assert answer.is_success
    assert await status_with(account, granted["access_token"]) == 401
    assert (await refresh(account, granted["refresh_token"])).status_code == 400


async def test_introspection_tells_of_both_kinds_of_token_and_of_no_other(account: SandboxAccount) -> None:
    granted = await tokens(account)
    account.clock.now += 100
    asked = [granted["access_token"], granted["refresh_token"], "guessed"]
    answers = [await account.client.post(f"{TOKEN}/introspect", data=CLIENT | {"token": token}) for token in asked]
    access, refreshing, none = [answer.json() for answer in answers]
    assert (access["token_use"], access["expires_in"], access["hub_id"]) == ("access_token", 1700, granted["hub_id"])
    assert (refreshing["token_use"], refreshing["scopes"]) == ("refresh_token", granted["scopes"])
    assert none == {"active": False}


async def test_an_app_may_only_do_what_it_asked_for(account: SandboxAccount) -> None:
    granted = await tokens(account, optional_scope="crm.objects.contacts.read")
    answer = await account.with_token(granted["access_token"]).post(f"{SEQUENCES}/enrollments", json={})
    assert (answer.status_code, answer.json()["category"]) == (403, "MISSING_SCOPES")
    assert "crm.objects.contacts.read" in granted["scopes"]


async def test_an_app_has_a_window_of_its_own_and_no_daily_limit() -> None:
    account = SandboxAccount(oauth_per_10s=2, per_10s=1, daily=1)
    granted = await tokens(account)
    answers = [await account.with_token(granted["access_token"]).get(OWNERS) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    limits = {name for name in answers[0].headers if name.startswith("x-hubspot-ratelimit")}
    assert limits == {f"x-hubspot-ratelimit-{name}" for name in ("max", "remaining", "interval-milliseconds")}
    assert (await account.client.get(OWNERS)).status_code == 200


@pytest.mark.parametrize(
    "wrong", [{"client_id": "another"}, {"redirect_uri": "mailto:a@b.example"}, {"portal": "no name"}]
)
async def test_a_wrong_request_for_consent_redirects_nowhere(account: SandboxAccount, wrong: dict[str, str]) -> None:
    asked = {"client_id": "sandbox-client", "redirect_uri": BACK, "scope": SCOPES} | wrong
    assert (await account.client.get("/oauth/authorize", params=asked)).status_code == 400
