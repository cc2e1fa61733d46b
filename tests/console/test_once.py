"""A form that is sent twice does once what it asks for, and is answered the second time as the first time."""

from __future__ import annotations

import asyncio
import html
import re
from typing import TYPE_CHECKING

import httpx
import pytest
from sqlalchemy import text

from app.audit import form_store
from app.console.person_links import PersonLinks
from tests.console.places import fill
from tests.console.test_every_route import UNCHANGED_TABLES, contents
from tests.support.audit import broken_log
from tests.support.console import Browser, form_of
from tests.support.enrollments import until_a_statement_waits
from tests.support.service import RULES, client_of, running, write

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.support.service import Running

# What can be asked for, its form's query and fields, and what is counted: one is there however often it is sent.
ASKED: dict[str, tuple[str, dict[str, str], dict[str, str], str]] = {
    "sample": ("/sources/webinar/sample", {}, {}, "SELECT id FROM events WHERE source = 'webinar'"),
    "test": ("/endpoints/crm-back/test", {}, {}, "SELECT id FROM outbound WHERE kind = 'test'"),
    "replay": (
        "/endpoints/crm-back/replay",
        {"state": "all"},
        {},
        "SELECT id FROM bulk_jobs WHERE kind LIKE 'replay%'",
    ),
    "parked": ("/parked/cancel", {"rule": "signup"}, {}, "SELECT id FROM bulk_jobs WHERE kind = 'cancel'"),
    "release": ("/enrollments/{parked}/release", {}, {}, "SELECT id FROM journal WHERE cause = 'released_by_operator'"),
    "cancel": ("/people/{person}/cancel", {}, {}, "SELECT id FROM enrollments WHERE state = 'cancelled'"),
    "decide": (
        "/enrollments/{parked}/release",
        {},
        {"as_rules_now": "yes"},
        "SELECT id FROM enrollments WHERE sequence = '310009'",
    ),
}
CUT_OFF = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE wait_event_type = 'Lock' AND datname = current_database()
"""
DONE = tuple(name for name in UNCHANGED_TABLES if name != "audit")  # which has a row of each request
OUTBOUND = """
    INSERT INTO outbound (id, endpoint, kind, body, state, due_at, created_at, updated_at)
    VALUES ('out_1', 'crm-back', 'enrolled', 'x', 'failed', now(), now(), now())
