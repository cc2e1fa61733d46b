"""A person connects an account, step by step over HTTP, and everything that can go wrong on the way."""

from __future__ import annotations

import logging
import re
from html import unescape
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urljoin, urlsplit

import httpx
import pytest
from sqlalchemy import text

from app.accounts.connect import Connector, Disconnected
from app.audit.store import AuditStore
from app.settings import load_settings
from app.web import auth
from app.web.access.gate import REFUSALS_PER_MINUTE
from app.web.access.record import Recorder
from app.web.api import accounts
from app.web.app import create_app
from app.web.pages import connect as oauth
from tests.support.far_hubspot_oauth import APP
from tests.support.service import ADMIN_TOKEN, gate_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from sqlalchemy.ext.asyncio import AsyncEngine

    from app.accounts.grant_store import GrantStore
    from app.accounts.install_store import InstallStore
    from app.hubspot.oauth_client import OAuthClient
    from tests.support.far_hubspot_oauth import FarEnd

BASE = "https://segue.example"
ADMIN = {"authorization": f"Bearer {ADMIN_TOKEN}"}


async def unrecorded(*_: object, **__: object) -> None:
    """Keep no audit log."""


def browser(
    connecting: Connector | None,
    grants: GrantStore | None,
    *,
    prefix: str = "",
    written: Callable[..., Awaitable[None]] | None = None,
) -> httpx.AsyncClient:
    """A browser of its own, cookies and all, at an application with the routes, or at a proxy that strips a prefix."""
    known = {name: SimpleNamespace(name=name, oauth=name != "main") for name in ("emea", "apac", "main")}
    book = SimpleNamespace(accounts=known)
    oauth_of_process = SimpleNamespace(connector=connecting, grants=grants) if connecting else None
    settings = load_settings({})
    process: Any = SimpleNamespace(oauth=oauth_of_process, rulebook=SimpleNamespace(current=book), settings=settings)
    operators = accounts.routes(process)
    gate = gate_of([operators], f"ada admin {ADMIN_TOKEN}")
    recorder = Recorder(written or unrecorded)
    pages = oauth.router(connecting, gate.address, recorder.refused)
    app = create_app([pages, auth.operators_only([operators])], gate=gate, recorder=recorder)

    async def stripped(scope: Any, receive: Any, send: Any) -> None:
        await app({**scope, "path": scope["path"].removeprefix(prefix)}, receive, send)

    return httpx.AsyncClient(transport=httpx.ASGITransport(stripped), base_url=BASE + prefix)


@pytest.fixture
def connecting(grants: GrantStore, installs: InstallStore, client: OAuthClient) -> Connector:
    return Connector(grants, installs, client, app_url="https://app.hubspot.com/", public_url=f"{BASE}/")


@pytest.fixture
async def open_browser(connecting: Connector, grants: GrantStore) -> AsyncIterator[Callable[[], httpx.AsyncClient]]:
    opened: list[httpx.AsyncClient] = []

    def build() -> httpx.AsyncClient:
        opened.append(browser(connecting, grants))
        return opened[-1]

    yield build
    for each in opened:
        await each.aclose()


@pytest.fixture
def web(open_browser: Callable[[], httpx.AsyncClient]) -> httpx.AsyncClient:
    return open_browser()


async def install(web: httpx.AsyncClient, account: str = "emea") -> str:
    """Ask for a link as an operator, open it and press its button; return where HubSpot is asked."""
    answer = await web.post(f"/api/v1/accounts/{account}/install", headers=ADMIN)
    assert answer.status_code == 200, answer.text
    opened = await press(web, answer.json()["url"])
    assert opened.status_code == 303
    return opened.headers["location"]


async def press(web: httpx.AsyncClient, link: str) -> httpx.Response:
    """Open the link and press the button of its page, as a browser does."""
    page = await web.get(link)
    assert page.status_code == 200, page.text
    found = re.search(r'<form method="post" action="([^"]+)"><button>', page.text)
    assert found is not None
    return await web.post(urljoin(str(page.url), unescape(found[1])))


