"""The people of the newest events, and what the find box finds; no address stands in a URL that is not a token."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from app.console.person_links import PersonLinks
from tests.console.places import fill

if TYPE_CHECKING:
    from tests.support.console import Browser
    from tests.support.service import Running


async def found(browser: Browser, typed: str) -> str:
    """Return where the find box leads to."""
    answer = await browser.post("/find", {"q": typed})
    assert answer.status_code == 303, answer.text
    assert "@" not in answer.headers["location"]
    return answer.headers["location"].removeprefix("/admin")


async def not_found(browser: Browser, typed: str) -> str:
    answer = await browser.post("/find", {"q": typed})
    assert answer.status_code == 200
    assert "Nothing found" in answer.text
    return answer.text


async def the_only(web: Running, statement: str) -> str:
    return str((await web.rows(statement))[0]["id"])


async def test_an_operator_sees_the_people_of_the_newest_events(web: Running, operator: Browser) -> None:
    await fill(web)
    await web.deliver("crm", {"type": "signup", "data": {"email": "ada0@corp.example", "employees": 9}, "n": 2})
    people = (await operator.json("/people"))["people"]
    assert [one["address"] for one in people] == [
        *("a***@corp.example", "e***@corp.example", "b***@corp.example"),
        *("a***@corp.example", "a***@corp.example"),
    ]
    assert people[0]["url"].startswith("/admin/people/")
    assert (await operator.client.get(people[0]["url"])).status_code == 200
    assert (await operator.json("/people"))["sentence"].startswith("5 people in the newest events.")


async def test_a_viewer_finds_a_person_by_the_address_alone(web: Running, viewer: Browser) -> None:
    await fill(web)
    page = await viewer.json("/people")
    assert page["people"] is None
    assert 'action="/admin/find"' in (await viewer.get("/people")).text


async def test_people_before_the_first_event(operator: Browser) -> None:
    page = await operator.get("/people")
    assert "No event has named a person yet." in page.text
    assert "Send a sample from the page of a source." in page.text


async def test_an_address_leads_to_its_person(web: Running, viewer: Browser) -> None:
    tokens = await PersonLinks(web.process.engine).tokens()
    assert await found(viewer, " Ada@Corp.example ") == f"/people/{tokens.token_of('ada@corp.example')}"


async def test_an_odd_address_leads_to_its_person_where_it_is_stored(web: Running, viewer: Browser) -> None:
    await web.deliver("crm", {"type": "signup", "data": {"email": "ada@corp", "employees": 9}})
    assert (await found(viewer, "Ada@Corp")).startswith("/people/")


async def test_ids_lead_to_their_pages(web: Running, viewer: Browser, operator: Browser) -> None:
    await fill(web)
    event = await the_only(web, "SELECT id FROM events WHERE email = 'ada1@corp.example'")
    decision = await the_only(web, "SELECT id FROM decisions WHERE email = 'ada1@corp.example'")
    enrollment = await the_only(web, "SELECT id FROM enrollments WHERE email = 'ada1@corp.example'")
    delivery = await the_only(web, "SELECT delivery_id AS id FROM events WHERE email = 'ada1@corp.example'")
    job = await the_only(web, "SELECT id FROM bulk_jobs")
    assert await found(viewer, event.upper()) == f"/events/{event}"
    assert await found(viewer, decision) == f"/events/{event}#{decision}"
    assert await found(viewer, enrollment) == f"/enrollments/{enrollment}"
    assert await found(viewer, delivery) == f"/events/{event}"
    assert await found(viewer, job) == f"/jobs/{job}"
    rejected = str((await web.rows_once_there("SELECT id FROM refused_deliveries"))[0]["id"])
    assert await found(operator, rejected) == f"/sources/crm/rejected/{rejected}"
    assert rejected in (await operator.get(f"/sources/crm/rejected/{rejected}")).text
    assert await found(viewer, rejected) == "/sources/crm"  # what was sent is for operators
    await web.execute("DELETE FROM refused_deliveries")
    assert f"Nothing has the id {rejected}." in (await operator.post("/find", {"q": rejected})).text


async def test_a_contact_leads_to_the_person_of_its_newest_enrollment(web: Running, viewer: Browser) -> None:
    await fill(web)
    await web.execute("UPDATE enrollments SET contact_id = '501' WHERE email LIKE 'ada%'")
    await web.execute("UPDATE enrollments SET email = 'forgotten' WHERE email = 'ada2@corp.example'")
    tokens = await PersonLinks(web.process.engine).tokens()
    assert await found(viewer, "501") == f"/people/{tokens.token_of('ada1@corp.example')}"


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("", "Write an address, an id, or the number of a contact in HubSpot."),
        ("evt_0", "Nothing has the id evt_0."),
        ("enr_0", "Nothing has the id enr_0."),
        ("dec_0", "Nothing has the id dec_0."),
        ("job_0", "Nothing has the id job_0."),
        ("dlv_0", "Deliveries are stored for the retention, rejected ones for a day"),
        ("501", "No enrollment of the contact 501 is stored."),
        ("ada@corp", "“a***@corp” is no address and no id."),
        ("<b>Ada</b>", "“&lt;b&gt;Ada&lt;/b&gt;” is no address and no id."),
    ],
)
async def test_what_is_not_found_says_what_to_try(viewer: Browser, typed: str, said: str) -> None:
    assert said in await not_found(viewer, typed)
