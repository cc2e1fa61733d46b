"""One person's page: the receipt, the story, how the person stands, and what an operator does about the person."""

from __future__ import annotations

import re
from html import unescape
from typing import TYPE_CHECKING, Any

import pytest

from app import errors
from app.audit.act import Act, acting
from app.console.person_links import PersonLinks
from app.enrollments.operator_store import EnrollmentOperatorStore
from tests.console.places import fill
from tests.support.service import RULES

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.console import Browser
    from tests.support.service import Running

ADA = "ada1@corp.example"
WAITING = "ada2@corp.example"

COPIED = "decision_id, delivery_id, rule, source, account, email, sequence, properties, require, received_at"
MANY = f"""
    WITH one AS (SELECT * FROM enrollments WHERE email = :email), number AS (
        SELECT n, 'f' || lpad(CAST(n AS text), 31, '0') AS tail FROM generate_series(1, 250) AS n
    ), event AS (
        INSERT INTO events (id, delivery_id, source, type, received_at, email)
        SELECT 'evt_' || tail, one.delivery_id, one.source, 'signup', now(), one.email FROM one, number
    )
    INSERT INTO enrollments (id, event_id, {COPIED}, intent, created_at, updated_at, state, due_at, contact_id)
    SELECT 'enr_' || tail, 'evt_' || tail, {COPIED}, 'i' || n, now(), now(), 'held', now() + interval '1 day',
           CAST(n AS text)
    FROM one, number
"""  # noqa: S608  # ours


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    """The operator's file, with a suppression of its own."""
    file = tmp_path / "rules.yaml"
    file.write_text(RULES + 'suppress: ["*.rival.example"]\n')
    return file


async def path_to(web: Running, address: str) -> str:
    return f"/people/{(await PersonLinks(web.process.engine).tokens()).token_of(address)}"


async def view(web: Running, browser: Browser, address: str = ADA, **query: str) -> Any:
    return await browser.json(await path_to(web, address), **query)


def lines(page: Any) -> list[Any]:
    return [line for day in page["days"] for line in day["lines"]]


async def test_the_first_receipt_says_what_became_of_the_person(web: Running, viewer: Browser) -> None:
    await fill(web)
    page = await view(web, viewer)
    (said,) = page["receipts"][0]["sentences"]
    assert said.startswith("Ada was enrolled in sequence 310001 on ")
    assert said.endswith(", from anna's inbox, by the rule “signup”.")
    assert page["mark"] == "ok"
    assert page["address"] == "a***@corp.example"


async def test_an_enrollment_tells_of_its_event_and_its_decision(web: Running, viewer: Browser) -> None:
    await fill(web)
    (line,) = lines(await view(web, viewer))
    assert (line["kind"], line["what"], line["word"]) == (
        "enrollment",
        "Enrolled in sequence 310001 as anna",
        "enrolled",
    )
    assert line["origin"] == "crm · signup"
    assert line["rule"] == "signup"
    assert line["event_url"].startswith("/admin/events/evt_")
    assert [step["said"] for step in line["steps"]] == ["Accepted: its event was decided and stored."]


async def test_what_was_not_enrolled_says_why_with_what_was_read(web: Running, viewer: Browser) -> None:
    await fill(web)
    page = await view(web, viewer, "bob@corp.example")
    (line,) = lines(page)
    assert line["what"] == "Not enrolled"
    assert "one rule listens to such events, and its condition was not true" in line["said"][0]
    assert "event.data.data.employees" in line["said"][1]
    assert page["receipts"][0]["sentences"][0].startswith("b***@corp.example was not enrolled")


async def test_a_second_event_of_the_same_reason_is_said_to_be_one(web: Running, viewer: Browser) -> None:
    await fill(web)
    await web.deliver("crm", {"type": "signup", "data": {"email": ADA, "employees": 90}})
    page = await view(web, viewer)
    assert [line["what"] for line in lines(page)] == [
        "Not enrolled again: the same reason",
        "Enrolled in sequence 310001 as anna",
    ]
    assert "by the rule “signup” for sequence 310001" in lines(page)[0]["said"][0]
    assert "is taken, until " in lines(page)[0]["said"][0]
    assert {"label": "Intents taken"}.items() <= page["now"][-1].items()
    assert page["now"][-1]["values"][0]["text"].startswith("demo, until ")


