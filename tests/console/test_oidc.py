"""Signing in by an identity provider, which is a server of the tests' own on loopback, and misbehaves on request."""

from __future__ import annotations

import itertools
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest
from sqlalchemy import text
from structlog.testing import capture_logs

from app.console.signin.client import MOST_BYTES
from app.console.signin.provider import AGAIN_SECONDS, KEPT_SECONDS
from app.console.signin.visitor import Way
from app.operators import Role
from tests.support.identity_provider import (
    CLIENT_ID,
    CLIENT_SECRET,
    KEYS,
    IdentityProvider,
    identity_provider,
    signed,
    signed_with_public_key,
    unsigned,
)
from tests.support.signin import Replica, replica

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    import httpx

ROLES = "viewer everyone, operator crm\nadmin /Segue Admins"


@pytest.fixture
async def provider() -> AsyncIterator[IdentityProvider]:
    async with identity_provider() as provider:
        yield provider


@pytest.fixture
async def ours(database_url: str, provider: IdentityProvider) -> AsyncIterator[Replica]:
    async with signing_in_by(provider, database_url) as ours:
        yield ours


@asynccontextmanager
async def signing_in_by(provider: IdentityProvider, database_url: str, **given: str) -> AsyncIterator[Replica]:
    settings = {
        "oidc_issuer": provider.issuer,
        "oidc_client_id": CLIENT_ID,
        "oidc_client_secret": CLIENT_SECRET,
        "oidc_roles": ROLES,
    }
    async with replica(database_url, **settings | given) as ours:
        yield ours


async def begun(browser: httpx.AsyncClient, following: str = "") -> str:
    answer = await browser.get("/admin/oidc/begin", params={"next": following} if following else {})
    assert answer.status_code == 303, answer.text
    return answer.headers["location"]


async def signed_in(ours: Replica, provider: IdentityProvider, **more: str) -> httpx.Response:
    """Go the whole way with a browser of its own."""
    async with ours.browser() as browser:
        return await browser.get("/admin/oidc/callback", params=provider.approve(await begun(browser), **more))


async def rows(ours: Replica, table: str) -> list[Any]:
    async with ours.process.engine.connect() as connection:
        return list(await connection.execute(text(f"SELECT * FROM {table}")))  # noqa: S608  # two names


async def test_a_person_of_the_provider_signs_in(ours: Replica, provider: IdentityProvider) -> None:
    async with ours.browser() as browser:
        page = await browser.get("/admin/sign-in", params={"next": "/admin/rules"})
        assert '<a class="button" href="/admin/oidc/begin?next=%2Fadmin%2Frules">Sign in by 127.0.0.1</a>' in page.text
        url = await begun(browser, "/admin/rules")
        asked = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
        assert asked["redirect_uri"] == "https://segue.acme.example/admin/oidc/callback"
        assert (asked["scope"], asked["code_challenge_method"]) == ("openid profile email", "S256")
        answer = await browser.get("/admin/oidc/callback", params=provider.approve(url))
        assert (answer.status_code, answer.headers["location"]) == (303, "/admin/rules")
        visitor = await ours.desk.sessions.visitor(browser.cookies["__Host-segue"], ours.now())
        assert "__Host-segue-login" not in browser.cookies
    assert visitor is not None
    assert (visitor.name, visitor.role, visitor.way) == ("Cara Conti", Role.OPERATOR, Way.OIDC)
    assert visitor.who.startswith("oidc:")
    assert "u-1" not in visitor.who
    (row,) = await ours.audit()
    assert (row["who"], row["role"], row["what"], row["target"]) == (visitor.who, "operator", "sign-in", "oidc")
    assert row["after"]["name"] == "Cara Conti"


async def test_a_person_is_the_same_in_the_log_each_time_and_another_subject_is_not(
    ours: Replica, provider: IdentityProvider
) -> None:
    for subject in ("u-1", "u-1", "U-1"):
        provider.claims["sub"] = subject
        await signed_in(ours, provider)
    names = [row["who"] for row in await ours.audit()]
    assert names[1] == names[2] != names[0]


