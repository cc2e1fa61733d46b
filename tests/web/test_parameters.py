"""What is refused because a route has no such parameter, or because a cursor belongs to another list."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.service import ADMIN_TOKEN, RULES, write
from tests.web.test_operators import is_problem, post, signup

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.service import Running

ACTS = ["/-/reload", "/api/v1/enrollments/{}/release", "/api/v1/enrollments/{}/cancel"]
PREFIXES = {"events": "evt", "decisions": "dec", "enrollments": "enr", "outbound": "out"}
TAIL = "019ab2c3d4e5f60718293a4b5c6d7e82"


@pytest.mark.parametrize("path", ACTS)
async def test_an_act_with_a_parameter_that_it_does_not_have_is_not_done(web: Running, rules: Path, path: str) -> None:
    await web.deliver("crm", signup(1))
    (row,) = (await web.get("/api/v1/enrollments")).json()["items"]
    write(rules, RULES.replace(">= 50", ">= 10"))
    before = web.process.rulebook.current

    answer = await post(web, path.format(row["id"]) + "?dry_run=1")

    assert is_problem(answer, 422, "invalid-request")
    assert answer.json()["mistakes"] == [{"where": "query.dry_run", "what": "there is no such parameter"}]
    assert web.process.rulebook.current is before
    assert (await web.get(f"/api/v1/enrollments/{row['id']}")).json()["state"] == row["state"] == "ready"


@pytest.mark.parametrize("act", ["release", "cancel"])
async def test_many_are_left_alone_where_a_parameter_is_given_that_does_not_exist(web: Running, act: str) -> None:
    await web.deliver("crm", signup(1))
    headers = {"authorization": f"Bearer {ADMIN_TOKEN}"}
    answer = await web.client.post(f"/api/v1/enrollments/{act}?limit=1", json={"rule": "signup"}, headers=headers)
    assert is_problem(answer, 422, "invalid-request")
    assert await web.rows("SELECT state FROM enrollments") == [{"state": "ready"}]


@pytest.mark.parametrize("kind", [*PREFIXES])
async def test_a_cursor_of_another_list_is_refused_in_a_sentence(web: Running, kind: str) -> None:
    others = [f"{prefix}_{TAIL}" for other, prefix in PREFIXES.items() if other != kind]
    for cursor in others:
        answer = await web.get(f"/api/v1/{kind}", cursor=cursor)
        assert is_problem(answer, 422, "invalid-request")
        (mistake,) = answer.json()["mistakes"]
        assert mistake["where"] == "query.cursor"
        assert "no cursor of this list: give its `next_cursor` as it came" in mistake["what"]


async def test_a_cursor_of_the_list_itself_is_taken_whatever_it_is_made_of(web: Running) -> None:
    own = [(kind, f"{prefix}_{TAIL}") for kind, prefix in PREFIXES.items()]
    for kind, cursor in [*own, ("suppressions", "1")]:
        assert (await web.get(f"/api/v1/{kind}", cursor=cursor)).status_code == 200
