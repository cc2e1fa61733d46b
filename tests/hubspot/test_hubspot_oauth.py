"""The token routes without a network: what is asked, and what every answer comes to."""

from __future__ import annotations

import json
import traceback
from contextlib import aclosing
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import GrantRevoked, HubSpotError, NotSent, OutcomeUnknown, Refusal
from app.hubspot.api import consent, oauth
from app.hubspot.api.consent import REQUIRED_SCOPES, OAuthApp
from app.hubspot.api.oauth import TokenFacts, Tokens
from app.hubspot.api.replies import Reply
from app.hubspot.oauth_client import OAuthClient

if TYPE_CHECKING:
    from app.hubspot.client import CallRecord

APP = OAuthApp("client-1", "made-up-client-secret")
BACK = "https://segue.example/oauth/callback"
# The verifier and its challenge of RFC 7636, appendix B.
VERIFIER, CHALLENGE = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
SECRETS = ("made-up-client-secret", "refresh-1", "code-1", VERIFIER, "access-1")
GIVEN = {
    "access_token": "access-1",
    "expires_in": 1800,
    "refresh_token": "refresh-1",
    "token_type": "bearer",
    "token_use": "access_token",
    "hub_id": 4567,
    "user_id": 7001,
    "scopes": ["oauth", "crm.objects.contacts.read"],
}
DEAD = {
    "error": "invalid_grant",
    "error_description": "refresh token is invalid, expired or revoked",
    "status": "BAD_REFRESH_TOKEN",
    "message": "refresh token refresh-1 is invalid, expired or revoked",
}
CALLS: list[oauth.TokenCall[Any]] = [
    oauth.exchange(APP, "code-1", redirect_uri=BACK, verifier=VERIFIER),
    oauth.refresh(APP, "refresh-1"),
    oauth.introspect(APP, "access-1"),
    oauth.revoke(APP, "refresh-1"),
]


def reply(body: Any, status: int = 200, **headers: str) -> Reply:
    return Reply(status, headers, json.dumps(body).encode())


def test_a_person_is_sent_with_state_scopes_and_the_challenge_but_not_the_verifier() -> None:
    app = replace(APP, optional_scopes="automation settings.users.read")
    url = consent.authorize_url("https://app.hubspot.com/", app, redirect_uri=BACK, state="s t", verifier=VERIFIER)
    query = parse_qs(urlsplit(url).query)
    assert url.startswith("https://app.hubspot.com/oauth/authorize?client_id=client-1&redirect_uri=https%3A%2F%2F")
    assert query["scope"] == [" ".join(REQUIRED_SCOPES)]
    assert query["optional_scope"] == ["automation settings.users.read"]
    assert "oauth%20crm.objects.contacts.read%20" in url
    assert "+" not in url
    assert (query["state"], query["redirect_uri"]) == (["s t"], [BACK])
    assert (query["code_challenge"], query["code_challenge_method"]) == ([CHALLENGE], ["S256"])
    assert VERIFIER not in url
    assert APP.client_secret not in url


def test_an_app_that_names_no_optional_scopes_is_asked_for_none() -> None:
    for optional_scopes in ("", " "):
        app = replace(APP, optional_scopes=optional_scopes)
        url = consent.authorize_url("https://app.hubspot.com/", app, redirect_uri=BACK, state="s", verifier=VERIFIER)
        assert "optional_scope" not in url


def test_a_code_is_exchanged_in_the_body() -> None:
    call = CALLS[0]
    assert call.path == "/oauth/2026-03/token"
    assert call.form == {
        "grant_type": "authorization_code",
        "code": "code-1",
        "redirect_uri": BACK,
        "code_verifier": VERIFIER,
        "client_id": "client-1",
        "client_secret": "made-up-client-secret",
    }


