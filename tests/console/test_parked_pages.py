"""What is parked: the groups with their sentences, one group, and its release and cancel as jobs."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest

from app.audit.act import Act, acting
from app.console.bulk_changes import asking, release
from app.console.context import Console
from app.console.page import MoreThanShown, Visit
from app.console.person_links import PersonLinks
from app.console.signin.sessions import Sessions
from app.console.signin.store import SignInStore
from app.console.signin.visitor import Visitor
from app.console.signin.wiring import terms
from app.operators import Role, read_tokens
from tests.console.bulk import begun, has, states, work
from tests.console.places import fill
from tests.support.service import TOKENS

if TYPE_CHECKING:
    from tests.support.console import Browser
    from tests.support.service import Running

BEN = {"reason": "DISCONNECTED_INBOX", "sender": "ben"}
SENTENCE = "The sender's inbox is no longer connected to HubSpot."
TUESDAY = datetime(2026, 11, 24, 9, 12, tzinfo=UTC)


async def group_of(browser: Browser, number: int = 0, **query: str) -> dict[str, Any]:
    group: dict[str, Any] = (await browser.json("/parked", **query))["groups"][number]
    return group


async def test_nothing_parked_is_said(viewer: Browser) -> None:
    assert (await viewer.json("/parked"))["sentence"] == "Nothing is parked."
    assert "stands here with its cause and what to do" in (await viewer.get("/parked")).text


async def test_a_cause_is_a_sentence_with_its_code_where_since_when_and_what_to_do(
    web: Running, operator: Browser
) -> None:
    await has(web, 13, at=TUESDAY)
    await has(web, 1, rule="trial")
    page = await operator.json("/parked")
    assert page["sentence"] == "14 enrollments are parked, for 1 cause."
    (ben,) = page["groups"]
    assert (ben["title"], ben["code"], ben["causes"]) == (SENTENCE, "DISCONNECTED_INBOX", "")
    assert (ben["where"], ben["count"], ben["since"]) == ("sender ben, 2 rules", 14, "2026-11-24T09:12:00+00:00")
    assert ben["do"].startswith("Have the sender connect the inbox in HubSpot again")
    assert ben["release"] == "/admin/parked/release?reason=DISCONNECTED_INBOX"
    assert ben["cancel"] == "/admin/parked/cancel?reason=DISCONNECTED_INBOX"
    assert ben["url"] == "/admin/parked?reason=DISCONNECTED_INBOX"


@pytest.mark.parametrize("reason", ["unsettled", "no_outcome"])
async def test_what_is_looked_at_one_by_one_has_no_release_and_says_so(
    web: Running, operator: Browser, reason: str
) -> None:
    await has(web, 3, reason=reason)
    group = await group_of(operator)
    assert (group["release"], group["cancel"]) == (None, None)
    assert group["note"] == (
        "HubSpot may have done what was asked: look at each of them, and release or cancel it on its own page."
    )
    html = (await operator.get("/parked")).text
    assert "Look at each" in html
    assert "Release…" not in html
    listed = (await operator.json("/parked", reason=reason))["one"]["lines"]["items"]
    assert [line["code"] for line in listed] == [reason] * 3


@pytest.mark.parametrize("change", ["release", "cancel"])
async def test_no_form_and_no_request_releases_what_is_looked_at_one_by_one(
    web: Running, admin: Browser, change: str
) -> None:
    await has(web, 2, reason="unsettled")
    asked = await admin.get(f"/parked/{change}", reason="unsettled")
    assert "look at each of them" in asked.text
    assert f'action="/admin/parked/{change}' not in asked.text
    answer = await admin.post(f"/parked/{change}", {"shown": "2"}, reason="unsettled")
    assert answer.status_code in {409, 422}
    assert await web.rows("SELECT id FROM bulk_jobs") == []


async def test_a_viewer_sees_the_groups_and_no_change(web: Running, viewer: Browser) -> None:
    await has(web, 3)
    group = await group_of(viewer)
    assert (group["count"], group["release"], group["cancel"]) == (3, None, None)
    assert "Release…" not in (await viewer.get("/parked")).text


async def test_groups_by_rule_sender_and_day(web: Running, operator: Browser) -> None:
    await has(web, 4, at=TUESDAY)
    await has(web, 2, reason="unsettled", sender="anna", at=TUESDAY)
    await has(web, 1, reason="no_sender", sender=None, rule="trial")
    await has(web, 1, reason=None, sender=None, rule="trial")
    rules = await operator.json("/parked", by="rule")
    assert rules["sentence"] == "8 enrollments are parked, of 2 rules."
    demo, trial = rules["groups"]
    assert (demo["title"], demo["causes"], demo["where"]) == ("Rule demo", "2 causes.", "2 senders")
    assert demo["note"] == "2 of them are looked at one by one: a release of the group leaves those alone."
    assert demo["release"] == "/admin/parked/release?rule=demo"
    assert trial["causes"] == "None of the senders that the rule names can be used."
    senders = await operator.json("/parked", by="sender")
    assert [group["title"] for group in senders["groups"]] == ["Sender ben", "Sender anna", "No sender was chosen."]
    assert [group["release"] for group in senders["groups"]] == [
        "/admin/parked/release?sender=ben",
        None,
        "/admin/parked/release?lacks=sender",
    ]
    days = await operator.json("/parked", by="day")
    assert days["groups"][-1]["title"] == "Tuesday 24 November 2026"
    assert days["groups"][-1]["url"] == "/admin/parked?day=2026-11-24"
    causes = await operator.json("/parked")
    assert causes["sentence"] == "8 enrollments are parked, for 3 causes."
    odd = next(group for group in causes["groups"] if group["code"] is None)
    assert (odd["title"], odd["url"]) == ("Why they are parked is not recorded.", "/admin/parked?lacks=reason")
    assert (odd["release"], odd["cancel"]) == (
        "/admin/parked/release?lacks=reason",
        "/admin/parked/cancel?lacks=reason",
    )


@pytest.mark.parametrize(("change", "then"), [("release", "ready"), ("cancel", "cancelled")])
async def test_those_whose_cause_is_not_recorded_are_released_or_cancelled_by_a_job(
    web: Running, operator: Browser, change: str, then: str
) -> None:
    await has(web, 3, reason=None)
    await has(web, 1, reason=None, sender="anna")
    await has(web, 1, reason=None, sender=None)
    await has(web, 4)
    page = await operator.json("/parked", lacks="reason")
    assert page["sentence"] == "5 enrollments are parked: why is not recorded."
    assert len(page["one"]["lines"]["items"]) == 5
    assert [group["url"] for group in page["groups"]] == [
        "/admin/parked?lacks=reason&sender=ben",
        "/admin/parked?lacks=reason&sender=anna",
        "/admin/parked?lacks=reason%2Csender",
    ]
    html = (await operator.get("/parked", lacks="reason,sender")).text
    assert "1 enrollment is parked" in html
    assert "sender <span" in html
    asked = (await operator.get(f"/parked/{change}", lacks="reason")).text
    assert "Why they are parked is not recorded." in asked
    job = await begun(operator, f"/parked/{change}", lacks="reason")
    assert "Recorded cause" in (await operator.get(job)).text
    await work(web)
    assert await states(web) == {then: 5, "parked": 4}


async def test_those_without_a_sender_are_a_group(web: Running, operator: Browser) -> None:
    await has(web, 2, reason="no_sender", sender=None)
    await has(web, 3)
    asked = (await operator.get("/parked/cancel", lacks="sender")).text
    assert "Only those of no sender are meant." in asked
    await begun(operator, "/parked/cancel", lacks="sender")
    await work(web)
    assert await states(web) == {"cancelled": 2, "parked": 3}
    assert (await operator.get("/parked", lacks="rule")).status_code == 422


async def test_the_list_says_that_there_is_no_sender(web: Running, viewer: Browser) -> None:
    await has(web, 1, reason="no_sender", sender=None)
    assert '<td><span class="soft">none</span></td></tr>' in (await viewer.get("/parked", reason="no_sender")).text


async def test_one_group_lists_its_enrollments_by_pages(web: Running, viewer: Browser) -> None:
    await has(web, 120)
    await has(web, 1, reason="no_sender")
    await has(web, 1, state="ready")
    first = await viewer.json("/parked", **BEN)
    assert first["sentence"] == "120 enrollments are parked: the sender's inbox is no longer connected to HubSpot."
    second = (await viewer.client.get(first["one"]["lines"]["older"])).json()
    last = (await viewer.client.get(second["one"]["lines"]["older"])).json()
    found = [line["id"] for page in (first, second, last) for line in page["one"]["lines"]["items"]]
    assert len(found) == len(set(found)) == 120
    assert found == sorted(found, reverse=True)
    assert last["one"]["lines"]["older"] is None
    back = (await viewer.client.get(last["one"]["lines"]["newer"])).json()
    assert back["one"]["lines"]["items"] == second["one"]["lines"]["items"]
    html = (await viewer.get("/parked", **BEN)).text
    assert "p***@corp.example" in html
    assert f"/admin/enrollments/{found[0]}" in html


async def test_one_group_is_looked_into_by_its_causes_or_its_senders(web: Running, operator: Browser) -> None:
    await has(web, 4)
    await has(web, 2, reason="no_sender", sender="anna")
    page = await operator.json("/parked", rule="demo")
    assert page["sentence"] == "6 enrollments are parked, for 2 causes."
    assert [(group["code"], group["count"]) for group in page["groups"]] == [
        ("DISCONNECTED_INBOX", 4),
        ("no_sender", 2),
    ]
    assert page["groups"][0]["release"] == "/admin/parked/release?rule=demo&reason=DISCONNECTED_INBOX"
    await has(web, 3, sender="anna")
    page = await operator.json("/parked", reason="DISCONNECTED_INBOX")
    assert (page["by"], [group["title"] for group in page["groups"]]) == ("sender", ["Sender ben", "Sender anna"])


async def test_a_day_shows_what_was_parked_on_it(web: Running, viewer: Browser) -> None:
    await has(web, 2, at=TUESDAY)
    await has(web, 3)
    page = await viewer.json("/parked", day="2026-11-24")
    assert len(page["one"]["lines"]["items"]) == 2
    assert (await viewer.get("/parked", day="9999-12-31")).status_code == 422


async def test_a_group_of_which_nothing_is_left_says_so(viewer: Browser) -> None:
    page = await viewer.get("/parked", reason="no_sender")
    assert "None of these is parked any more." in page.text
    assert "See what is parked" in page.text


async def test_no_look_at_parked_ones_shows_an_address(web: Running, admin: Browser) -> None:
    await has(web, 3)
    await has(web, 2, reason="no_sender", sender=None)
    for query in ({}, {"by": "rule"}, {"by": "day"}, {"reason": "no_sender"}, {"rule": "demo"}, {"sender": "ben"}):
        assert "p1@corp" not in (await admin.get("/parked", **query)).text


async def test_a_release_is_asked_with_its_count_first_ones_and_estimate(web: Running, operator: Browser) -> None:
    await has(web, 1000, sent=3)
    page = (await operator.get("/parked/release", **BEN)).text
    for said in (
        "Release 1,000 parked enrollments?",
        "They are parked: the sender&#39;s inbox is no longer connected to HubSpot.",
        "First: Have the sender connect the inbox",
        "Only those of the sender ben are meant.",
        "One whose cause still holds is parked again.",
        "3 of them may have been sent to HubSpot before: HubSpot is read first",
        "That takes about 100 s.",
        "The first 10 of 1,000",
        "By the rules in force now",
        "Reason, for the audit log",
        "Release 1,000</button>",
    ):
        assert said in page, said
    assert page.count("rule demo, sender ben, parked since") == 10


async def test_a_released_group_becomes_a_job_that_a_worker_does_to_its_end(web: Running, operator: Browser) -> None:
    await has(web, 14)
    job = await begun(operator, "/parked/release", {"reason": "inbox of ben@acme.example connected"}, **BEN)
    shown = await operator.json(job)
    assert shown["sentence"].startswith("14 enrollments wait for a worker; done at about ")
    assert (shown["asked_by"], shown["reason"], shown["over"]) == (
        "olga", "inbox of b***@acme.example connected", False,
    )  # fmt: skip
    await work(web)
    done = await operator.json(job)
    assert done["sentence"] == "Done: 14 enrollments released."
    assert done["outcomes"] == [{"words": "released", "count": 14, "code": "released"}]
    assert done["over"]
    assert await states(web) == {"ready": 14}
    asked, ended = await web.rows("SELECT who, what, after FROM audit WHERE target = :id ORDER BY id", id=shown["id"])
    assert (asked["who"], asked["what"]) == ("olga", "POST /admin/parked/release")
    assert asked["after"]["reason"] == "inbox of b***@acme.example connected"
    assert (asked["after"]["count"], asked["after"]["filter"]["sender"]) == (14, "ben")
    assert (ended["who"], ended["what"], ended["after"]["done"]) == ("olga", "job release_parked", 14)


async def test_a_group_is_released_by_the_rules_in_force(web: Running, operator: Browser) -> None:
    await fill(web)
    await web.execute("DELETE FROM bulk_jobs")
    job = await begun(operator, "/parked/release", {"as_rules_now": "yes"}, reason="no_sender")
    await work(web)
    assert (await operator.json(job))["sentence"] == "Done: 1 enrollment replaced."
    rows = await web.rows("SELECT state, reason FROM enrollments WHERE email = 'ada0@corp.example' ORDER BY id")
    assert rows[0] == {"state": "cancelled", "reason": "replaced"}


async def test_a_group_is_cancelled(web: Running, operator: Browser) -> None:
    await has(web, 4, sent=1)
    await has(web, 2, state="held")
    page = (await operator.get("/parked/cancel", rule="demo")).text
    assert "Cancel 4 parked enrollments?" in page
    assert "1 of them may have been sent to HubSpot before: what HubSpot has done is not taken back" in page
    job = await begun(operator, "/parked/cancel", rule="demo")
    await work(web)
    assert (await operator.json(job))["sentence"] == "Done: 4 enrollments cancelled."
    assert await states(web) == {"cancelled": 4, "held": 2}


async def test_more_than_was_shown_is_asked_again_with_the_count_of_now(web: Running, operator: Browser) -> None:
    await has(web, 3)
    await has(web, 2)
    answer = await operator.post("/parked/release", {"shown": "3", "reason": "connected"}, **BEN)
    assert answer.status_code == 409
    assert "More match by now than you were shown." in answer.text
    assert 'name="shown" value="5"' in answer.text
    assert 'value="connected"' in answer.text
    assert await web.rows("SELECT id FROM bulk_jobs") == []
    assert (await operator.post("/parked/release", {"shown": "5"}, **BEN)).status_code == 303


@pytest.mark.parametrize("shown", ["", "x", "-1", "²", "9" * 5000])
async def test_a_form_without_a_usable_count_is_asked_again(web: Running, operator: Browser, shown: str) -> None:
    await has(web, 1)
    assert (await operator.post("/parked/release", {"shown": shown}, **BEN)).status_code == 409
    assert await web.rows("SELECT id FROM bulk_jobs") == []


async def test_what_is_parked_after_the_count_at_the_answer_is_asked_again_too(web: Running) -> None:
    """The site counts, and the transaction that begins the job counts once more."""
    await has(web, 2)
    process = web.process
    sessions = Sessions(SignInStore(process.engine), lambda: read_tokens(TOKENS), terms(process.settings))
    store = asking(Console(process, process.engine, sessions, PersonLinks(process.engine)))
    visitor = Visitor("olga", "olga", Role.OPERATOR, "token", None, b"")
    visit = Visit(visitor, "/admin/parked/release", {}, BEN, {"shown": "1"}, TUESDAY, ZoneInfo("UTC"))
    with acting(Act("olga", Role.OPERATOR, "192.0.2.7", "POST /admin/parked/release")), pytest.raises(MoreThanShown):
        await release(store, visit)
    assert await web.rows("SELECT id FROM bulk_jobs") == []


async def test_an_operator_may_release_a_thousand_and_an_admin_more(
    web: Running, operator: Browser, admin: Browser
) -> None:
    await has(web, 1001)
    page = await operator.get("/parked/release", **BEN)
    assert "1,001 match, and the role operator may ask for 1,000 at once: narrow it, or ask an admin." in page.text
    assert 'action="/admin/parked/release' not in page.text
    answer = await operator.post("/parked/release", {"shown": "1001"}, **BEN)
    assert answer.status_code == 409
    assert "may ask for 1,000 at once" in answer.text
    assert await web.rows("SELECT id FROM bulk_jobs") == []
    await begun(admin, "/parked/release", None, **BEN)


async def test_more_than_are_counted_are_said_to_be_more(web: Running, admin: Browser) -> None:
    await has(web, 10_002)
    page = (await admin.get("/parked/cancel", sender="ben")).text
    assert "Cancel more than 10,000 parked enrollments?" in page
    assert "The first 10 of more than 10,000" in page
    assert "the page of the job says when it will be done" in page
    assert "Cancel all</button>" in page
    job = await begun(admin, "/parked/cancel", sender="ben")
    assert (await admin.json(job))["total"] == 10_002


async def test_two_people_who_confirm_the_same_group_at_once_begin_one_job(
    web: Running, operator: Browser, admin: Browser
) -> None:
    await has(web, 14)
    answers = await asyncio.gather(*(one.post("/parked/release", {"shown": "14"}, **BEN) for one in (operator, admin)))
    assert [answer.status_code for answer in answers] == [303, 303]
    (job,) = await web.rows("SELECT id FROM bulk_jobs")
    assert {answer.headers["location"] for answer in answers} == {f"/admin/jobs/{job['id']}"}
    pages = [(await one.get(f"/jobs/{job['id']}")).text for one in (operator, admin)]
    rows = await web.rows("SELECT target FROM audit WHERE what = 'POST /admin/parked/release'")
    assert [row["target"] for row in rows] == [job["id"], job["id"]]
    assert sum("This was asked for before, and is not over yet" in page for page in pages) == 1


async def test_of_two_jobs_on_the_same_rows_one_finds_nothing_left_to_do(
    web: Running, operator: Browser, admin: Browser
) -> None:
    await has(web, 14)
    jobs = [
        await begun(operator, "/parked/release", None, **BEN),
        await begun(admin, "/parked/release", sender="ben"),
    ]
    await work(web)
    said = [(await admin.json(job))["sentence"] for job in jobs]
    assert said == [
        "Done: 14 enrollments released.",
        "Done, and nothing was left to do: 14 enrollments had changed before their turn came.",
    ]
    assert await web.rows("SELECT count(*) AS n FROM journal WHERE cause = 'released_by_operator'") == [{"n": 14}]


@pytest.mark.parametrize("change", ["release", "cancel"])
async def test_nothing_left_is_nothing_to_do(web: Running, operator: Browser, change: str) -> None:
    assert "Nothing matches any more" in (await operator.get(f"/parked/{change}", reason="no_sender")).text
    answer = await operator.post(f"/parked/{change}", {"shown": "3"}, reason="no_sender")
    assert answer.status_code == 409
    assert "there is nothing to do" in answer.text
    assert await web.rows("SELECT id FROM bulk_jobs") == []


@pytest.mark.parametrize("change", ["release", "cancel"])
async def test_everything_that_is_parked_is_no_group(operator: Browser, change: str) -> None:
    answer = await operator.get(f"/parked/{change}")
    assert answer.status_code == 422
    assert "without one, everything would match" in answer.text


async def test_what_waits_is_cancelled_from_the_list_of_enrollments(web: Running, operator: Browser) -> None:
    await has(web, 3, state="held", reason="window")
    await has(web, 2, state="ready", reason=None)
    await has(web, 2, state="working", reason=None)
    await has(web, 1)
    link = (await operator.json("/enrollments", rule="demo"))["cancel"]
    assert link == "/admin/enrollments/cancel?rule=demo"
    page = (await operator.client.get(link)).text
    assert "Cancel 5 waiting enrollments?" in page
    assert "Held and ready ones of any time are meant. What a worker has in hand goes on." in page
    job = await begun(operator, "/enrollments/cancel", {"reason": "campaign is over"}, rule="demo")
    await work(web)
    assert (await operator.json(job))["sentence"] == "Done: 5 enrollments cancelled."
    assert await states(web) == {"cancelled": 5, "working": 2, "parked": 1}
    held = await operator.get("/enrollments/cancel", rule="demo", state="held")
    assert "Nothing matches any more" in held.text


@pytest.mark.parametrize(
    ("query", "there"),
    [
        ({}, False),
        ({"state": "held"}, False),
        ({"sender": "ben"}, True),
        ({"source": "crm", "state": "ready"}, True),
        ({"rule": "demo", "state": "enrolled"}, False),
    ],
)
async def test_the_list_leads_to_a_cancel_of_what_can_be_cancelled(
    operator: Browser, viewer: Browser, query: dict[str, str], *, there: bool
) -> None:
    assert ((await operator.json("/enrollments", **query))["cancel"] is not None) is there
    assert (await viewer.json("/enrollments", **query))["cancel"] is None


@pytest.mark.parametrize(("query", "status"), [({"state": "held"}, 422), ({"state": "enrolled", "rule": "x"}, 422)])
async def test_what_cannot_be_cancelled_together_is_refused(
    operator: Browser, query: dict[str, str], status: int
) -> None:
    assert (await operator.get("/enrollments/cancel", **query)).status_code == status


async def test_parked_ones_that_are_looked_at_one_by_one_are_not_cancelled_from_the_list(
    web: Running, operator: Browser
) -> None:
    await has(web, 1, reason="no_outcome")
    query = {"state": "parked", "reason": "no_outcome"}
    assert "look at each of them" in (await operator.get("/enrollments/cancel", **query)).text
    assert (await operator.post("/enrollments/cancel", {"shown": "1"}, **query)).status_code == 409
