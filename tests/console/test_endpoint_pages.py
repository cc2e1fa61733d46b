"""Endpoints: what the pages say of each state, which events are listed, and what an operator changes."""

from __future__ import annotations

import re
from html import unescape
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl
from zoneinfo import ZoneInfo

import pytest

from app.audit.act import acting
from app.clock import utc_now
from app.console.context import Console
from app.console.endpoint_changes import unknown
from app.console.endpoint_words import all_in_words, mark_of, sentence
from app.console.page import MoreThanShown, Visit
from app.console.pages.endpoints import pages
from app.console.person_links import PersonLinks
from app.console.signin.sessions import Sessions
from app.console.signin.store import SignInStore
from app.console.signin.visitor import Visitor, Way, act_of
from app.console.signin.wiring import terms
from app.operators import Role
from app.outbound.breaker import Position
from app.outbound.status import DISABLED, LEFT, EndpointStatus
from tests.conftest import NOON
from tests.console.bulk import work

if TYPE_CHECKING:
    from tests.support.console import Browser
    from tests.support.service import Running

BERLIN = ZoneInfo("Europe/Berlin")
WELL = unknown("crm").model_copy(update={"state": str(Position.CLOSED), "last_success_at": NOON})
NEW = unknown("crm").model_copy(update={"state": str(Position.CLOSED)})
PAUSED = WELL.model_copy(update={"state": str(Position.OPEN), "failures": 5, "open_until": NOON, "waiting": 12})
MADE = """
    INSERT INTO outbound (id, endpoint, kind, body, state, due_at, created_at, updated_at)
    SELECT 'out_' || lpad(CAST(n AS text), 32, '0'), 'crm-back', 'enrolled', '{}', :state, now(), now(), now()
    FROM generate_series(1, :rows) AS n
"""
ANSWERED = """
    INSERT INTO outbound_endpoints (endpoint, fingerprint, failures, open_until, disabled_at, last_error, last_error_at)
    VALUES ('crm-back', :fingerprint, 5, CASE WHEN :disabled THEN NULL ELSE now() + interval '1 hour' END,
            CASE WHEN :disabled THEN now() END, 'status 502 for ada@corp.example', now())
"""


async def stuck(web: Running, *, disabled: bool = False) -> None:
    fingerprint = web.process.rulebook.endpoints()["crm-back"].fingerprint
    await web.execute(ANSWERED, fingerprint=fingerprint, disabled=disabled)


@pytest.mark.parametrize(
    ("status", "mark", "said"),
    [
        (WELL, "ok", "crm: answers. Nothing waits for it. It last took an event 0 s ago."),
        (PAUSED, "bad", "crm: paused until 13:00. 12 events wait. It last took an event 0 s ago."),
        (
            PAUSED.model_copy(update={"state": str(Position.HALF_OPEN), "waiting": 1}),
            "look",
            "crm: tried with one event. 1 event waits. It last took an event 0 s ago.",
        ),
        (
            unknown("crm").model_copy(update={"state": DISABLED}),
            "bad",
            "crm: disabled: it answered 410, gone. Nothing waits for it.",
        ),
        (unknown("crm"), "no", "crm: not in the rules any more. Nothing waits for it."),
        (
            unknown("crm").model_copy(update={"state": str(Position.CLOSED)}),
            "no",
            "crm: no answer yet. Nothing waits for it.",
        ),
        (
            WELL.model_copy(update={"failures": 2}),
            "look",
            "crm: failed 2 in a row. Nothing waits for it. It last took an event 0 s ago.",
        ),
    ],
)
def test_a_sentence_for_each_state(status: EndpointStatus, mark: str, said: str) -> None:
    assert (mark_of(status), sentence(status, NOON, BERLIN)) == (mark, said)