@pytest.mark.parametrize(
    ("state", "reason", "what", "said"),
    [
        ("parked", "no_sender", "Sequence 310001: parked", "None of the senders that the rule names can be used"),
        ("refused", "UNSUBSCRIBED", "Sequence 310001: refused", "opted out"),
        ("held", "window", "Sequence 310001: held", "window"),
        ("expired", None, "Sequence 310001: expired", ""),
    ],
)
async def test_each_state_has_its_line(
    web: Running, viewer: Browser, state: str, reason: str | None, what: str, said: str
) -> None:
    await fill(web)
    await web.execute("UPDATE enrollments SET state = :state, reason = :reason", state=state, reason=reason)
    (line,) = lines(await view(web, viewer, WAITING))
    assert line["what"] == what
    assert said.lower() in " ".join(line["said"]).lower()


async def test_an_inferred_reply_is_said_to_be_inferred(web: Running, viewer: Browser) -> None:
    await fill(web)
    await web.execute("UPDATE enrollments SET replied_at = now() WHERE email = :email", email=ADA)
    page = await view(web, viewer)
    assert "A reply came" in page["receipts"][0]["sentences"][1]
    assert any("is inferred" in note for note in page["receipts"][0]["notes"])
    assert lines(page)[0]["word"] == "replied"
    await web.post("/api/v1/suppressions", value=ADA)  # which is said before it
    assert "The reply is inferred" in (await viewer.get(await path_to(web, ADA))).text.partition("story")[0]


async def test_what_waits_is_named_at_the_side(web: Running, viewer: Browser) -> None:
    await fill(web)
    page = await view(web, viewer, WAITING)
    facts = {fact["label"]: [value["text"] for value in fact["values"]] for fact in page["now"]}
    assert facts["Waiting"] == ["sequence 310001, ready"]
    assert facts["Suppressed"] == ["no"]
    assert page["waiting"] == 1
    known = {fact["label"]: [value["text"] for value in fact["values"]] for fact in page["known"]}
    assert known["Received from"] == ["crm"]


async def test_a_contact_leads_to_hubspot(web: Running, viewer: Browser) -> None:
    await fill(web)
    await web.execute("UPDATE enrollments SET contact_id = '501' WHERE email = :email", email=ADA)
    await web.execute(
        "INSERT INTO hubspot_accounts (account, portal_id, learnt_at)"
        " SELECT account, '77', now() FROM enrollments LIMIT 1"
        " ON CONFLICT (account) DO UPDATE SET portal_id = '77'"
    )
    page = await view(web, viewer)
    contact = next(fact for fact in page["known"] if fact["label"] == "Contact")["values"][0]
    assert contact["url"] == "https://app.hubspot.com/contacts/77/record/0-1/501"


async def test_an_address_of_which_nothing_is_stored(web: Running, viewer: Browser) -> None:
    page = await viewer.get(await path_to(web, "new@corp.example"))
    assert "Nothing is stored about n***@corp.example" in page.text
    assert "try the event in the rules" in page.text


async def test_one_who_is_suppressed_is_said_to_be(web: Running, viewer: Browser) -> None:
    await web.post("/api/v1/suppressions", value="mallory@corp.example")
    page = await view(web, viewer, "mallory@corp.example")
    assert "is never enrolled: the suppression list has the address itself" in page["receipts"][0]["sentences"][0]
    assert page["suppressed"]
    page = await view(web, viewer, "x@sales.rival.example")
    (only,) = page["receipts"]
    assert only["sentences"] == [
        "x***@sales.rival.example is never enrolled: the rules have a pattern that fits it, *@*.rival.example."
    ]


async def test_what_waits_for_a_person_is_counted_before_the_address_is_suppressed(
    web: Running, operator: Browser
) -> None:
    await fill(web)
    asked = (await operator.get(f"{await path_to(web, WAITING)}/suppress")).text
    assert "1 enrollment waits for it now." in asked
    assert asked.partition('class="sample"')[2].count("ready since") == 1


async def test_one_who_was_forgotten_is_said_to_be(web: Running, viewer: Browser) -> None:
    await fill(web)
    page = await view(web, viewer, "kay@corp.example")
    assert page["forgotten"]
    assert page["receipts"][0]["sentences"][0].startswith("The person of this address was forgotten on request")
    assert page["days"] == []


async def test_the_story_goes_on_on_an_earlier_page(web: Running, viewer: Browser) -> None:
    for number in range(40):
        data = {"email": ADA, "employees": 90 if number == 0 else 8}
        assert (await web.deliver("crm", {"type": "signup", "data": data, "n": number})).status_code == 200
    first = await view(web, viewer)
    assert first["newer"] is None
    last = (await viewer.client.get(first["older"])).json()
    assert last["older"] is None
    found = lines(first) + lines(last)
    assert len({line["event_url"] for line in found}) == 40
    assert sum(line["kind"] == "enrollment" for line in found) == 1
    again = (await viewer.client.get(last["newer"])).json()
    assert (again["days"], again["newer"], again["older"]) == (first["days"], None, first["older"])
    html = (await viewer.client.get(last["newer"].replace(".json", ""))).text
    assert 'rel="next">older →' in html
    assert 'rel="prev"' not in html


