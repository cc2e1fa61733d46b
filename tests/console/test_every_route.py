"""What holds for every route of the console, whichever page it is of: each test walks all of them."""

from __future__ import annotations

import re
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from sqlalchemy import Engine, event

from app.audit.store import AuditStore
from app.console.on_demand import ConsoleOnDemand
from app.database.schema import metadata
from app.operators import Role
from app.reports.rail_store import RAIL
from app.web.access.record import Recorder
from tests.console.places import (
    FORMS,
    LISTS,
    after_retention,
    fill,
    looks_of,
    parameters_of,
    path_of,
    query_of,
    served,
)
from tests.console.several import SETTINGS, fill_several, rules_of_several
from tests.support.console import Browser, signed_in
from tests.support.service import BASE, TOKENS, gate_of, running, write

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
    from pathlib import Path

    from app.console.routes import Served
    from tests.support.service import Running

# Word for word, so that a change of the console's headers is a change here too.
HEADERS = {
    # No `unsafe-inline`, no other host: what a tool sends in a name can then run nothing.
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    # `no-referrer` would make a browser send `Origin: null` with the console's own forms, which are then refused.
    "referrer-policy": "same-origin",
    "x-content-type-options": "nosniff",
    "cross-origin-opener-policy": "same-origin",  # a page that opens one of ours has no handle of its window
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
}
HIDDEN = ("ada0@", "ada1@", "ada2@", "bob@corp", "eve@corp", "mallory@corp")
WRITTEN_BY_LOOKS = {"console_sessions", "installation"}  # when a session was used, and the key of people's links
STATEMENTS = 6
# The session, the audit log and the rail come with every page.
BESIDE = ("SET LOCAL", "SELECT * FROM console_sessions", "UPDATE console_sessions", "INSERT INTO audit", RAIL.text)
# What forms answer a viewer; all others need a higher role, see test_roles.py.
SHOWN_TO_VIEWERS = {"/admin/find": 303, "/admin/rules/try": 200, "/admin/suppressions/look": 200}
READ_ALL = {"/admin/erasure/{person}/export"}  # a file of all that is stored of a person
UNCHANGED_TABLES = (
    "events",
    "decisions",
    "enrollments",
    "journal",
    "intents",
    "suppressions",
    "sender_pauses",
    "rulebooks",
    "outbound",
    "forgettings",
    "inventories",
    "audit",
    "rate_windows",
    "oauth_grants",
    "refused_deliveries",
    "deliveries",
    "bulk_jobs",
)


@pytest.fixture
async def web(database_url: str, rules: Path) -> AsyncIterator[Running]:
    """A service with several accounts, sources, senders and endpoints: a page asks once for all of them."""
    write(rules, rules_of_several())
    async with running(database_url, rules, **SETTINGS) as service:
        yield service


@pytest.fixture(params=list(Role), ids=list(Role))
async def browser(web: Running, request: pytest.FixtureRequest) -> AsyncIterator[Browser]:
    """The browser of a person of each role."""
    one = await signed_in(web, request.param)
    async with one.client:
        yield one


async def opened(
    browser: Browser, route: Served, parameters: Mapping[str, str], query: Mapping[str, str] | None = None
) -> httpx.Response:
    """Open a route's page as a person would: its usual look, or that of another query."""
    path = path_of(route, parameters) + (".json" if route.as_json else "")
    if route.method == "GET":
        return await browser.get(path, **(query or query_of(route)))
    return await browser.post(path, FORMS.get(path, {}), **(query or query_of(route)))


def read_only(routes: tuple[Served, ...]) -> list[Served]:
    """Return the routes that show something."""
    return [route for route in routes if route.method == "GET"]


@pytest.mark.parametrize("state", ["empty", "filled", "after the retention"])
async def test_every_page_renders_for_every_role(
    web: Running, browser: Browser, request: pytest.FixtureRequest, state: str
) -> None:
    """One walk shows all that is common to pages: the status, the headers, the markup, and that no address is there."""
    role = Role(request.node.callspec.params["browser"])
    if state != "empty":
        await fill(web)
    parameters = await parameters_of(web)
    if state == "after the retention":
        await after_retention(web)
    there = await parameters_of(web)
    for route in read_only(served(web)):
        response = await opened(browser, route, parameters)
        is_there = all(name in there for name in re.findall(r"{(\w+)", route.path))
        wanted = (200 if is_there else 404) if role.may(route.role or Role.VIEWER) else 403
        assert response.status_code == wanted, (route.name, response.text)
        assert_headers(response, route.name)
        assert_no_address(route, response)
        if not route.as_json:
            assert_nothing_inline(route, response)


def assert_headers(response: httpx.Response, name: str, kept: str = "no-store") -> None:
    """Fail where a page may be kept, framed or filled with scripts of others."""
    wanted = {**HEADERS, "cache-control": kept}
    assert {header: response.headers.get_list(header) for header in wanted} == {
        header: [value] for header, value in wanted.items()
    }, name