async def test_a_login_that_began_at_one_replica_ends_at_another(
    database_url: str, ours: Replica, provider: IdentityProvider
) -> None:
    async with signing_in_by(provider, database_url) as other, ours.browser() as browser:
        back = provider.approve(await begun(browser))
        cookie = {"__Host-segue-login": browser.cookies["__Host-segue-login"]}
        async with other.browser(**cookie) as same:
            assert (await same.get("/admin/oidc/callback", params=back)).status_code == 303
            session = same.cookies["__Host-segue"]
        assert await ours.desk.sessions.visitor(session, ours.now()) is not None


async def test_the_table_of_logins_holds_nothing_by_which_one_could_be_ended(
    ours: Replica, provider: IdentityProvider
) -> None:
    async with ours.browser() as browser:
        url = await begun(browser)
        secret = browser.cookies["__Host-segue-login"]
    (row,) = await rows(ours, "console_logins")
    state = parse_qs(urlsplit(url).query)["state"][0]
    assert secret not in url
    assert not any(word in str(row) for word in (secret, state))
    assert provider.issuer in url


async def test_a_state_is_good_once(ours: Replica, provider: IdentityProvider) -> None:
    async with ours.browser() as browser:
        back = provider.approve(await begun(browser))
        cookie = browser.cookies["__Host-segue-login"]
        assert (await browser.get("/admin/oidc/callback", params=back)).status_code == 303
        browser.cookies.set("__Host-segue-login", cookie)
        again = await browser.get("/admin/oidc/callback", params=back)
    assert again.status_code == 400
    assert "used already" in again.text
    assert provider.times_asked("/token") == 1


async def test_a_login_lasts_ten_minutes(ours: Replica, provider: IdentityProvider) -> None:
    async with ours.browser() as browser:
        back = provider.approve(await begun(browser))
        ours.later = timedelta(minutes=10, seconds=1)
        answer = await browser.get("/admin/oidc/callback", params=back)
    assert (answer.status_code, "ten minutes ago" in answer.text) == (400, True)


async def test_another_browser_cannot_end_a_login(ours: Replica, provider: IdentityProvider) -> None:
    async with ours.browser() as mine, ours.browser() as other:
        back = provider.approve(await begun(mine))
        for _ in range(2):
            assert (await other.get("/admin/oidc/callback", params=back)).status_code == 400
            await begun(other)
        assert (await mine.get("/admin/oidc/callback", params=back)).status_code == 303


def spoiled(**changes: Any) -> Callable[[dict[str, Any]], object]:
    """Return what changes claims; None takes one away, a function gets the claim that is there."""

    def spoil(claims: dict[str, Any]) -> None:
        for name, value in changes.items():
            claims[name] = value(claims.get(name)) if callable(value) else value
            if value is None:
                del claims[name]

    return spoil


HOUR = 3600
WRONG = {
    "nonce of another login": spoiled(nonce="x"),
    "no nonce": spoiled(nonce=None),
    "nonce that no text is": spoiled(nonce="\ud800"),
    "other audience": spoiled(aud="other"),
    "no audience": spoiled(aud=None),
    "audiences without a party": spoiled(aud=[CLIENT_ID, "other"]),
    "other party": spoiled(azp="other"),
    "other issuer": spoiled(iss="https://evil.example"),
    "issuer with a slash": spoiled(iss=lambda issuer: f"{issuer}/"),
    "ended": spoiled(exp=lambda end: end - HOUR),
    "no end": spoiled(exp=None),
    "end that no number is": spoiled(exp="soon"),
    "no beginning": spoiled(iat=None),
    "made in the future": spoiled(iat=lambda at: at + HOUR),
    "made long ago": spoiled(iat=lambda at: at - HOUR),
    "not yet": spoiled(nbf=2**40),
    "no subject": spoiled(sub=None),
    "subject that no text is": spoiled(sub=7),
}