def state_of(url: str) -> str:
    return parse_qs(urlsplit(url).query)["state"][0]


async def back(web: httpx.AsyncClient, **query: str) -> httpx.Response:
    """Come back from HubSpot."""
    return await web.get("/oauth/callback", params=query)


async def test_an_account_is_connected_from_the_link_to_the_stored_grant(
    web: httpx.AsyncClient, far: FarEnd, grants: GrantStore
) -> None:
    far.scopes = far.scopes[:-1]
    url = await install(web)
    assert url.startswith("https://app.hubspot.com/oauth/authorize?client_id=client-1&redirect_uri=https%3A%2F%2Fsegue")
    page = await back(web, state=state_of(url), code=far.approve(url))
    assert page.status_code == 200
    assert "The account emea is connected to HubSpot account 4567." in page.text
    assert "Missing scopes: automation.sequences.enrollments.write." in page.text
    grant = await grants.read("emea")
    assert grant is not None
    assert (grant.hub_id, grant.user_id, grant.active, grant.scopes) == ("4567", "7001", True, far.scopes)
    assert grant.access_token.startswith("access-")
    assert 1790 < grant.seconds_left <= 1800


async def test_what_the_answer_does_not_name_is_asked_for(
    web: httpx.AsyncClient, far: FarEnd, grants: GrantStore
) -> None:
    far.names_the_hub = False
    url = await install(web)
    page = await back(web, state=state_of(url), code=far.approve(url))
    assert "HubSpot account 4567" in page.text
    assert "Missing" not in page.text
    assert far.asked[-1][0] == "/oauth/2026-03/token/introspect"
    grant = await grants.read("emea")
    assert grant is not None
    assert grant.user_id == "7001"


async def test_no_page_is_kept_framed_or_shown_to_other_sites_and_the_cookie_stays_with_us(
    web: httpx.AsyncClient,
) -> None:
    link = (await web.post("/api/v1/accounts/emea/install", headers=ADMIN)).json()
    page, opened = await web.get(link["url"]), await press(web, link["url"])
    for answer in (page, opened, await back(web)):
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
    cookie = opened.headers["set-cookie"].lower()
    assert all(part in cookie for part in ("httponly", "secure", "samesite=lax", "path=/;", "max-age=600"))
    assert cookie.startswith("__host-segue_install=")


async def test_a_link_is_good_once(web: httpx.AsyncClient) -> None:
    link = (await web.post("/api/v1/accounts/emea/install", headers=ADMIN)).json()["url"]
    assert [(await web.post(link)).status_code for _ in range(2)] == [303, 400]
    assert (await web.get(link)).status_code == 400
    for open_page in (web.get, web.post):
        page = await open_page("/oauth/install", params={"ticket": "<script>made up</script>"})
        assert (page.status_code, "used already" in page.text, "<script>" in page.text) == (400, True, False)


async def test_a_preview_of_a_link_does_not_use_it_up(
    open_browser: Callable[[], httpx.AsyncClient], far: FarEnd
) -> None:
    link = (await open_browser().post("/api/v1/accounts/emea/install", headers=ADMIN)).json()["url"]
    for _ in range(3):
        preview = await open_browser().get(link)
        assert (preview.status_code, "Connect emea to HubSpot" in preview.text) == (200, True)
        assert "<script" not in preview.text
        assert "set-cookie" not in preview.headers
    assert (await open_browser().head(link)).status_code == 405
    web = open_browser()
    url = (await press(web, link)).headers["location"]
    assert (await back(web, state=state_of(url), code=far.approve(url))).status_code == 200