async def test_what_is_said_of_a_person_is_the_same_on_each_page(web: Running, viewer: Browser) -> None:
    await fill(web)
    for number in range(60):
        data = {"email": ADA, "employees": 8}
        assert (await web.deliver("crm", {"type": "signup", "data": data, "n": number})).status_code == 200
    page = await view(web, viewer)
    (said,) = page["receipts"][0]["sentences"]
    assert said.startswith("Ada was enrolled in sequence 310001 on ")  # which stands on the second page
    assert page["mark"] == "ok"
    assert "enrollment" not in {line["kind"] for line in lines(page)}
    older = (await viewer.client.get(page["older"])).json()
    assert [older[name] for name in ("receipts", "mark", "now", "known")] == [
        page[name] for name in ("receipts", "mark", "now", "known")
    ]


async def test_a_page_beyond_the_story_leads_back_to_its_beginning(web: Running, viewer: Browser) -> None:
    await fill(web)
    path = await path_to(web, ADA)
    below, above = [await view(web, viewer, **query) for query in ({"before": "0"}, {"after": "z"})]
    assert (below["days"], below["newer"], below["older"]) == ([], f"/admin{path}.json", None)
    assert (above["days"], above["newer"], above["older"]) == ([], None, f"/admin{path}.json")
    assert "is stored there." in (await viewer.get(path, before="0")).text


async def test_a_long_journal_leads_to_the_page_of_its_enrollment(web: Running, viewer: Browser) -> None:
    await fill(web)
    await web.execute(
        "INSERT INTO journal (enrollment_id, at, after, attempt, cause)"
        " SELECT id, now(), 'enrolled', n, 'retry' FROM enrollments, generate_series(1, 30) AS n WHERE email = :email",
        email=ADA,
    )
    (line,) = lines(await view(web, viewer))
    assert (len(line["steps"]), line["cut"]) == (20, True)
    assert "What came before stands on the page of the" in (await viewer.get(await path_to(web, ADA))).text


async def test_facts_that_may_not_be_all_say_among_what_they_were_found(web: Running, viewer: Browser) -> None:
    await fill(web)
    await web.execute(MANY, email=ADA)
    page = await view(web, viewer)
    now, known = (
        {fact["label"]: [one["text"] for one in fact["values"]] for fact in page[side]} for side in ("now", "known")
    )
    assert known["Looked at"] == [
        "the newest 200 events, not earlier ones",
        "the newest 200 enrollments, not earlier ones",
    ]
    assert known["Contact"][-1] == "at least 5 more"
    assert now["Waiting"][-1] == "at least 45 more"
    assert page["waiting"] == 250
    assert "Looked at" not in {fact["label"] for fact in (await view(web, viewer, WAITING))["known"]}


async def test_all_that_waits_is_cancelled_however_much_is_shown_of_it(web: Running, operator: Browser) -> None:
    await fill(web)
    await web.execute(MANY, email=ADA)
    path = await path_to(web, ADA)
    assert "Cancel 250 enrollments" in (await operator.get(f"{path}/cancel")).text
    assert (await operator.confirm(f"{path}/cancel", {"reason": "by phone"})).status_code == 303
    (row,) = await web.rows("SELECT count(*) AS n FROM enrollments WHERE state = 'cancelled'")
    assert row["n"] == 250


async def test_a_token_of_no_address_is_not_there(web: Running, viewer: Browser) -> None:
    assert (await viewer.get("/people/abc")).status_code == 404
    for query in ({"before": "'x"}, {"after": "EVT"}, {"before": "z" * 65}, {"page": "2"}):
        assert (await viewer.get(await path_to(web, ADA), **query)).status_code == 422


async def test_only_an_operator_sees_the_address_and_it_is_written_down(
    web: Running, viewer: Browser, operator: Browser
) -> None:
    await fill(web)
    path = await path_to(web, ADA)
    assert "Show the address" not in (await viewer.get(path)).text
    assert (await viewer.post(f"{path}/show")).status_code == 403
    assert ADA not in (await operator.get(path)).text
    shown = await operator.post(f"{path}/show")
    assert ADA in shown.text
    assert "Shown on this page alone" in shown.text
    (row,) = await web.rows("SELECT who, target FROM audit WHERE what LIKE 'POST %/show' AND outcome = 'done'")
    assert row == {"who": "olga", "target": (await web.process.hasher())(ADA)}