@pytest.mark.parametrize("name", WRONG)
async def test_a_token_that_says_something_else_is_refused(
    ours: Replica, provider: IdentityProvider, name: str
) -> None:
    provider.spoil = WRONG[name]
    answer = await signed_in(ours, provider)
    assert (answer.status_code, "set-cookie" in answer.headers) == (400, False)
    assert await rows(ours, "console_sessions") == []
    (row,) = await ours.audit()
    assert (row["who"], row["what"], row["target"], row["outcome"]) == ("stranger", "sign-in", "oidc", "refused")


async def test_audiences_with_our_party_are_fine(ours: Replica, provider: IdentityProvider) -> None:
    provider.spoil = spoiled(aud=[CLIENT_ID, "other"], azp=CLIENT_ID)
    assert (await signed_in(ours, provider)).status_code == 303


STRANGER = KEYS[1]
FORGED: dict[str, Callable[[IdentityProvider, dict[str, Any]], str]] = {
    "unsigned": unsigned,
    "signed with the public key": signed_with_public_key,
    "another key under the same id": lambda provider, claims: signed(STRANGER, claims, kid=provider.key.kid or ""),
    "changed after signing": lambda provider, claims: ".".join(
        [signed(provider.key, claims | {"sub": "x"}).split(".")[0], *signed(provider.key, claims).split(".")[1:2],
         signed(provider.key, claims | {"sub": "x"}).split(".")[2]]
    ),
    "no token": lambda _provider, _claims: "",
    "three dots": lambda _provider, _claims: "a.b.c",
    "not the text of an object": lambda _provider, _claims: "e30.e30.e30",
}  # fmt: skip


@pytest.mark.parametrize("name", FORGED)
async def test_a_token_without_a_right_signature_is_refused(
    ours: Replica, provider: IdentityProvider, name: str
) -> None:
    provider.sign = FORGED[name]
    answer = await signed_in(ours, provider)
    assert (answer.status_code, "set-cookie" in answer.headers) == (400, False)
    assert await rows(ours, "console_sessions") == []


async def test_a_new_key_of_the_provider_is_fetched(ours: Replica, provider: IdentityProvider) -> None:
    assert (await signed_in(ours, provider)).status_code == 303
    provider.key = KEYS[1]
    provider.published = [KEYS[0], KEYS[1]]
    assert (await signed_in(ours, provider)).status_code == 303
    assert (await signed_in(ours, provider)).status_code == 303
    assert provider.times_asked("/keys") == 2


async def test_tokens_of_unknown_keys_let_keys_be_fetched_once_a_minute(
    ours: Replica, provider: IdentityProvider
) -> None:
    clock = itertools.count()
    at = [0.0]
    assert ours.desk.login is not None
    ours.desk.login.provider.clock = lambda: at[0] + next(clock) / 1000
    provider.sign = lambda _, claims: signed(KEYS[1], claims)
    for _ in range(3):
        assert (await signed_in(ours, provider)).status_code == 400
    assert provider.times_asked("/keys") == 2
    at[0] = AGAIN_SECONDS + 1
    assert (await signed_in(ours, provider)).status_code == 400
    assert provider.times_asked("/keys") == 3


async def test_a_key_that_the_provider_takes_back_is_forgotten(ours: Replica, provider: IdentityProvider) -> None:
    at = [0.0]
    assert ours.desk.login is not None
    ours.desk.login.provider.clock = lambda: at[0]
    assert (await signed_in(ours, provider)).status_code == 303
    provider.published = [KEYS[1]]
    at[0] = KEPT_SECONDS
    assert (await signed_in(ours, provider)).status_code == 400


@pytest.mark.parametrize(
    ("groups", "role"),
    [
        (["everyone"], Role.VIEWER),
        (["crm", "everyone"], Role.OPERATOR),
        (["everyone", "/Segue Admins", "crm"], Role.ADMIN),
        ("crm", Role.OPERATOR),
        (["crm", 7, None], Role.OPERATOR),
    ],
)
async def test_the_highest_role_wins(ours: Replica, provider: IdentityProvider, groups: object, role: Role) -> None:
    provider.claims["groups"] = groups
    await signed_in(ours, provider)
    assert (await rows(ours, "console_sessions"))[0].role == role