@pytest.mark.parametrize(
    ("statuses", "said"),
    [
        ([], "The rules in force name no endpoint, so that nothing is sent to systems of your own."),
        ([WELL], "The endpoint takes what is sent; nothing waits."),
        ([WELL, WELL], "All 2 endpoints take what is sent; nothing waits."),
        ([NEW], "1 endpoint, and nothing was sent to it yet."),
        ([NEW, NEW], "2 endpoints, and nothing was sent to any yet."),
        ([NEW, WELL], "All 2 endpoints take what is sent; nothing waits."),
        ([WELL, PAUSED], "crm takes nothing now; 12 events wait."),
    ],
)
def test_a_sentence_about_all(statuses: list[EndpointStatus], said: str) -> None:
    assert all_in_words(statuses) == said


async def test_endpoints_are_listed_with_what_waits(web: Running, viewer: Browser) -> None:
    await web.execute(MADE, rows=3, state="waiting")
    await stuck(web)
    (line,) = (await viewer.json("/endpoints"))["lines"]
    assert (line["name"], line["mark"], line["waiting"]) == ("crm-back", "bad", 3)
    assert line["last_error"] == "status 502 for a***@corp.example"
    assert "made-up-path" not in (await viewer.get("/endpoints")).text


async def test_events_of_an_endpoint_are_listed_by_pages(web: Running, viewer: Browser) -> None:
    await web.execute(MADE, rows=120, state="delivered")
    found, url = list[str](), "/admin/endpoints/crm-back.json"
    while url:
        page = (await viewer.client.get(url)).json()["messages"]
        found += [one["id"] for one in page["items"]]
        last, url = page, page["older"]
    assert found == sorted(set(found), reverse=True)
    assert len(found) == 120
    newer = (await viewer.client.get(last["newer"])).json()["messages"]
    assert [one["id"] for one in newer["items"]] == found[50:100]


async def test_an_endpoint_that_left_the_rules_is_shown_for_its_events(web: Running, operator: Browser) -> None:
    await web.execute(MADE, rows=1, state="delivered")
    await web.execute("UPDATE outbound SET endpoint = 'former'")
    page = await operator.json("/endpoints/former")
    assert page["endpoint"]["word"] == "not in the rules any more"
    assert not page["may_change"]
    assert (await operator.get("/endpoints/former/test")).status_code == 404
    assert (await operator.get("/endpoints/never")).status_code == 404


async def test_a_test_is_sent(web: Running, operator: Browser) -> None:
    answer = await operator.confirm("/endpoints/crm-back/test")
    assert answer.headers["location"] == "/admin/endpoints/crm-back"
    (row,) = await web.rows("SELECT kind, state, body FROM outbound")
    assert (row["kind"], row["state"]) == ("test", "waiting")
    assert b'"segue.test"' in bytes(row["body"])


@pytest.mark.parametrize("disabled", [True, False])
async def test_an_endpoint_that_is_kept_from_its_events_is_enabled(
    web: Running, operator: Browser, *, disabled: bool
) -> None:
    assert "Nothing keeps events from it" in (await operator.get("/endpoints/crm-back/enable")).text
    await stuck(web, disabled=disabled)
    assert (await operator.json("/endpoints/crm-back"))["may_enable"]
    answer = await operator.confirm("/endpoints/crm-back/enable", {"reason": "mended"})
    assert answer.status_code == 303
    assert (await operator.json("/endpoints/crm-back"))["endpoint"]["mark"] != "bad"
    (line,) = await web.rows("SELECT after FROM audit WHERE what LIKE '%enable'")
    assert line["after"] == {"endpoint": "crm-back", "enabled": True, "reason": "mended"}
    assert (await operator.post("/endpoints/crm-back/enable")).status_code == 409


async def test_enabling_says_first_what_will_be_sent(web: Running, operator: Browser) -> None:
    await web.execute(MADE, rows=12, state="waiting")
    await stuck(web)
    asked = (await operator.get("/endpoints/crm-back/enable")).text
    assert "12 events wait for it, and will be sent at once." in asked
    assert "The first 10 of 12" in asked
    assert asked.partition('class="sample"')[2].count("enrolled, waiting") == 10