async def test_an_admin_finds_what_was_done_about_a_person_without_the_address_in_the_url(
    web: Running, operator: Browser, admin: Browser
) -> None:
    await fill(web)
    path = await path_to(web, ADA)
    await operator.post(f"{path}/show")
    page = await admin.get(path)
    (link,) = re.findall(r'href="/admin(/audit[^"]*)">What was done about this person', page.text)
    assert "ada" not in link
    log = await admin.client.get(f"/admin{unescape(link)}")
    assert "1 act in the last 30 days" in log.text
    assert "Show a person&#39;s address" in log.text
    assert "What was done about" not in (await operator.get(path)).text
    assert (await operator.json(path))["pseudonym"] is None


async def test_what_waits_is_cancelled_after_it_was_counted(web: Running, operator: Browser) -> None:
    await fill(web)
    path = await path_to(web, WAITING)
    asked = await operator.get(f"{path}/cancel")
    assert "Cancel 1 enrollment" in asked.text
    assert (await operator.confirm(f"{path}/cancel", {"reason": "by phone"})).status_code == 303
    (row,) = await web.rows("SELECT state, reason FROM enrollments WHERE email = :email", email=WAITING)
    assert row == {"state": "cancelled", "reason": "by_operator"}
    page = await operator.get(path)
    assert "1 enrollment cancelled. Nothing of it is sent." in page.text
    assert "by olga" in page.text
    assert "Nothing waits for this person" in (await operator.get(f"{path}/cancel")).text
    audit = await web.rows("SELECT target, after FROM audit WHERE who = 'olga'")
    assert WAITING not in str(audit)


async def test_more_than_was_shown_is_not_cancelled(web: Running, operator: Browser) -> None:
    await fill(web)
    answer = await operator.post(f"{await path_to(web, WAITING)}/cancel", {"shown": "0"})
    assert answer.status_code == 409
    assert await web.rows("SELECT id FROM enrollments WHERE state = 'cancelled'") == []


async def test_more_than_was_shown_is_not_cancelled_by_the_transaction_that_cancels(web: Running) -> None:
    await fill(web)
    store, act = EnrollmentOperatorStore(web.process.engine), Act("olga", "operator", "127.0.0.1", "test")
    with acting(act), pytest.raises(errors.MoreThanShown):
        await store.cancel_of_person(WAITING, expected=0)
    assert not act.noted
    assert await web.rows("SELECT id FROM enrollments WHERE state = 'cancelled'") == []
    with acting(act):
        assert await store.cancel_of_person(WAITING, expected=1) == 1
    assert [row["what"] for row in await web.rows("SELECT what FROM audit WHERE who = 'olga'")] == ["test"]


async def test_an_operator_suppresses_the_person(web: Running, operator: Browser) -> None:
    await fill(web)
    path = await path_to(web, ADA)
    assert (await operator.confirm(f"{path}/suppress", {"reason": "asked"})).status_code == 303
    rows = await web.rows("SELECT kind, value, reason FROM suppressions WHERE value = :value", value=ADA)
    assert rows == [{"kind": "address", "value": ADA, "reason": "asked"}]
    page = await operator.get(path)
    assert "a***@corp.example is suppressed now." in page.text
    assert "Suppress…" not in page.text


async def test_what_each_role_may_do(web: Running, viewer: Browser, operator: Browser, admin: Browser) -> None:
    await fill(web)
    path = await path_to(web, WAITING)
    texts = [(await browser.get(path)).text for browser in (viewer, operator, admin)]
    assert ["Suppress…" in text for text in texts] == [False, True, True]
    assert ["Cancel what waits…" in text for text in texts] == [False, True, True]
    assert ["Erase…" in text for text in texts] == [False, False, True]


async def test_after_the_retention_the_story_is_still_there(web: Running, viewer: Browser) -> None:
    await fill(web)
    await web.execute("UPDATE events SET data = NULL, answers = NULL")
    assert len(lines(await view(web, viewer))) == 1


async def test_no_token_of_a_person_is_in_the_audit_log(web: Running, viewer: Browser) -> None:
    path = await path_to(web, ADA)
    assert (await viewer.post(f"{path}/show")).status_code == 403
    targets = [row["target"] for row in await web.rows("SELECT target FROM audit")]
    assert path.rpartition("/")[2] not in targets