@pytest.mark.parametrize("groups", [["CRM"], [], None, {"crm": True}, "crm everyone", 7])
async def test_who_has_no_role_is_refused_by_a_page_that_names_them(
    ours: Replica, provider: IdentityProvider, groups: object
) -> None:
    provider.claims["groups"] = groups
    answer = await signed_in(ours, provider)
    assert answer.status_code == 403
    for said in ("Cara Conti", "u-1", "SEGUE_OIDC_ROLES", "claim groups"):
        assert said in answer.text
    assert await rows(ours, "console_sessions") == []


@pytest.mark.parametrize(
    ("claim", "claims", "status"),
    [
        ("realm_access.roles", {"realm_access": {"roles": ["crm"]}}, 303),
        ("realm_access.roles", {"realm_access": ["crm"]}, 403),
        ("https://acme.example/roles", {"https://acme.example/roles": ["crm"]}, 303),
        ("email", {"email": "crm", "email_verified": True}, 303),
        ("email", {"email": "crm", "email_verified": False}, 403),
        ("email", {"email": "crm"}, 403),
        ("hd", {"hd": "crm"}, 303),
    ],
)
async def test_roles_come_from_the_claim_that_is_set(
    database_url: str, provider: IdentityProvider, claim: str, claims: dict[str, Any], status: int
) -> None:
    provider.claims |= claims
    async with signing_in_by(provider, database_url, oidc_claim=claim) as ours:
        assert (await signed_in(ours, provider)).status_code == status


async def test_a_provider_that_is_away_keeps_people_from_signing_in_and_ends_no_session(
    ours: Replica, provider: IdentityProvider
) -> None:
    async with ours.browser() as browser:
        await browser.get("/admin/oidc/callback", params=provider.approve(await begun(browser)))
        assert ours.desk.login is not None
        ours.desk.login.provider.issuer = "http://127.0.0.1:9"
        ours.desk.login.provider._kept = None
        assert (await browser.get("/admin/sign-in")).status_code == 303  # who has a session is led on
    async with ours.browser() as browser:
        with capture_logs() as logs:
            answer = await browser.get("/admin/oidc/begin")
    assert (answer.status_code, "Try again later" in answer.text) == (502, True)
    assert {"asked": "its discovery document", "error": "refused"}.items() <= logs[0].items()
    assert await rows(ours, "console_logins") == []


FAR_TOO_LONG = (200, b'{"keys": "' + b"x" * MOST_BYTES + b'"}')


@pytest.mark.parametrize(
    ("path", "answer"),
    [
        ("/.well-known/openid-configuration", (404, b"{}")),
        ("/.well-known/openid-configuration", (200, b"<html>")),
        ("/.well-known/openid-configuration", (200, b"[]")),
        ("/.well-known/openid-configuration", (200, b'{"issuer": "https://evil.example"}')),
        ("/.well-known/openid-configuration", (302, b"")),
        ("/keys", (500, b"{}")),
        ("/keys", (200, b"{}")),
        ("/keys", (200, b'{"keys": [{"kty": "oct", "k": "c2VjcmV0"}, {"kty": "RSA"}, 7]}')),
        ("/keys", FAR_TOO_LONG),
    ],
)
async def test_a_provider_that_says_nothing_of_use_is_said_on_the_page(
    ours: Replica, provider: IdentityProvider, path: str, answer: tuple[int, bytes]
) -> None:
    provider.answers[path] = answer
    async with ours.browser() as browser:
        page = await browser.get("/admin/oidc/begin")
    assert page.status_code == 502
    assert "The identity provider" in page.text


