from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from app.audit.act import Act, acting
from app.console.signin.closed import Message, Needed, SignInPage, closed_page_facts
from app.console.signin.links import make_link
from app.console.signin.paths import HOME, local_path, with_next
from app.console.signin.sessions import hashed
from app.operators import Role
from tests.support.service import ADMIN_TOKEN, OPERATOR_TOKEN, TOKENS
from tests.support.signin import BASE, Replica, replica

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import httpx

MINUTE = timedelta(minutes=1)


@pytest.fixture
async def ours(database_url: str) -> AsyncIterator[Replica]:
    async with replica(database_url) as ours:
        yield ours


async def by_token(browser: httpx.AsyncClient, token: str, **form: str) -> httpx.Response:
    return await browser.post("/admin/sign-in", data={"token": token, **form})


async def link(ours: Replica, role: Role = Role.ADMIN) -> str:
    with acting(Act("cli", None, "root on here", "segue console")):
        return await make_link(ours.desk.store, BASE, role=role, name="marta", now=ours.now())


async def test_a_token_signs_in_and_leads_to_the_page_that_was_asked_for(ours: Replica) -> None:
    async with ours.browser() as browser:
        page = await browser.get("/admin/sign-in", params={"next": "/admin/people?state=parked"})
        assert page.status_code == 200
        assert 'value="/admin/people?state=parked"' in page.text
        answer = await by_token(browser, f" {OPERATOR_TOKEN}\n", next="/admin/people?state=parked")
        assert (answer.status_code, answer.headers["location"]) == (303, "/admin/people?state=parked")
        visitor = await ours.desk.sessions.visitor(browser.cookies["__Host-segue"], ours.now())
        assert visitor is not None
        assert (visitor.who, visitor.role, visitor.way) == ("olga", Role.OPERATOR, "token")
        # Who is signed in is led on at once.
        assert (await browser.get("/admin/sign-in", params={"next": "/admin/rules"})).headers[
            "location"
        ] == "/admin/rules"


async def test_the_cookie_is_for_this_host_alone_and_for_no_script(ours: Replica) -> None:
    async with ours.browser() as browser:
        (cookie,) = (await by_token(browser, ADMIN_TOKEN)).headers.get_list("set-cookie")
    name, *attributes = cookie.split("; ")
    assert name.startswith("__Host-segue=")
    assert {one.lower() for one in attributes} == {"httponly", "max-age=43200", "path=/", "samesite=lax", "secure"}


async def test_over_plain_http_people_sign_in_on_this_machine_alone(database_url: str) -> None:
    async with replica(database_url, base=None) as ours:
        async with ours.browser("http://127.0.0.1:8080") as browser:
            (cookie,) = (await by_token(browser, ADMIN_TOKEN)).headers.get_list("set-cookie")
            assert cookie.startswith("segue=")
            assert "secure" not in cookie.lower()
        async with ours.browser("http://segue.acme.example") as browser:
            for answer in (await browser.get("/admin/sign-in"), await by_token(browser, ADMIN_TOKEN)):
                assert answer.status_code == 403
                assert "SEGUE_CONSOLE_URL" in answer.text
                assert "set-cookie" not in answer.headers


async def test_a_wrong_token_is_refused_counted_and_written_down(ours: Replica) -> None:
    async with ours.browser() as browser:
        answer = await by_token(browser, "not-a-token")
    assert answer.status_code == 403
    assert "none of SEGUE_TOKENS" in answer.text
    assert "not-a-token" not in answer.text
    assert ours.refused == ["wrong"]
    (row,) = await ours.audit()
    assert (row["who"], row["what"], row["target"], row["outcome"], row["status"]) == (
        "stranger", "sign-in", "token", "refused", 403
    )  # fmt: skip


async def test_ten_wrong_tokens_of_an_address_are_looked_at_in_a_minute(ours: Replica) -> None:
    async with ours.browser() as browser:
        for number in range(10):
            assert (await by_token(browser, f"wrong-{number}")).status_code == 403
        answer = await by_token(browser, ADMIN_TOKEN)
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "1")
    assert ours.refused == ["wrong"] * 10 + ["throttled"]