async def test_what_failed_is_sent_again_by_a_job_that_was_shown_first(web: Running, operator: Browser) -> None:
    await web.execute(MADE, rows=14, state="failed")
    asked = await operator.get("/endpoints/crm-back/replay", state="failed")
    assert "14 events noted since" in asked.text
    assert "The first 10 of 14" in asked.text
    answer = await operator.confirm("/endpoints/crm-back/replay", {"reason": "mended"}, state="failed")
    assert answer.status_code == 303
    (job,) = await web.rows("SELECT kind, total, reason, asked_by FROM bulk_jobs")
    assert job == {"kind": "replay_outbound", "total": 14, "reason": "mended", "asked_by": "olga"}


async def test_more_than_were_shown_are_asked_about_again(web: Running, operator: Browser) -> None:
    await web.execute(MADE, rows=2, state="failed")
    answer = await operator.confirm("/endpoints/crm-back/replay", {"shown": "1"})
    assert answer.status_code == 409
    assert "More match by now" in answer.text
    assert await web.rows("SELECT id FROM bulk_jobs") == []


async def test_events_that_fail_after_the_count_are_not_in_a_job_that_was_not_shown(web: Running) -> None:
    await web.execute(MADE, rows=2, state="failed")
    process = web.process
    sessions = Sessions(SignInStore(process.engine), tuple, terms(process.settings))
    replay = pages(Console(process, process.engine, sessions, PersonLinks(process.engine))).changes[-1]
    olga = Visitor("olga", "olga", Role.OPERATOR, Way.TOKEN, None, b"")
    visit = Visit(olga, replay.path, {"endpoint": "crm-back"}, {}, {"shown": "1"}, utc_now(), BERLIN)
    with acting(act_of(olga, "192.0.2.1", "POST")), pytest.raises(MoreThanShown):
        await replay.act(visit)
    assert await web.rows("SELECT id FROM bulk_jobs") == []


async def test_a_form_that_is_sent_twice_begins_one_job(web: Running, operator: Browser) -> None:
    await web.execute(MADE, rows=2, state="failed")
    asked = await operator.get("/endpoints/crm-back/replay")
    (action,) = re.findall(r'action="(/admin/endpoints/[^"]+)"', asked.text)
    path, _, query = unescape(action).removeprefix("/admin").partition("?")
    answers = [await operator.post(path, {"shown": "2"}, **dict(parse_qsl(query))) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [303, 409]
    assert len(await web.rows("SELECT id FROM bulk_jobs")) == 1


async def test_two_jobs_on_the_same_events_send_each_once_more(web: Running, operator: Browser) -> None:
    await web.execute(MADE, rows=3, state="delivered")
    await web.execute("UPDATE outbound SET delivered_at = created_at")
    for since in ("2026-11-01T08:00", "2026-11-01T08:01"):
        form = {"shown": "3"}
        answer = await operator.post("/endpoints/crm-back/replay", form, state="delivered", since=since)
        assert answer.status_code == 303, answer.text
    await web.execute("UPDATE bulk_jobs SET state = 'paused' WHERE id = (SELECT max(id) FROM bulk_jobs)")
    await work(web)
    await web.execute("UPDATE outbound SET state = 'delivered', delivered_at = now()")
    await web.execute("UPDATE bulk_jobs SET state = 'waiting', due_at = now() WHERE state = 'paused'")
    await work(web)
    assert [row["done"] for row in await web.rows("SELECT done FROM bulk_jobs ORDER BY id")] == [3, 0]


async def test_nothing_to_send_again_is_said(operator: Browser) -> None:
    asked = await operator.get("/endpoints/crm-back/replay", state="delivered", since="2026-11-01T08:00")
    assert "There is no such event of this time." in asked.text


def test_an_endpoint_that_left_is_none_of_the_rules() -> None:
    assert unknown("crm").state == LEFT