async def test_an_account_is_connected_behind_a_proxy_that_puts_a_prefix_before_the_paths(
    grants: GrantStore, installs: InstallStore, client: OAuthClient, far: FarEnd
) -> None:
    connecting = Connector(
        grants, installs, client, app_url="https://app.hubspot.com/", public_url=f"{BASE}/hooks/segue/"
    )
    async with browser(connecting, grants, prefix="/hooks/segue") as web:
        opened = await press(web, await connecting.link("emea", seconds=60))
        url = opened.headers["location"]
        page = await back(web, state=state_of(url), code=far.approve(url))
    assert (page.status_code, "The account emea is connected" in page.text) == (200, True)


async def test_the_button_may_lead_to_hubspot_and_no_other_page_has_a_form(web: httpx.AsyncClient) -> None:
    link = (await web.post("/api/v1/accounts/emea/install", headers=ADMIN)).json()["url"]
    policy = (await web.get(link)).headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "form-action 'self' https: https://app.hubspot.com;" in policy
    assert "form-action 'none'" in (await back(web)).headers["content-security-policy"]


@pytest.mark.parametrize(("asked", "hours"), [("", 24), ("?hours=48", 48), ("?hours=0.5", 0.5)])
async def test_a_link_lives_as_long_as_the_operator_says(
    web: httpx.AsyncClient, engine: AsyncEngine, asked: str, hours: float
) -> None:
    link = (await web.post(f"/api/v1/accounts/emea/install{asked}", headers=ADMIN)).json()
    assert link["expires_in"] == hours * 3600
    async with engine.begin() as connection:
        lives = text("SELECT round(extract(epoch FROM expires_at - created_at)) FROM oauth_installs")
        assert (await connection.execute(lives)).scalar_one() == hours * 3600
        await connection.execute(text("UPDATE oauth_installs SET expires_at = clock_timestamp()"))
    assert (await web.get(link["url"])).status_code == 400
    assert (await web.post(link["url"])).status_code == 400


@pytest.mark.parametrize("hours", ["0", "-1", "721", "nan", "soon"])
async def test_a_link_does_not_live_for_ever(web: httpx.AsyncClient, hours: str) -> None:
    answer = await web.post(f"/api/v1/accounts/emea/install?hours={hours}", headers=ADMIN)
    assert answer.status_code == 422


async def test_a_state_is_good_once_also_where_connecting_failed(web: httpx.AsyncClient, far: FarEnd) -> None:
    url = await install(web)
    assert (await back(web, state=state_of(url), code="not-a-code")).status_code == 400
    page = await back(web, state=state_of(url), code=far.approve(url))
    assert page.status_code == 400
    assert "begun over ten minutes ago" in page.text
    assert len(far.asked) == 1


async def test_a_state_is_good_for_ten_minutes(web: httpx.AsyncClient, far: FarEnd, engine: AsyncEngine) -> None:
    url = await install(web)
    async with engine.begin() as connection:
        await connection.execute(text("UPDATE oauth_installs SET expires_at = clock_timestamp()"))
    page = await back(web, state=state_of(url), code=far.approve(url))
    assert (page.status_code, far.asked) == (400, [])


async def test_a_browser_cannot_finish_what_another_browser_began(
    open_browser: Callable[[], httpx.AsyncClient], far: FarEnd, grants: GrantStore
) -> None:
    began, other = open_browser(), open_browser()
    url = await install(began)
    for query in ({"state": state_of(url)}, {"state": ""}, {}):
        page = await back(other, code=far.approve(url), **query)
        assert (page.status_code, "Open the link in it" in page.text) == (400, True)
    assert await grants.read("emea") is None
    # The one that began is not harmed by it.
    assert (await back(began, state=state_of(url), code=far.approve(url))).status_code == 200


async def test_a_code_of_another_way_is_not_taken(open_browser: Callable[[], httpx.AsyncClient], far: FarEnd) -> None:
    mine, theirs = open_browser(), open_browser()
    url, other = await install(mine), await install(theirs, "apac")
    page = await back(mine, state=state_of(url), code=far.approve(other))
    assert page.status_code == 400
    assert "HubSpot gave no access token (TOKEN_REFUSED: invalid_grant, BAD_AUTH_CODE" in page.text