"""


@pytest.fixture
async def ready(web: Running, rules: Path) -> Running:
    """A service with something to do for each of them."""
    await fill(web)
    await web.execute(OUTBOUND)
    write(rules, RULES.replace("310001", "310009"))
    await web.process.rulebook.reload()
    return web


@pytest.fixture
async def other(ready: Running, database_url: str, rules: Path) -> AsyncIterator[Running]:
    """Another replica."""
    assert ready.process.rulebook.current
    async with running(database_url, rules) as replica:
        yield replica


async def path_to(web: Running, name: str) -> str:
    (parked,) = await web.rows("SELECT id FROM enrollments WHERE state = 'parked'")
    person = (await PersonLinks(web.process.engine).tokens()).token_of("ada2@corp.example")
    return ASKED[name][0].format(parked=parked["id"], person=person)


async def asked(web: Running, browser: Browser, name: str) -> tuple[str, dict[str, str], dict[str, str]]:
    """Return where a form is sent to, the query, and what it holds."""
    path, (_, query, more, _) = await path_to(web, name), ASKED[name]
    page = await browser.get(path, **query)
    assert page.status_code == 200, page.text
    pinned = re.findall(r'action="([^"]*)"', page.text)
    query = dict(httpx.URL(html.unescape(next(one for one in pinned if path in one))).params)
    return path, query, {**form_of(page.text, f"/admin{path}"), **more}


@pytest.mark.parametrize("name", ASKED)
async def test_a_form_that_is_sent_twice_does_it_once(ready: Running, operator: Browser, name: str) -> None:
    path, query, fields = await asked(ready, operator, name)
    first = await operator.post(path, fields, **query)
    assert first.status_code == 303, first.text
    before = await contents(ready, DONE)
    second = await operator.post(path, fields, **query)
    assert (second.status_code, second.headers["location"]) == (303, first.headers["location"])
    assert second.headers["set-cookie"] == first.headers["set-cookie"]  # the sentence that is shown then
    assert (await contents(ready, DONE), len(await ready.rows(ASKED[name][3]))) == (before, 1)


@pytest.mark.parametrize("name", ["sample", "test", "release", "decide"])
async def test_of_two_at_once_at_two_replicas_one_does_it(
    ready: Running, other: Running, operator: Browser, name: str
) -> None:
    path, query, fields = await asked(ready, operator, name)
    async with client_of(other.operators) as client:
        client.cookies = operator.client.cookies
        answers = await asyncio.gather(
            operator.post(path, fields, **query), Browser(client).post(path, fields, **query)
        )
    assert [one.status_code for one in answers] == [303, 303], [one.text for one in answers]
    assert len({(one.headers["location"], one.headers["set-cookie"]) for one in answers}) == 1
    assert len(await ready.rows(ASKED[name][3])) == 1


async def test_who_finds_it_done_by_the_same_form_is_told_what_that_did(
    ready: Running, other: Running, operator: Browser
) -> None:
    path, query, fields = await asked(ready, operator, "cancel")
    async with client_of(other.operators) as client, ready.process.engine.connect() as worker:
        client.cookies = operator.client.cookies
        await worker.execute(text("SELECT FROM enrollments WHERE state = 'ready' FOR UPDATE"))
        sent = [asyncio.create_task(one.post(path, fields, **query)) for one in (operator, Browser(client))]
        await until_a_statement_waits(ready.process.engine, number=2)  # both have found something to cancel
        await worker.rollback()
        answers = await asyncio.gather(*sent)
    assert ["1%20enrollment%20cancelled" in one.headers["set-cookie"] for one in answers] == [True, True]


async def test_a_form_that_is_opened_anew_does_it_once_more(ready: Running, operator: Browser) -> None:
    for times in (1, 2):
        assert (await operator.confirm("/endpoints/crm-back/test")).status_code == 303
        assert len(await ready.rows("SELECT id FROM outbound WHERE kind = 'test'")) == times


async def test_what_was_not_done_can_be_sent_again(ready: Running, operator: Browser) -> None:
    path, query, fields = await asked(ready, operator, "test")
    async with broken_log(ready):
        assert (await operator.post(path, fields, **query)).status_code == 503
    assert (await operator.post(path, fields, **query)).status_code == 303
    assert len(await ready.rows("SELECT id FROM outbound WHERE kind = 'test'")) == 1


@pytest.mark.parametrize("name", ["test", "replay", "release", "cancel", "decide"])
async def test_what_was_cut_off_half_way_can_be_sent_again(ready: Running, operator: Browser, name: str) -> None:
    path, query, fields = await asked(ready, operator, name)
    before = await contents(ready, DONE)
    async with ready.process.engine.connect() as other:
        await other.execute(text("LOCK TABLE audit IN ACCESS EXCLUSIVE MODE"))
        sent = asyncio.create_task(operator.post(path, fields, **query))
        await until_a_statement_waits(ready.process.engine)  # it has made the change, and written its key
        await other.execute(text(CUT_OFF))
        await other.rollback()
        assert (await sent).status_code == 503
    assert await contents(ready, DONE) == before
    assert (await operator.post(path, fields, **query)).status_code == 303
    assert len(await ready.rows(ASKED[name][3])) == 1


async def test_a_key_means_nothing_for_another_person_and_another_thing(
    ready: Running, operator: Browser, admin: Browser
) -> None:
    _, _, fields = await asked(ready, operator, "test")
    assert (await operator.post("/endpoints/crm-back/test", fields)).status_code == 303
    assert (await admin.post("/endpoints/crm-back/test", fields)).status_code == 303
    assert (await operator.post("/senders/anna/pause", fields)).status_code == 303
    assert len(await ready.rows("SELECT id FROM outbound WHERE kind = 'test'")) == 2
    assert len(await ready.rows("SELECT inbox FROM sender_pauses")) == 1


async def test_a_form_whose_first_answer_never_came_says_so(
    ready: Running, operator: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, query, fields = await asked(ready, operator, "test")
    assert (await operator.post(path, fields, **query)).status_code == 303
    await ready.execute("UPDATE console_forms SET location = NULL")  # as where a process ends before it answers
    monkeypatch.setattr(form_store, "APART", 0)
    again = await operator.post(path, fields, **query)
    assert again.status_code == 409
    assert "This form was sent before" in again.text
    assert len(await ready.rows("SELECT id FROM outbound WHERE kind = 'test'")) == 1


async def test_neither_a_key_nor_a_person_is_stored(ready: Running, operator: Browser) -> None:
    path, query, fields = await asked(ready, operator, "cancel")
    assert (await operator.post(path, fields, **query)).status_code == 303
    (row,) = await ready.rows("SELECT * FROM console_forms")
    assert row["location"] == "/admin/people/{person}"
    assert path.split("/")[2] not in str(row)
    assert fields["once"] not in str(row)
