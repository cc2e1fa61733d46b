"""Suppressions over HTTP: who added them, whether an address is covered and by what, and a list in one transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.support.service import OPERATOR_TOKEN, RULES, VIEWER_TOKEN, Running, running, write

if TYPE_CHECKING:
    from pathlib import Path

PATH = "/api/v1/suppressions"


async def check(web: Running, email: str, token: str = OPERATOR_TOKEN) -> list[tuple[str, str | None]]:
    answer = await web.post(f"{PATH}/check", token=token, email=email)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    assert found["suppressed"] == bool(found["reasons"])
    return [(one["by"], one["value"]) for one in found["reasons"]]


async def test_an_address_is_looked_up_in_the_rules_the_list_and_among_those_who_were_forgotten(
    database_url: str, rules: Path
) -> None:
    write(rules, RULES + 'suppress: ["*@*.rival.example", bücher.example]\n')
    async with running(database_url, rules) as web:
        assert await check(web, "ada@corp.example") == []
        for value in ("ada@corp.example", "corp.example", "a*@corp.example", "other.example"):
            assert (await web.post(PATH, token=OPERATOR_TOKEN, value=value)).status_code == 200
        assert sorted(await check(web, "Ada@Corp.example")) == [
            ("list", "a*@corp.example"),
            ("list", "ada@corp.example"),
            ("list", "corp.example"),
        ]
        assert await check(web, "eve@in.rival.example") == [("rules", "*@*.rival.example")]
        assert await check(web, "eve@Bücher.example") == [("rules", "xn--bcher-kva.example")]
        begun = await web.post("/api/v1/people/forget", email="gone@else.example", dry_run=False)
        assert begun.status_code < 300, begun.text
        await (await web.process.forgetter()).work()
        assert await check(web, "gone@else.example") == [("forgotten", None)]
        masked = await check(web, "ada@corp.example", VIEWER_TOKEN)
        assert ("list", "a***@corp.example") in masked
        assert (await web.post(f"{PATH}/check", email="nobody")).status_code == 422


async def test_the_list_says_who_added_an_entry_first(web: Running) -> None:
    await web.post(PATH, token=OPERATOR_TOKEN, value="corp.example")
    await web.post(PATH, value="corp.example", reason="legal")
    (row,) = (await web.get(PATH)).json()["items"]
    assert (row["added_by"], row["reason"]) == ("olga", "legal")


async def test_a_list_is_added_whole_with_one_row_of_the_audit_log(web: Running) -> None:
    await web.post(PATH, token=OPERATOR_TOKEN, value="there.example", reason="before")
    lines = "# asked\nada@corp.example\nthere.example\n*@*.gov\nADA@corp.example\n"
    answer = await web.post(f"{PATH}/import", token=OPERATOR_TOKEN, lines=lines, reason="asked by legal")
    assert answer.json() == {"entries": 3, "added": 2}
    listed = (await web.get(PATH)).json()["items"]
    assert {(row["value"], row["reason"], row["added_by"]) for row in listed} == {
        ("ada@corp.example", "asked by legal", "olga"),
        ("there.example", "asked by legal", "olga"),
        ("*@*.gov", "asked by legal", "olga"),
    }
    (row,) = await web.rows("SELECT after FROM audit WHERE what = 'POST /api/v1/suppressions/import'")
    assert row["after"] == {
        "added": 2,
        "kept": 1,
        "reason": "asked by legal",
        "first": ["*@*.gov", "a***@corp.example"],
    }
    assert await check(web, "eve@office.gov") == [("list", "*@*.gov")]


async def test_a_list_with_a_wrong_line_adds_nothing_and_names_the_line(web: Running) -> None:
    answer = await web.post(f"{PATH}/import", token=OPERATOR_TOKEN, lines="ada@corp.example\nno entry\n")
    assert answer.status_code == 422
    assert [one["where"] for one in answer.json()["mistakes"]] == ["line 2"]
    assert await web.rows("SELECT value FROM suppressions") == []