def test_the_other_calls_name_their_token_in_the_body_and_the_version_in_the_path() -> None:
    newer = OAuthApp("client-1", "made-up-client-secret", "2026-09")
    app = {"client_id": "client-1", "client_secret": "made-up-client-secret"}
    assert oauth.refresh(newer, "refresh-1").path == "/oauth/2026-09/token"
    assert oauth.refresh(newer, "refresh-1").form == {
        "grant_type": "refresh_token",
        "refresh_token": "refresh-1",
        **app,
    }
    assert oauth.introspect(newer, "access-1").path == "/oauth/2026-09/token/introspect"
    assert oauth.introspect(newer, "access-1").form["token"] == "access-1"
    assert oauth.revoke(newer, "refresh-1").path == "/oauth/2026-09/token/revoke"
    assert oauth.revoke(newer, "refresh-1").form["token_type_hint"] == "refresh_token"


def test_tokens_are_read_with_whose_they_are() -> None:
    facts = TokenFacts("4567", "7001", ("oauth", "crm.objects.contacts.read"))
    whole = Tokens("access-1", 1800, "refresh-1", facts)
    assert oauth.refresh(APP, "refresh-1").parse(reply(GIVEN)) == whole
    assert oauth.refresh(APP, "r").parse(reply({"access_token": "a", "expires_in": 60})) == Tokens("a", 60)
    assert oauth.introspect(APP, "a").parse(reply(GIVEN)) == facts
    oauth.revoke(APP, "refresh-1").parse(Reply(204, {}, b""))


@pytest.mark.parametrize(
    "changed",
    [
        {"access_token": None},
        {"access_token": ""},
        {"access_token": "two words"},
        {"access_token": "line\nbreak"},
        {"expires_in": None},
        {"expires_in": 0},
        {"expires_in": -1},
        {"expires_in": True},
        {"expires_in": "1800"},
        {"expires_in": 10**12},
    ],
)
def test_a_yes_without_a_usable_token_and_its_life_is_ambiguous(changed: dict[str, Any]) -> None:
    with pytest.raises(OutcomeUnknown):
        oauth.refresh(APP, "refresh-1").parse(reply(GIVEN | changed))


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (DEAD, 400),
        ({"status": "BAD_REFRESH_TOKEN"}, 400),
        ({"status": "BAD_HUB", "message": "no such hub"}, 400),
        ({"error": "access_denied"}, 403),
    ],
)
def test_a_dead_grant_is_recognised_when_it_is_used_but_not_when_a_code_is_wrong(body: Any, status: int) -> None:
    for call in (oauth.refresh(APP, "refresh-1"), oauth.revoke(APP, "refresh-1")):
        with pytest.raises(GrantRevoked):
            call.parse(reply(body, status))
    with pytest.raises(Refusal) as refused:
        oauth.exchange(APP, "code-1", redirect_uri=BACK, verifier=VERIFIER).parse(reply(body, status))
    assert refused.value.code == "TOKEN_REFUSED"


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        ({"error": "invalid_client", "status": "BAD_CLIENT_SECRET"}, 401, "invalid_client, BAD_CLIENT_SECRET"),
        ({"error": "invalid_grant", "status": "BAD_CLIENT_SECRET"}, 400, "invalid_grant, BAD_CLIENT_SECRET"),
        ({"status": "BAD_REDIRECT_URI", "message": "for client-1"}, 400, "BAD_REDIRECT_URI"),
        ({"message": "made-up-client-secret"}, 400, "HTTP 400"),
        ([], 404, "HTTP 404"),
        ({}, 302, "HTTP 302"),
    ],
)
def test_any_other_no_is_a_refusal_with_hubspots_words(body: Any, status: int, message: str) -> None:
    with pytest.raises(Refusal, match=message) as refused:
        oauth.refresh(APP, "refresh-1").parse(reply(body, status))
    assert (refused.value.code, refused.value.status) == ("TOKEN_REFUSED", status)