async def test_what_hubspot_says_is_shown_escaped_and_uses_the_state_up(web: httpx.AsyncClient, far: FarEnd) -> None:
    url = await install(web)
    denied = {"error": "access_denied", "error_description": "<b>No & never</b>"}
    page = await back(web, state=state_of(url), **denied)
    assert page.status_code == 400
    sentence = "HubSpot did not connect &#x27;emea&#x27;: access_denied: &lt;b&gt;No &amp; never&lt;/b&gt;"
    assert sentence in page.text
    assert (await back(web, state=state_of(url), code=far.approve(url))).status_code == 400
    assert far.asked == []


async def test_an_account_is_not_moved_to_another_hub_by_choosing_the_wrong_one(
    web: httpx.AsyncClient, far: FarEnd, grants: GrantStore
) -> None:
    url = await install(web)
    await back(web, state=state_of(url), code=far.approve(url))
    far.hub_id = 9999
    url = await install(web)
    page = await back(web, state=state_of(url), code=far.approve(url))
    assert page.status_code == 400
    assert "connected to HubSpot account 4567, and this is 9999." in page.text
    grant = await grants.read("emea")
    assert grant is not None
    assert grant.hub_id == "4567"


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        ((503, {}), "HubSpot could not be asked"),
        ((401, {"error": "invalid_client"}), "Compare the client id"),
        ((200, {"access_token": "a", "expires_in": 1800}), "names no refresh token"),
        ((200, []), "HubSpot could not be asked"),
    ],
)
async def test_when_hubspot_gives_nothing_usable_the_person_sees_why(
    web: httpx.AsyncClient, far: FarEnd, answer: tuple[int, object], sentence: str
) -> None:
    url = await install(web)
    far.answer_with = answer
    page = await back(web, state=state_of(url), code=far.approve(url))
    assert (page.status_code, sentence in page.text) == (400, True)


async def test_operators_see_which_account_is_let_in_how_and_strangers_see_nothing(
    web: httpx.AsyncClient, far: FarEnd, engine: AsyncEngine
) -> None:
    url = await install(web)
    await back(web, state=state_of(url), code=far.approve(url))
    async with engine.begin() as connection:
        await connection.execute(text("UPDATE oauth_grants SET state = 'revoked', detail = 'uninstalled'"))
    items: list[dict[str, Any]] = (await web.get("/api/v1/accounts", headers=ADMIN)).json()["items"]
    shown = [(item["account"], item["state"], item["hub_id"], item["detail"]) for item in items]
    assert shown == [
        ("apac", "not_connected", None, None),
        ("emea", "revoked", "4567", "uninstalled"),
        ("main", "token", None, None),
    ]
    for request in (web.get("/api/v1/accounts"), web.post("/api/v1/accounts/emea/install")):
        assert (await request).status_code == 401


@pytest.mark.parametrize("account", ["main", "nowhere"])
async def test_there_is_no_link_for_an_account_that_does_not_join_by_oauth(
    web: httpx.AsyncClient, account: str
) -> None:
    answer = await web.post(f"/api/v1/accounts/{account}/install", headers=ADMIN)
    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")


async def test_where_nothing_is_configured_every_route_names_the_settings() -> None:
    async with browser(None, None) as web:
        asked = await web.post("/api/v1/accounts/emea/install", headers=ADMIN)
        assert (asked.status_code, "SEGUE_HUBSPOT_CLIENT_ID" in asked.json()["detail"]) == (409, True)
        page = await web.get("/oauth/install", params={"ticket": "any"})
        assert (page.status_code, "SEGUE_ENCRYPTION_KEYS" in page.text) == (404, True)
        assert (await web.post("/oauth/install", params={"ticket": "any"})).status_code == 404
        assert (await web.get("/api/v1/accounts", headers=ADMIN)).json()["items"][0]["state"] == "not_connected"