@pytest.mark.parametrize("name", ["authorization_endpoint", "token_endpoint", "jwks_uri"])
@pytest.mark.parametrize("url", ["http://login.acme.example/x", "javascript:alert(1)", None])
async def test_what_would_travel_open_is_not_called(
    ours: Replica, provider: IdentityProvider, name: str, url: str | None
) -> None:
    provider.metadata = {name: url}
    async with ours.browser() as browser:
        page = await browser.get("/admin/oidc/begin")
    assert (page.status_code, name in page.text) == (502, True)


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        ((401, b'{"error": "invalid_client"}'), 502),
        ((400, b'{"error": "invalid_grant", "error_description": "code-0 of cara@acme.example"}'), 400),
        ((500, b"oops"), 502),
        ((200, b'{"access_token": "x"}'), 502),
        ((200, b'{"id_token": 7}'), 502),
    ],
)
async def test_a_code_that_gives_no_token_signs_no_person_in_and_shows_no_secret(
    ours: Replica, provider: IdentityProvider, answer: tuple[int, bytes], status: int
) -> None:
    provider.answers["/token"] = answer
    with capture_logs() as logs:
        page = await signed_in(ours, provider)
    assert page.status_code == status
    for secret in ("code-0", "cara@acme.example", CLIENT_SECRET):
        assert secret not in page.text + str(logs) + str(await ours.audit())


async def test_what_the_provider_refuses_is_said(ours: Replica, provider: IdentityProvider) -> None:
    async with ours.browser() as browser:
        state = provider.approve(await begun(browser))["state"]
        back = {"state": state, "error": "access_denied<script>"}
        page = await browser.get("/admin/oidc/callback", params=back)
        assert (page.status_code, "access_denied&lt;script&gt;" in page.text) == (400, True)


@pytest.mark.parametrize(
    ("metadata", "issuer", "status"),
    [
        ({}, None, 303),
        ({}, "https://evil.example", 400),
        ({"authorization_response_iss_parameter_supported": True}, None, 400),
        ({"authorization_response_iss_parameter_supported": True}, "ours", 303),
    ],
)
async def test_a_return_from_another_provider_is_refused(
    ours: Replica, provider: IdentityProvider, metadata: dict[str, Any], issuer: str | None, status: int
) -> None:
    provider.metadata = metadata
    more = {} if issuer is None else {"iss": provider.issuer if issuer == "ours" else issuer}
    assert (await signed_in(ours, provider, **more)).status_code == status


@pytest.mark.parametrize(
    ("methods", "in_form"),
    [(["client_secret_post"], True), (["client_secret_post", "client_secret_basic"], False), ([], False)],
)
async def test_the_secret_travels_as_the_provider_wants_it(
    ours: Replica, provider: IdentityProvider, methods: list[str], *, in_form: bool
) -> None:
    provider.metadata = {"token_endpoint_auth_methods_supported": methods}
    assert (await signed_in(ours, provider)).status_code == 303
    (form,) = [form for path, form in provider.asked if path == "/token"]
    assert ("client_secret" in form) is in_form


async def test_groups_are_asked_for_where_the_provider_has_them_as_a_scope(
    ours: Replica, provider: IdentityProvider
) -> None:
    provider.metadata = {"scopes_supported": ["openid", "groups"]}
    async with ours.browser() as browser:
        url = await begun(browser)
    assert parse_qs(urlsplit(url).query)["scope"] == ["openid profile email groups"]


async def test_a_slash_at_the_end_of_the_setting_is_forgiven(database_url: str, provider: IdentityProvider) -> None:
    async with signing_in_by(provider, database_url, oidc_issuer=f"{provider.issuer}/") as ours:
        assert (await signed_in(ours, provider)).status_code == 303


async def test_one_address_begins_ten_logins_a_minute(ours: Replica, provider: IdentityProvider) -> None:
    async with ours.browser() as browser:
        statuses = [(await browser.get("/admin/oidc/begin")).status_code for _ in range(11)]
    assert statuses == [303] * 10 + [429]
    assert len(await rows(ours, "console_logins")) == 10
    assert provider.times_asked("/keys") == 1


async def test_sessions_end_with_the_provider_of_the_settings(
    database_url: str, ours: Replica, provider: IdentityProvider
) -> None:
    async with ours.browser() as browser:
        await browser.get("/admin/oidc/callback", params=provider.approve(await begun(browser)))
        session = browser.cookies["__Host-segue"]
    async with replica(database_url) as other:
        assert await other.desk.sessions.visitor(session, other.now()) is None
    assert await ours.desk.sessions.visitor(session, ours.now()) is not None