def test_a_limit_has_its_wait_and_trouble_at_hubspot_is_ambiguous() -> None:
    limited = reply({"policyName": "TEN_SECONDLY_ROLLING"}, 429, **{"retry-after": "7"})
    with pytest.raises(Refusal) as refused:
        oauth.refresh(APP, "refresh-1").parse(limited)
    assert (refused.value.code, refused.value.retry_after) == ("RATE_LIMIT_TEN_SECONDLY", 7)
    for status in (408, 500, 502, 503):
        with pytest.raises(OutcomeUnknown):
            oauth.refresh(APP, "refresh-1").parse(reply(DEAD, status))


said = st.sampled_from([*SECRETS, "invalid_grant", "BAD_HUB"]) | st.text() | st.none() | st.integers()
bodies = st.dictionaries(
    st.sampled_from(["error", "status", "message", "error_description", "policyName", "category"]), said
)


@given(bodies, st.integers(300, 599), st.sampled_from(CALLS))
def test_no_answer_whatever_brings_a_secret_into_an_error(body: Any, status: int, call: Any) -> None:
    with pytest.raises(HubSpotError) as raised:
        call.parse(reply(body, status))
    whole = "".join(traceback.format_exception(raised.value, chain=True))
    assert not any(secret in f"{whole}{raised.value!r}{vars(raised.value)}" for secret in SECRETS)


@pytest.mark.parametrize("secret", ["lettersonly", "LETTERS_ONLY"])
def test_a_secret_that_looks_like_a_word_is_not_taken_for_one(secret: str) -> None:
    answer = reply({"error": secret, "status": secret, "message": secret}, 400)
    for call in (oauth.refresh(APP, secret), oauth.exchange(APP, secret, redirect_uri=BACK, verifier=VERIFIER)):
        with pytest.raises(Refusal) as refused:
            call.parse(answer)
        assert secret not in f"{refused.value}{vars(refused.value)}"


@given(st.binary(), st.integers(200, 599), st.sampled_from(CALLS))
def test_any_bytes_end_in_a_value_or_in_our_error(body: bytes, status: int, call: Any) -> None:
    try:
        call.parse(Reply(status, {}, body))
    except HubSpotError:
        pass
    else:
        assert status < 300


def test_nothing_that_is_printed_shows_a_secret() -> None:
    shown = f"{APP} {CALLS} {oauth.refresh(APP, 'refresh-1').parse(reply(GIVEN))}"
    assert not any(secret in shown for secret in SECRETS)


async def test_a_call_is_one_form_without_a_bearer_and_recorded_without_its_body() -> None:
    asked: list[httpx.Request] = []
    records: list[CallRecord] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(200, json=GIVEN)

    transport = httpx.MockTransport(answer)
    far = OAuthClient(APP, observe=records.append, base_url="http://hubspot.invalid", transport=transport)
    async with aclosing(far):
        tokens = await far.send("emea", oauth.refresh(APP, "refresh-1"))
    assert tokens.access_token == "access-1"
    (request,), (record,) = asked, records
    assert request.headers["content-type"] == "application/x-www-form-urlencoded"
    assert "authorization" not in request.headers
    assert parse_qs(request.content.decode())["refresh_token"] == ["refresh-1"]
    assert request.url.query == b""
    assert (record.account, record.route, record.method) == ("emea", "/oauth/{version}/token", "POST")
    assert (record.status, record.error_type) == (200, None)


@pytest.mark.parametrize(
    ("failure", "expected"), [(httpx.ConnectError("no route"), NotSent), (httpx.ReadTimeout("silence"), OutcomeUnknown)]
)
async def test_a_failure_of_the_network_is_recorded_by_its_kind(failure: Exception, expected: type[Exception]) -> None:
    records: list[CallRecord] = []

    def fail(_: httpx.Request) -> httpx.Response:
        raise failure

    transport = httpx.MockTransport(fail)
    far = OAuthClient(APP, observe=records.append, base_url="http://hubspot.invalid", transport=transport)
    async with aclosing(far):
        with pytest.raises(expected):
            await far.send("emea", oauth.exchange(APP, "code-1", redirect_uri=BACK, verifier=VERIFIER))
    assert (records[0].status, records[0].error_type) == (None, expected.__name__)
