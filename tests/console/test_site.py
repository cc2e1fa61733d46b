"""The frame: who comes in, what each answer carries, and what is said where a page cannot be shown."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
from dataclasses import dataclass
from datetime import datetime  # noqa: TC003  # what a dataclass has, at run time
from html import unescape
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

from app.audit.store import AuditStore
from app.console.answers import as_json
from app.console.on_demand import ConsoleOnDemand
from app.console.static_files import FOLDER, static_files
from app.web.access.record import Recorder
from tests.conftest import NOON
from tests.console.test_every_route import assert_headers
from tests.support.console import OWN_FORM
from tests.support.service import BASE, TOKENS, close_database, gate_of, open_database

if TYPE_CHECKING:
    from tests.support.console import Browser
    from tests.support.postgres import Databases
    from tests.support.service import Running

# As the makers publish it: a newer version is a new name, a new digest, and a look at what it evaluates.
HTMX = "4.0.1"
HTMX_SHA384 = "Qp9rdC8H7EqOoX+nR0P3RPG2Noji+qdwJlGpfzwQJsfOpp3sGwIdSP9xO3+UlEhn"


async def test_who_is_not_signed_in_is_sent_to_sign_in_and_back(web: Running) -> None:
    response = await web.client.get("/admin/audit?period=7d")
    assert response.status_code == 303
    assert response.headers["location"] == "/admin/sign-in?next=%2Fadmin%2Faudit%3Fperiod%3D7d"


async def test_a_program_without_a_session_is_answered_a_problem_document(web: Running) -> None:
    response = await web.client.get("/admin/audit.json")
    assert response.status_code == 401
    assert response.headers["content-type"] == "application/problem+json"


async def test_a_role_that_is_too_low_is_a_page_and_a_line_of_the_log(web: Running, viewer: Browser) -> None:
    response = await viewer.get("/audit")
    assert response.status_code == 403
    assert "This needs the role admin; vera is viewer." in response.text
    rows = await web.rows("SELECT who, what, outcome FROM audit WHERE who = 'vera' AND what LIKE 'GET%'")
    assert rows == [{"who": "vera", "what": "GET /admin/audit", "outcome": "refused"}]


async def test_the_console_is_built_once_and_says_so(web: Running) -> None:
    built = list[bool]()
    recorder, gate = Recorder(AuditStore(web.process.engine).write), gate_of((), TOKENS)
    console = ConsoleOnDemand(web.process, gate, recorder, built=lambda: built.append(True))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(console), base_url=BASE) as client:
        assert built == []
        for answer in await asyncio.gather(*(client.get("/admin/sign-in") for _ in range(3))):
            assert answer.status_code == 200
    assert built == [True]


async def test_a_page_and_its_model(web: Running, admin: Browser) -> None:
    assert (await web.post("/api/v1/suppressions", value="eve@corp.example")).status_code == 200
    page = await admin.get("/audit")
    assert page.status_code == 200
    assert "POST /api/v1/suppressions" in page.text
    model = await admin.json("/audit")
    assert "POST /api/v1/suppressions" in [line["what"] for line in model["lines"]["items"]]


async def test_a_form_of_another_site_changes_nothing(web: Running) -> None:
    for headers in ({"origin": "https://evil.example"}, {"sec-fetch-site": "cross-site"}, {}):
        response = await web.client.post("/admin/audit", headers=headers)
        assert response.status_code in {403, 405}
    response = await web.client.post("/admin/audit", headers=OWN_FORM)
    assert response.status_code == 405


@pytest.mark.parametrize(
    ("path", "query", "said"),
    [
        ("/jobs", {"perod": "7d"}, "it takes no “perod”, but before and after"),
        ("/jobs", {"ada@corp.example": "1"}, "it takes no “a***@corp.example”, but before and after"),
        ("/audit", {"period": "1h"}, "“period” has to be 24h, 7d or 30d"),
        ("/audit", {"day": "yesterday"}, "“day” has to be a day, such as 2026-11-24"),
        ("/audit", {"day": "1999-12-31"}, "“day” has to be 2000-01-01 or later"),
        ("/audit", {"day": "3000-01-01"}, "“day” has to be 2999-12-31 or earlier"),
        ("/audit", {"who": "x" * 101}, "“who” has to be at most 100 characters long"),
        ("/audit", {"who": "x\0"}, "“who” has to be text without the character NUL"),
        ("/parked", {"by": "moon"}, "“by” has to be cause, rule, sender or day"),
        ("/events", {"before": "?", "period": "7d"}, "“before” has to be one that a link of the list has"),
        ("/events", {"became": "?"}, "“became” has to be one that the page's own links and forms have"),
        ("/endpoints/crm-back/replay", {"since": "once"}, "“since” has to be a time, such as 2026-11-24T10:00"),
    ],
)
async def test_a_query_that_a_page_does_not_have_is_said_in_words(
    admin: Browser, path: str, query: dict[str, str], said: str
) -> None:
    response = await admin.get(path, **query)
    assert response.status_code == 422
    assert f"The address asks for what this page does not have: {said}." in unescape(response.text)


async def test_files_are_kept_by_browsers_and_found_by_their_content(web: Running) -> None:
    for file in static_files().values():
        response = await web.client.get(f"/admin/static/{file.name}")
        assert response.content == file.content
        assert_headers(response, file.name, "public, max-age=31536000, immutable")
    assert (await web.client.get("/admin/static/console.css")).status_code == 404


def test_the_script_of_others_is_the_published_one() -> None:
    """The file `dist/htmx.min.js` of the version that its name, its licence's and the list of dependencies have."""
    (script,) = FOLDER.glob("htmx-*.min.js")
    digest = base64.b64encode(hashlib.sha384(script.read_bytes()).digest()).decode()
    assert (script.name, digest) == (f"htmx-{HTMX}.min.js", HTMX_SHA384)
    assert f'version="{HTMX}"' in script.read_text(encoding="utf-8")
    assert (FOLDER / f"htmx-{HTMX}.LICENSE").read_text(encoding="utf-8").startswith("Zero-Clause BSD")
    page = (Path(__file__).parents[2] / "docs/dependencies.md").read_text(encoding="utf-8")
    assert f"| `htmx` {HTMX} |" in page
    assert {path.name for path in FOLDER.iterdir() if path.suffix == ".js"} == {"console.js", script.name}


