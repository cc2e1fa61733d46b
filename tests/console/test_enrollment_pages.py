"""The list of enrollments and one enrollment: what they say, how the list is narrowed, what an operator changes."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from app.clock import utc_now
from app.console.states import enrollments_counted
from app.reports import enrollments_store
from app.reports.id_times import first_id
from tests.console.places import fill

if TYPE_CHECKING:
    from tests.support.console import Browser
    from tests.support.service import Running

MADE = """
    INSERT INTO enrollments (id, decision_id, event_id, delivery_id, source, rule, account, email, sequence, properties,
                             require, intent, received_at, created_at, updated_at, state, sender, due_at)
    SELECT 'enr_' || lpad(to_hex(CAST(EXTRACT(epoch FROM now()) * 1000 AS bigint) - 5000 + n), 12, '0')
           || lpad(CAST(n AS text), 20, '0'), '', '', '', 'crm', 'signup', 'default', 'p' || n || '@corp.example',
           '310001', '{}', '{}', 'demo', now(), now(), now(), 'enrolled',
           CASE WHEN n % 40 = 0 THEN 'ben' ELSE 'anna' END, now()
    FROM generate_series(1, :rows) AS n
"""


async def ids(browser: Browser, **query: str) -> list[str]:
    return [line["id"] for line in (await browser.json("/enrollments", **query))["lines"]["items"]]


async def one_in(web: Running, state: str) -> str:
    rows = await web.rows("SELECT id FROM enrollments WHERE state = :state", state=state)
    return str(rows[0]["id"])


async def test_the_first_sentence_counts_by_state(web: Running, viewer: Browser) -> None:
    await fill(web)
    said = (await viewer.json("/enrollments"))["sentence"]
    assert said == "4 enrollments: 1 enrolled, 2 ready, 1 parked, in the last 24 hours."
    said = (await viewer.json("/enrollments", state="ready"))["sentence"]
    assert said == "2 enrollments, all ready, in the last 24 hours."


async def test_an_empty_list_says_what_would_fill_it(viewer: Browser) -> None:
    page = await viewer.get("/enrollments", rule="signup")
    assert "No enrollment of these in the last 24 hours." in page.text
    assert "A rule that matches an event makes an enrollment" in page.text
    assert "/admin/enrollments?rule=signup&amp;period=30d" in page.text


def test_more_than_are_counted_are_said_to_be_more() -> None:
    assert enrollments_counted({"enrolled": 9_000, "held": 1_001}, 10_000) == (
        "More than 10,000 enrollments; of the newest 10,000, 9,000 enrolled, 1,001 held"
    )


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ({"state": "parked"}, 1),
        ({"rule": "signup"}, 3),
        ({"source": "open"}, 1),
        ({"sender": "anna"}, 1),
        ({"reason": "no_sender"}, 1),
        ({"rule": "signup", "state": "enrolled", "sender": "anna"}, 1),
        ({"rule": "signup", "state": "parked", "sender": "anna"}, 0),
    ],
)
async def test_the_list_is_narrowed(web: Running, viewer: Browser, query: dict[str, str], count: int) -> None:
    await fill(web)
    assert len(await ids(viewer, **query)) == count


async def test_an_enrollment_before_the_period_is_not_listed(web: Running, viewer: Browser) -> None:
    await web.execute(MADE, rows=1)
    await web.execute("UPDATE enrollments SET id = :id", id=first_id("enr", utc_now() - timedelta(hours=25)) + "0" * 20)
    assert await ids(viewer) == []
    assert len(await ids(viewer, period="7d")) == 1


async def test_pages_of_the_list_lead_to_each_other(web: Running, viewer: Browser) -> None:
    await web.execute(MADE, rows=120)
    first = (await viewer.json("/enrollments"))["lines"]
    assert first["newer"] is None
    second = (await viewer.client.get(first["older"])).json()["lines"]
    last = (await viewer.client.get(second["older"])).json()["lines"]
    found = [one["id"] for page in (first, second, last) for one in page["items"]]
    assert len(found) == len(set(found)) == 120
    assert found == sorted(found, reverse=True)
    assert last["older"] is None
    back = (await viewer.client.get(last["newer"])).json()["lines"]
    assert back["items"] == second["items"]


async def test_a_look_that_ends_early_says_how_far_it_came_and_leads_on(
    web: Running, viewer: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(enrollments_store, "LOOKED_AT", 50)
    await web.execute(MADE, rows=120)
    first = await viewer.json("/enrollments", sender="ben")
    assert len(first["lines"]["items"]) == 2
    assert first["looked_back_to"] is not None
    found = await viewer.client.get(first["further"])
    assert len(found.json()["lines"]["items"]) == 1
    assert "Look further back" in (await viewer.get("/enrollments", sender="ben")).text


async def test_one_enrollment_says_what_became_of_it_and_why(web: Running, viewer: Browser) -> None:
    await fill(web)
    id_ = await one_in(web, "parked")
    considered = '[{"sender": "anna", "chosen": false, "because": "paused since 2026-11-23 09:00 UTC"}]'
    await web.execute("UPDATE enrollments SET assignment = CAST(:one AS jsonb) WHERE id = :id", one=considered, id=id_)
    page = await viewer.json(f"/enrollments/{id_}")
    assert page["receipt"]["sentences"][0].startswith(
        "Ada has not been enrolled in sequence 310001 yet, and a person must look: none of the senders that the rule "
    )
    assert page["receipt"]["code"] == "no_sender"
    assert page["steps"]["items"][0]["said"] == "Accepted: its event was decided and stored."
    assert page["considered"] == [{"sender": "anna", "chosen": False, "because": "paused since 2026-11-23 09:00 UTC"}]
    assert (page["may_release"], page["may_cancel"]) == (False, False)
    html = (await viewer.get(f"/enrollments/{id_}")).text
    assert f"/admin/events/{page['event_id']}#{page['decision_id']}" in html
    assert page["person_url"] in html
    assert "/release" not in html


async def test_a_time_in_a_detail_is_one_of_the_page(web: Running, viewer: Browser) -> None:
    await fill(web)
    id_ = await one_in(web, "ready")
    detail = "the window opens Mon 2026-11-23 09:00 (Europe/Berlin)"
    change = "UPDATE enrollments SET state = 'held', reason = 'window', detail = :detail WHERE id = :id"
    await web.execute(change, id=id_, detail=detail)
    page = (await viewer.get(f"/enrollments/{id_}")).text
    assert ": the window opens " in page
    assert "2026-11-23 09:00" not in page


async def test_a_long_journal_is_shown_by_pages_each_line_once(web: Running, viewer: Browser) -> None:
    await fill(web)
    id_ = await one_in(web, "parked")
    await web.execute(
        "INSERT INTO journal (enrollment_id, at, after, attempt, cause)"
        " SELECT :id, now(), 'parked', n, CASE n WHEN 120 THEN 'cancelled_by_operator' ELSE 'retry' END"
        " FROM generate_series(1, 120) AS n",
        id=id_,
    )
    first = (await viewer.json(f"/enrollments/{id_}"))["steps"]
    second = (await viewer.client.get(first["older"])).json()["steps"]
    last = (await viewer.client.get(second["older"])).json()["steps"]
    numbers = [step["attempt"] for page in (last, second, first) for step in page["items"]]
    assert numbers == list(range(121))  # its first line, which is no attempt, and those
    assert (first["newer"], last["older"]) == (None, None)
    back = (await viewer.client.get(last["newer"])).json()
    assert back["steps"]["items"] == second["items"]
    assert (await viewer.client.get(back["steps"]["newer"])).json()["steps"] == first
    assert back["receipt"] == (await viewer.json(f"/enrollments/{id_}"))["receipt"]
    assert (await viewer.json(f"/enrollments/{id_}", after="999999999"))["steps"]["items"] == []
    html = (await viewer.client.get(last["newer"].replace(".json", ""))).text
    assert all(link in html for link in ('rel="prev">← newer', 'rel="next">older →'))
    for query in ({"before": "enr_1"}, {"after": "9" * 19}, {"page": "2"}):
        assert (await viewer.get(f"/enrollments/{id_}", **query)).status_code == 422


async def test_the_contact_leads_to_hubspot(web: Running, viewer: Browser) -> None:
    await fill(web)
    id_ = await one_in(web, "enrolled")
    await web.execute("UPDATE enrollments SET contact_id = '501' WHERE id = :id", id=id_)
    assert (await viewer.json(f"/enrollments/{id_}"))["contact_url"] is None
    await web.execute(
        "INSERT INTO hubspot_accounts (account, portal_id, learnt_at) "
        "SELECT account, '4567', now() FROM enrollments WHERE id = :id",
        id=id_,
    )
    found = (await viewer.json(f"/enrollments/{id_}"))["contact_url"]
    assert found == "https://app.hubspot.com/contacts/4567/record/0-1/501"


async def test_an_operator_releases_a_parked_one_and_says_why(web: Running, operator: Browser) -> None:
    await fill(web)
    id_ = await one_in(web, "parked")
    answer = await operator.confirm(f"/enrollments/{id_}/release", {"reason": "asked by eve@corp.example"})
    assert (answer.status_code, answer.headers["location"]) == (303, f"/admin/enrollments/{id_}")
    assert (await web.rows("SELECT state FROM enrollments WHERE id = :id", id=id_))[0]["state"] == "ready"
    (line,) = await web.rows("SELECT who, what, after FROM audit WHERE target = :id", id=id_)
    assert (line["who"], line["what"]) == ("olga", "POST /admin/enrollments/{enrollment_id}/release")
    assert line["after"] == {"state": "ready", "enrollments": [id_], "reason": "asked by e***@corp.example"}
    assert "Released. It is tried again at once." in (await operator.get(f"/enrollments/{id_}")).text


async def test_a_parked_one_is_decided_again_by_the_rules_in_force(web: Running, operator: Browser) -> None:
    await fill(web)
    id_ = await one_in(web, "parked")
    answer = await operator.confirm(f"/enrollments/{id_}/release", {"as_rules_now": "yes"})
    assert answer.status_code == 303
    assert answer.headers["location"] != f"/admin/enrollments/{id_}"
    states = await web.rows("SELECT state, reason FROM enrollments WHERE id = :id", id=id_)
    assert states == [{"state": "cancelled", "reason": "replaced"}]


async def test_an_operator_cancels_what_waits(web: Running, operator: Browser) -> None:
    await fill(web)
    id_ = await one_in(web, "ready")
    answer = await operator.confirm(f"/enrollments/{id_}/cancel", {"reason": "by phone"})
    assert answer.status_code == 303
    rows = await web.rows("SELECT state, reason FROM enrollments WHERE id = :id", id=id_)
    assert rows == [{"state": "cancelled", "reason": "by_operator"}]


@pytest.mark.parametrize("change", ["release", "cancel"])
async def test_what_is_enrolled_is_neither_released_nor_cancelled(web: Running, operator: Browser, change: str) -> None:
    await fill(web)
    id_ = await one_in(web, "enrolled")
    asked = await operator.get(f"/enrollments/{id_}/{change}")
    assert "It is enrolled: only what" in asked.text
    assert 'method="post" action="/admin/enrollments' not in asked.text
    answer = await operator.post(f"/enrollments/{id_}/{change}")
    assert answer.status_code == 409
    assert await one_in(web, "enrolled") == id_