async def test_a_disconnected_account_is_given_back_and_forgotten_also_where_its_grant_was_dead_already(
    connecting: Connector, web: httpx.AsyncClient, far: FarEnd, grants: GrantStore
) -> None:
    for dead_already in (False, True):
        url = await install(web)
        await back(web, state=state_of(url), code=far.approve(url))
        if dead_already:
            far.refresh_tokens.clear()
        assert await connecting.disconnect("emea") is Disconnected.GIVEN_BACK
        assert await grants.read("emea") is None
        assert far.asked[-1][0] == "/oauth/2026-03/token/revoke"
        assert far.refresh_tokens <= {"refresh-0"}
    assert await connecting.disconnect("emea") is Disconnected.NOT_CONNECTED


@pytest.mark.parametrize("away", [True, False])
async def test_what_hubspot_does_not_take_back_is_forgotten_and_reported(
    connecting: Connector,
    web: httpx.AsyncClient,
    far: FarEnd,
    grants: GrantStore,
    engine: AsyncEngine,
    *,
    away: bool,
) -> None:
    url = await install(web)
    await back(web, state=state_of(url), code=far.approve(url))
    if away:
        far.revoke_with = 503
    else:  # its key is lost, so that it cannot be named to HubSpot
        async with engine.begin() as connection:
            await connection.execute(text("UPDATE oauth_grants SET refresh_token = 'garbage'"))
    assert await connecting.disconnect("emea") is Disconnected.FORGOTTEN
    assert await grants.listed() == []


async def test_no_secret_comes_into_a_log_line(
    web: httpx.AsyncClient, far: FarEnd, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    far.answer_with = (400, {"error": "invalid_grant", "message": "code-1 made-up-client-secret"})
    url = await install(web)
    page = await back(web, state=state_of(url), code=far.approve(url))
    far.answer_with = None
    url = await install(web)
    await back(web, state=state_of(url), code=far.approve(url))
    logged = "".join(line for line in capsys.readouterr()) + "".join(
        record.getMessage() for record in caplog.records if record.name.startswith("app")
    )
    secrets = [
        value for _, form in far.asked for name, value in form.items() if name not in {"grant_type", "client_id"}
    ]
    assert "oauth.connected" in logged
    assert not any(
        secret in f"{logged}{page.text}" for secret in [*secrets, APP.client_secret] if "https" not in secret
    )


async def test_who_is_refused_is_written_down_and_cannot_fill_the_log(
    connecting: Connector, grants: GrantStore, engine: AsyncEngine
) -> None:
    async with browser(connecting, grants, written=AuditStore(engine).write) as web:
        url = await install(web)
        page = await back(web, state=state_of(url), error="access_denied", error_description="no for ada@corp.example")
        assert page.status_code == 400
        for _ in range(2 * REFUSALS_PER_MINUTE):
            assert (await web.post("/oauth/install", params={"ticket": "wrong"})).status_code == 400
        assert (await back(web, state="stolen", code="x")).status_code == 400
    async with engine.connect() as connection:
        found = (
            "SELECT what, target, outcome, status FROM audit WHERE who = 'browser' AND outcome <> 'done' ORDER BY id"
        )
        first, *others = (await connection.execute(text(found))).all()
        used = "SELECT before, after FROM audit WHERE who = 'browser' AND after ? 'used' ORDER BY at"
        steps = [tuple(row) for row in await connection.execute(text(used))]
    assert steps == [({"made": kind}, {"used": kind}) for kind in ("ticket", "state")]
    assert tuple(first) == ("GET /oauth/callback", "emea", "refused", 400)
    assert set(map(tuple, others)) == {("POST /oauth/install", None, "refused", 400)}
    assert len(others) == REFUSALS_PER_MINUTE