async def test_a_store_that_is_away_is_a_page_that_says_so(
    web: Running, database_url: str, postgres: Databases
) -> None:
    await close_database(postgres.url, database_url)
    try:
        response = await web.client.get("/admin/audit", headers={"cookie": "__Host-segue=made-up"})
        assert response.status_code == 503
        assert response.headers["retry-after"] == "5"
        assert "The store is away" in response.text
    finally:
        await open_database(postgres.url, database_url)


@dataclass(frozen=True)
class _Model:
    figure: int
    at: datetime


def test_a_model_is_json_whatever_its_figures_are() -> None:
    for figure in (1, 10**30):
        assert json.loads(as_json(_Model(figure, NOON))) == {"figure": figure, "at": NOON.isoformat()}


async def test_a_change_during_which_the_store_goes_away_is_not_called_done_or_undone(
    operator: Browser, database_url: str, postgres: Databases
) -> None:
    await close_database(postgres.url, database_url)
    try:
        response = await operator.post("/suppressions/add", {"value": "eve@corp.example"})
    finally:
        await open_database(postgres.url, database_url)
    assert response.status_code == 503
    assert "it is not known whether the change was made" in response.text


async def test_what_else_is_missing_is_named(web: Running, operator: Browser) -> None:
    web.process.rulebook.current = None
    response = await operator.get("/rules/try")
    assert response.status_code == 503
    assert "No rulebook is loaded yet." in response.text
    assert "database" not in response.text


async def test_the_sentence_after_a_change_is_shown_once_and_to_no_page_that_refreshes_itself(
    operator: Browser,
) -> None:
    done = await operator.post("/suppressions/add", {"value": "eve@corp.example"})
    sentence = "e***@corp.example is suppressed now."
    refreshed = await operator.client.get("/admin/overview", headers={"hx-request": "true"})
    assert sentence not in refreshed.text
    pages = [(await operator.client.get(done.headers["location"])).text for _ in range(2)]
    assert [sentence in page for page in pages] == [True, False]


async def test_the_root_leads_to_the_overview(web: Running) -> None:
    response = await web.client.get("/admin")
    assert (response.status_code, response.headers["location"]) == (303, "/admin/overview")
    assert BASE.startswith("https://")


async def test_what_is_not_possible_is_refused_at_the_post_too(web: Running, operator: Browser) -> None:
    """A form that was opened before, or made by hand: the enrollment of this person is not parked."""
    await web.deliver("open", {"id": "1", "type": "ping", "email": "eve@corp.example", "at": "2026-11-23T09:00:00Z"})
    (row,) = await web.rows("SELECT id, state FROM enrollments")
    response = await operator.post(f"/enrollments/{row['id']}/release")
    assert response.status_code == 409
    assert "only what is parked is released" in response.text
    assert await web.rows("SELECT id, state FROM enrollments") == [row]


async def test_the_rail_has_what_the_person_may_open(viewer: Browser, admin: Browser) -> None:
    assert 'href="/admin/audit"' in (await admin.get("/about")).text
    page = (await viewer.get("/about")).text
    assert 'href="/admin/events"' in page
    assert 'href="/admin/audit"' not in page