def assert_no_address(route: Served, response: httpx.Response) -> None:
    """Fail where an address is shown: no page that a GET opens has one, for any role."""
    assert not [address for address in HIDDEN if address in response.text], route.name


def assert_nothing_inline(route: Served, response: httpx.Response) -> None:
    """Fail where a script or a style stands in the markup."""
    html = response.text
    assert not re.search(r"<style|\sstyle=|\son[a-z]+=|javascript:", html), route.name
    assert all("src=" in tag for tag in re.findall(r"<script[^>]*>", html)), route.name


async def test_every_list_goes_on_in_both_directions(web: Running, admin: Browser) -> None:
    await fill(web)
    parameters = await parameters_of(web)
    routes = {route.path.removeprefix("/admin"): route for route in read_only(served(web))}
    for path, looks in LISTS.items():
        for look in looks:
            answer = await admin.get(path_of(routes[path], parameters), **look)
            assert answer.status_code == 200, (path, look, answer.text)
            assert "Nothing stands there" not in answer.text, (path, look)
            link = f'rel="{"next" if "after" in look else "prev"}"'  # what lies behind is a page, too
            assert link in answer.text, (path, look)


async def test_no_page_asks_the_store_more_than_six_times(web: Running, admin: Browser) -> None:
    """At its first look, where nothing is kept yet. The session, and what stands around a page, come besides."""
    await fill(web)
    await fill_several(web)
    parameters, over = await parameters_of(web), dict[str, list[str]]()
    for route in [route for route in served(web) if route.method == "GET" or route.change is None]:
        if route.path not in READ_ALL:
            for query in (*looks_of(route), *LISTS.get(route.path.removeprefix("/admin"), ())):
                async with anew(web, admin) as browser:
                    with noted() as asked:
                        await opened(browser, route, parameters, query)
                if len(asked) > STATEMENTS:
                    over[f"{route.name} {query}"] = asked
    assert over == {}


@asynccontextmanager
async def anew(web: Running, admin: Browser) -> AsyncIterator[Browser]:
    """The admin's browser at a console that is open, and at which no page was looked at yet."""
    recorder, gate = Recorder(AuditStore(web.process.engine).write), gate_of((), TOKENS)
    async with AsyncExitStack() as stack:
        console = ConsoleOnDemand(replace(web.process, stack=stack), gate, recorder)
        transport = httpx.ASGITransport(console)
        async with httpx.AsyncClient(transport=transport, base_url=BASE, cookies=admin.client.cookies) as client:
            await client.get("/admin/sign-in")
            yield Browser(client)


@contextmanager
def noted() -> Iterator[list[str]]:
    """Note the statements of pages meanwhile."""
    asked = list[str]()

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if not statement.startswith(BESIDE):
            asked.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield asked
    finally:
        event.remove(Engine, "before_cursor_execute", note)


async def test_no_get_changes_anything(web: Running, admin: Browser) -> None:
    await fill(web)
    tables = sorted(set(metadata.tables) - WRITTEN_BY_LOOKS)
    parameters, before = await parameters_of(web), await contents(web, tables)
    for route in read_only(served(web)):
        for query in looks_of(route):
            await opened(admin, route, parameters, query)
            assert await contents(web, tables) == before, route.name


async def test_every_form_of_another_site_is_refused(web: Running, admin: Browser) -> None:
    await fill(web)
    parameters, before = await parameters_of(web), await contents(web)
    for route in served(web):
        if route.method == "POST":
            for headers in (
                {"sec-fetch-site": "cross-site"},
                {"origin": "https://evil.example"},
                {"sec-fetch-site": "same-site"},
            ):
                url = f"/admin{path_of(route, parameters)}"
                response = await admin.client.post(url, params=query_of(route), headers=headers)
                assert response.status_code == 403, route.name
    assert await contents(web) == before


async def test_no_address_is_in_what_a_form_of_a_viewer_shows(web: Running, viewer: Browser) -> None:
    await fill(web)
    parameters, answered = await parameters_of(web), dict[str, int]()
    for route in served(web):
        if route.page is not None and route.method == "POST":
            response = await opened(viewer, route, parameters)
            assert_no_address(route, response)
            answered[route.path] = response.status_code
    assert {path: status for path, status in answered.items() if status != 403} == SHOWN_TO_VIEWERS


async def test_every_page_has_its_model(web: Running) -> None:
    routes = served(web)
    models = {route.path.removesuffix(".json") for route in routes if route.as_json}
    assert models == {route.path for route in routes if route.page and route.method == "GET" and not route.as_json}


async def contents(web: Running, tables: Sequence[str] = UNCHANGED_TABLES) -> dict[str, object]:
    """Return a digest of each table: of those that no look changes, where none are named."""
    of_each = (
        f"SELECT '{name}' AS name, md5(string_agg(t::text, '|' ORDER BY t::text)) AS sum FROM {name} t"  # noqa: S608  # our own names
        for name in tables
    )
    return {row["name"]: row["sum"] for row in await web.rows(" UNION ALL ".join(of_each))}