async def test_signing_in_stands_in_the_audit_log(ours: Replica) -> None:
    async with ours.browser() as browser:
        await by_token(browser, OPERATOR_TOKEN)
    (row,) = await ours.audit()
    assert (row["who"], row["role"], row["origin"], row["what"], row["target"], row["outcome"]) == (
        "olga", "operator", "127.0.0.1", "sign-in", "token", "done"
    )  # fmt: skip


async def test_signing_in_again_ends_the_session_before(ours: Replica) -> None:
    async with ours.browser() as browser:
        await by_token(browser, OPERATOR_TOKEN)
        first = browser.cookies["__Host-segue"]
        await by_token(browser, ADMIN_TOKEN)
        assert browser.cookies["__Host-segue"] != first
    assert await ours.desk.sessions.visitor(first, ours.now()) is None


async def test_a_token_that_is_taken_out_ends_its_sessions(ours: Replica) -> None:
    async with ours.browser() as browser:
        await by_token(browser, OPERATOR_TOKEN)
        ours.tokens[0] = TOKENS.replace(OPERATOR_TOKEN, "made-up-operators-next-0123456789abcdefghi")
        assert (await browser.get("/admin/sign-in")).status_code == 200


async def test_signing_out_ends_the_session(ours: Replica) -> None:
    async with ours.browser() as browser:
        await by_token(browser, ADMIN_TOKEN)
        cookie = browser.cookies["__Host-segue"]
        answer = await browser.post("/admin/sign-out")
        assert (answer.status_code, answer.headers["location"]) == (303, "/admin/sign-in")
        assert "__Host-segue" not in browser.cookies
        assert (await browser.post("/admin/sign-out")).status_code == 303
    assert await ours.desk.sessions.visitor(cookie, ours.now()) is None
    out, _ = await ours.audit()
    assert (out["who"], out["what"], out["outcome"]) == ("ada", "POST /admin/sign-out", "done")


@pytest.mark.parametrize("path", ["/admin/sign-in", "/admin/sign-out", "/admin/link"])
@pytest.mark.parametrize(
    "headers", [{"sec-fetch-site": "cross-site"}, {"sec-fetch-site": "", "origin": "https://evil.example"}]
)
async def test_a_form_of_another_site_is_refused(ours: Replica, path: str, headers: dict[str, str]) -> None:
    async with ours.browser() as browser:
        await by_token(browser, ADMIN_TOKEN)
        cookie = browser.cookies["__Host-segue"]
        answer = await browser.post(path, data={"token": ADMIN_TOKEN}, headers=headers)
        assert answer.status_code == 403
        assert isinstance(ours.shown[-1], Message)
    assert await ours.desk.sessions.visitor(cookie, ours.now()) is not None


async def test_a_link_shows_a_button_and_the_button_works_once(ours: Replica) -> None:
    url = await link(ours)
    secret = url.partition("link=")[2]
    async with ours.browser() as browser:
        for _ in range(3):
            page = await browser.get(url)
            assert page.status_code == 200
            assert secret in page.text
        answer = await browser.post("/admin/link", data={"link": secret})
        assert (answer.status_code, answer.headers["location"]) == (303, "/admin")
        visitor = await ours.desk.sessions.visitor(browser.cookies["__Host-segue"], ours.now())
    assert visitor is not None
    assert (visitor.who, visitor.name, visitor.role) == ("link:marta", "marta", Role.ADMIN)
    async with ours.browser() as other:
        for again in (await other.post("/admin/link", data={"link": secret}), await other.get(url)):
            assert again.status_code == 400
            assert "used already" in again.text
            assert "set-cookie" not in again.headers
    *_, signed_in, made = await ours.audit()
    assert (made["who"], made["target"], made["after"]["role"]) == ("cli", "link:marta", "admin")
    assert (signed_in["who"], signed_in["target"]) == ("link:marta", "link")


