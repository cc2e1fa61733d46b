from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.support.service import Running


async def accepted(web: Running, *people: str) -> list[str]:
    for person in people:
        answer = await web.deliver("open", {"id": person, "type": "form", "email": f"{person}@corp.example"})
        assert answer.status_code == 200
    return [row["id"] for row in await web.rows("SELECT id FROM enrollments ORDER BY id")]


async def test_the_journal_is_listed_newest_first_a_page_at_a_time(web: Running) -> None:
    enrollments = await accepted(web, "ada", "bob", "cy")
    first = (await web.get("/api/v1/journal", limit=2)).json()
    rest = (await web.get("/api/v1/journal", limit=2, cursor=first["next_cursor"])).json()
    lines = first["items"] + rest["items"]
    assert [line["enrollment_id"] for line in lines] == enrollments[::-1]
    assert {(line["before"], line["after"], line["cause"]) for line in lines} == {(None, "ready", "accepted")}
    assert rest["next_cursor"] is None


async def test_the_journal_of_one_enrollment_is_its_own(web: Running) -> None:
    ada, _ = await accepted(web, "ada", "bob")
    found = (await web.get("/api/v1/journal", enrollment=ada)).json()
    assert [line["enrollment_id"] for line in found["items"]] == [ada]
    assert (await web.get("/api/v1/journal", enrollment="enr_missing")).json() == {"items": [], "next_cursor": None}


async def test_the_journal_refuses_a_cursor_that_is_no_number_and_strangers(web: Running) -> None:
    assert (await web.get("/api/v1/journal", cursor="enr_1")).status_code == 422
    assert (await web.get("/api/v1/journal", cursor=str(2**63))).status_code == 422
    assert (await web.client.get("/api/v1/journal")).status_code == 401
