from __future__ import annotations

import pytest

from tests.support.sandbox_account import CONTACTS, ENROLL, OWNERS, SEQUENCES, SandboxAccount

ADA = "ada@corp.example"
LIMITS = "x-hubspot-ratelimit-"


@pytest.mark.parametrize("token", ["", "wrong", "pat-sandbox2"])
async def test_without_the_right_token_every_route_answers_401(token: str) -> None:
    account = SandboxAccount(token)
    for method, path in (("GET", SEQUENCES), ("POST", ENROLL), ("GET", f"{CONTACTS}/501"), ("GET", OWNERS)):
        answer = await account.client.request(method, path)
        assert answer.status_code == 401
        assert answer.json().keys() == {"status", "message", "correlationId", "category"}
        assert answer.json()["category"] == "INVALID_AUTHENTICATION"


async def test_a_token_that_may_not_enroll_is_refused_naming_the_scope_and_may_do_the_rest() -> None:
    account = SandboxAccount("pat-sandbox-read")
    answer = await account.enroll(ADA)
    body = answer.json()
    assert (answer.status_code, body["category"]) == (403, "MISSING_SCOPES")
    assert body["errors"][0]["context"] == {"requiredGranularScopes": ["automation.sequences.enrollments.write"]}
    assert (await account.status(ADA)).status_code == 404
    assert await account.properties(ADA, "email") == {"email": ADA}


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/automation/sequences/2026-09/enrollments"),
        ("POST", "/automation/v4/sequences/enrollments"),
        ("GET", "/crm/v3/objects/contacts/501"),
        ("DELETE", f"{ENROLL}/5546974400"),
    ],
)
async def test_another_version_or_an_unknown_route_is_404(account: SandboxAccount, method: str, path: str) -> None:
    answer = await account.client.request(method, path)
    assert answer.status_code == 404
    assert answer.json()["status"] == "error"


async def test_the_version_can_be_chosen() -> None:
    account = SandboxAccount(version="2026-09")
    old, new = [
        await account.client.get(f"/automation/sequences/{version}", params={"userId": "7001"})
        for version in ("2026-03", "2026-09")
    ]
    assert (old.status_code, new.status_code) == (404, 200)


@pytest.mark.parametrize("body", [b"", b"{", b"\xff\xfe", b"[]", b"null", b'"text"', b'{"inputs": 1}', b"[" * 100_000])
async def test_a_body_that_is_not_what_is_asked_for_is_400(account: SandboxAccount, body: bytes) -> None:
    for path in (CONTACTS, f"{CONTACTS}/batch/upsert", f"{CONTACTS}/batch/read"):
        answer = await account.client.post(path, content=body)
        assert (answer.status_code, answer.json()["category"]) == (400, "VALIDATION_ERROR")


async def test_limits_stand_in_the_headers_of_answers_and_of_refusals(account: SandboxAccount) -> None:
    for path, status, used in ((OWNERS, 200, 1), (f"{CONTACTS}/999999", 404, 2)):
        answer = await account.client.get(path)
        limits = {name.removeprefix(LIMITS): value for name, value in answer.headers.items() if name.startswith(LIMITS)}
        assert answer.status_code == status
        assert limits == {
            "max": "190",
            "remaining": str(190 - used),
            "interval-milliseconds": "10000",
            "daily": "625000",
            "daily-remaining": str(625_000 - used),
        }


@pytest.mark.parametrize(("setting", "policy"), [("per_10s", "TEN_SECONDLY_ROLLING"), ("daily", "DAILY")])
async def test_a_spent_limit_is_429_in_the_shape_of_the_usage_guidelines(setting: str, policy: str) -> None:
    account = SandboxAccount()
    setattr(account.state.settings, setting, 1)
    await account.client.get(OWNERS)
    answer = await account.client.get(OWNERS)
    body = answer.json()
    assert answer.status_code == 429
    assert body.keys() == {"status", "message", "errorType", "correlationId", "policyName", "requestId"}
    assert (body["errorType"], body["policyName"]) == ("RATE_LIMIT", policy)
    assert body["message"] == f"You have reached your {policy.lower()} limit."
    assert "retry-after" not in answer.headers
    calls = (await account.client.get("/_sandbox/calls")).json()
    assert calls["refused_by_limit"] == 1
    assert calls["routes"] == {"owners": {"200": 1, "429": 1}}


async def test_the_window_opens_again_as_its_oldest_request_leaves_it() -> None:
    account = SandboxAccount(per_10s=2)
    statuses = []
    for pause in (0.0, 4.0, 5.5, 0.5, 0.0, 4.0):
        account.clock.now += pause
        statuses.append((await account.client.get(OWNERS)).status_code)
    assert statuses == [200, 200, 429, 200, 429, 200]


async def test_the_day_begins_anew_at_midnight() -> None:
    account = SandboxAccount(daily=1)
    statuses = []
    for pause in (0.0, 3600.0, 86_400.0 - account.clock.now % 86_400 - 3600.5, 0.5, 0.0):
        account.clock.now += pause
        statuses.append((await account.client.get(OWNERS)).status_code)
    assert statuses == [200, 429, 429, 200, 429]