async def test_a_link_lasts_ten_minutes_and_its_secret_is_not_stored(ours: Replica) -> None:
    url = await link(ours)
    secret = url.partition("link=")[2]
    assert await ours.desk.store.link(hashed(secret), ours.now()) == ("admin", "marta")
    ours.later = 10 * MINUTE
    async with ours.browser() as browser:
        assert (await browser.get(url)).status_code == 400
        assert (await browser.post("/admin/link", data={"link": secret})).status_code == 400


async def test_without_configuration_the_page_says_what_to_set(database_url: str) -> None:
    async with replica(database_url, tokens="") as ours, ours.browser() as browser:
        page = await browser.get("/admin/sign-in")
        assert "The console is closed" in page.text
        for setting in ("SEGUE_TOKENS", "SEGUE_OIDC_ISSUER", "SEGUE_OIDC_CLIENT_ID", "SEGUE_OIDC_CLIENT_SECRET"):
            assert f"<code>{setting}</code>" in page.text
        assert "<form" not in page.text
        assert (await by_token(browser, ADMIN_TOKEN)).status_code == 403
        assert (await browser.get("/admin/oidc/begin")).status_code == 404


@pytest.mark.parametrize(
    ("tokens", "missing", "said"),
    [
        (True, ["SEGUE_OIDC_ISSUER", "SEGUE_OIDC_ROLES"], ()),
        (False, [], ()),
        (True, ["SEGUE_OIDC_ROLES"], ("SEGUE_OIDC_ROLES",)),
        (False, ["SEGUE_OIDC_ROLES"], ("SEGUE_TOKENS", "SEGUE_OIDC_ROLES")),
    ],
)
def test_a_provider_that_is_set_by_half_is_said(tokens: bool, missing: list[str], said: tuple[str, ...]) -> None:  # noqa: FBT001  # a case
    facts: tuple[Needed, ...] = closed_page_facts(tokens=tokens, missing_for_oidc=missing)
    assert tuple(setting for one in facts for setting in one.settings) == said


async def test_nothing_that_a_stranger_sends_stands_in_the_page_as_html(ours: Replica) -> None:
    async with ours.browser() as browser:
        page = await browser.get("/admin/sign-in", params={"next": '/admin/"><script>alert(1)</script>'})
    model = ours.shown[-1]
    assert isinstance(model, SignInPage)
    assert model.next == HOME
    assert "<script" not in page.text


LOCAL = st.text(alphabet="/\\admin.%2e?#:@ \t\n\0ex", max_size=30)
PREFIXED = st.tuples(st.sampled_from(["/admin", "/admin/", "//", "/\\", "https://evil.example/admin"]), LOCAL)


@given(st.one_of(LOCAL, PREFIXED.map("".join), st.text()))
@example("//evil.example/admin")
@example("/\\evil.example")
@example("/admin\\@evil.example")
@example("/admin/../../evil")
@example("/admin/%2e%2e/x")
@example("/admin//evil.example")
@example("https://evil.example/admin")
@example("/admin\n/x")
@example("/adminx")
@example("javascript:alert(1)")
def test_no_text_leads_a_person_away_from_the_console(text: str) -> None:
    path = local_path(text)
    landed = urlsplit(urljoin(f"{BASE}/admin/sign-in", path))
    assert f"{landed.scheme}://{landed.netloc}" == BASE
    assert landed.path == HOME or landed.path.startswith(f"{HOME}/")
    assert path.isprintable()
    assert "\\" not in path
    assert ".." not in landed.path.split("/")


@pytest.mark.parametrize(
    "path", ["/admin", "/admin/people", "/admin/events/evt_1?after=enr_2&state=parked", "/admin/a/"]
)
def test_paths_of_the_console_are_kept(path: str) -> None:
    assert local_path(path) == path


@pytest.mark.parametrize(
    "path", ["/admin/sign-in", "/admin/sign-out", "/admin/link", "/admin/oidc/begin?x=1", "", None]
)
def test_a_person_is_not_led_back_to_signing_in(path: str | None) -> None:
    assert local_path(path) == HOME
    assert with_next("/admin/sign-in", local_path(path)) == "/admin/sign-in"
