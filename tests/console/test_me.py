"""Me: who is signed in, the sessions that a person may end, and the time zone of pages."""

from __future__ import annotations

from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest

from app.console.pages.me import choices
from app.operators import Role
from tests.support.console import Browser, signed_in

if TYPE_CHECKING:
    from tests.support.service import Running


async def sessions(browser: Browser) -> list[dict[str, object]]:
    found: list[dict[str, object]] = (await browser.json("/me"))["sessions"]["items"]
    return found


async def test_the_page_says_who_is_signed_in_and_how(viewer: Browser) -> None:
    page = await viewer.json("/me")
    assert page["sentence"] == "vera is signed in by a token, as viewer, with 1 session. Times are those of UTC."
    assert [(one["name"], one["own"], one["current"]) for one in page["sessions"]["items"]] == [("vera", True, True)]


async def test_a_person_sees_and_ends_the_sessions_of_their_own(web: Running, viewer: Browser, admin: Browser) -> None:
    other = await signed_in(web, Role.VIEWER)
    own = await sessions(viewer)
    assert [(one["name"], one["current"]) for one in own] == [("vera", False), ("vera", True)]
    answer = await viewer.confirm(f"/me/sessions/{own[0]['id']}/end", {"reason": "lost it"})
    assert answer.headers["location"] == "/admin/me"
    assert (await other.get("/me")).status_code == 303
    assert (await viewer.get("/me")).status_code == 200
    of_admin = next(one["id"] for one in await sessions(admin) if one["current"])
    for method in ("get", "post"):
        assert (await getattr(viewer, method)(f"/me/sessions/{of_admin}/end")).status_code == 404
    assert (await admin.get("/me")).status_code == 200
    await other.client.aclose()


MANY = """
    INSERT INTO console_sessions (sha256, subject, name, role, way, created_at, seen_at, expires_at)
    SELECT sha256(int8send(n)), CASE WHEN n % 2 = 0 THEN 'vera' ELSE 'ben' END, 'x', 'viewer', 'link', now(),
           now() - CASE WHEN n > 120 THEN interval '2 hours' ELSE '0' END, now() + n / 2 * interval '1 second'
    FROM generate_series(2, 130) AS n
"""


@pytest.mark.parametrize(("role", "count"), [(Role.VIEWER, 61), (Role.ADMIN, 120)])
async def test_many_sessions_are_shown_by_pages_each_once(web: Running, role: Role, count: int) -> None:
    browser = await signed_in(web, role)
    await web.execute(MANY)  # two of each end together
    page = (await browser.json("/me"))["sessions"]
    pages = [page]
    assert page["newer"] is None
    while page["older"]:
        page = (await browser.client.get(page["older"])).json()["sessions"]
        pages.append(page)
    found = [one["id"] for each in pages for one in each["items"]]
    assert (len(found), len(set(found)), len(pages)) == (count, count, -(-count // 50))
    back = (await browser.client.get(page["newer"])).json()["sessions"]
    assert back["items"] == pages[-2]["items"]
    assert [one["current"] for one in pages[0]["items"]].count(True) == 1
    for query in ({"before": "1"}, {"after": "x-" + "0" * 64}, {"before": "9" * 17 + "-" + "0" * 64}):
        assert (await browser.get("/me", **query)).status_code == 422
    await browser.client.aclose()


async def test_an_admin_ends_the_session_of_another_person(web: Running, viewer: Browser, admin: Browser) -> None:
    found = {str(one["name"]): one["id"] for one in await sessions(admin)}
    assert set(found) == {"ada", "vera"}
    assert "End the session of vera?" in (await admin.get(f"/me/sessions/{found['vera']}/end")).text
    assert (await admin.confirm(f"/me/sessions/{found['vera']}/end", {"reason": "left us"})).status_code == 303
    assert (await viewer.get("/me")).status_code == 303
    lines = await web.rows("SELECT who, after FROM audit WHERE what LIKE '%/end'")
    assert [(line["who"], line["after"]["reason"]) for line in lines] == [("ada", "left us")]


async def test_times_are_told_in_the_zone_that_a_person_chose(web: Running, viewer: Browser) -> None:
    assert (await viewer.post("/me/zone", {"zone": "America/New_York"})).status_code == 303
    page = await viewer.json("/me")
    assert page["sentence"].endswith("Times are those of New York.")
    assert page["zone"] == "America/New_York"
    assert await web.rows("SELECT zone FROM console_sessions") == [{"zone": "America/New_York"}]
    assert (await viewer.post("/me/zone", {"zone": ""})).status_code == 303
    assert (await viewer.json("/me"))["zone"] == ""


@pytest.mark.parametrize("zone", ["Europe/Nowhere", "../etc/passwd", "Etc/GMT+5"])
async def test_a_zone_that_there_is_not_is_said_to_be_none(viewer: Browser, zone: str) -> None:
    answer = await viewer.post("/me/zone", {"zone": zone})
    assert answer.status_code == 422
    assert "There is no such time zone." in answer.text


def test_every_choice_is_a_time_zone() -> None:
    assert len(choices()) > 300
    assert all(ZoneInfo(zone).key == zone for zone, _ in choices() if zone)
