"""Suppressions: whether an address is suppressed, the list, and what an operator adds and takes out."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from app.people import waiting_store
from tests.console.places import fill
from tests.support.console import form_of
from tests.support.service import RULES

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.console import Browser
    from tests.support.service import Running

MADE = """
    INSERT INTO suppressions (kind, value, reason, created_at)
    SELECT 'address', 'p' || n || '@corp.example', 'asked', now() FROM generate_series(1, :rows) AS n
"""


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    """The operator's file, with suppressions of its own."""
    file = tmp_path / "rules.yaml"
    file.write_text(RULES + 'suppress: ["*.rival.example", eve@corp.example]\n')
    return file


async def looked(browser: Browser, address: str) -> str:
    answer = await browser.post("/suppressions/look", {"address": address})
    assert answer.status_code == 200
    assert address not in answer.text
    return " ".join(re.findall(r'<p class="(?:receipt|mistake)"[^>]*>([^<]*)</p>', answer.text))


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("Mallory@Corp.example", "m***@corp.example is never enrolled: the suppression list has the address itself."),
        (
            "x@gone.example",
            "x***@gone.example is never enrolled: the suppression list has the domain of the address, gone.example.",
        ),
        (
            "x@sales.rival.example",
            "x***@sales.rival.example is never enrolled: the rules have a pattern that fits it, *@*.rival.example.",
        ),
        ("eve@corp.example", "e***@corp.example is never enrolled: the rules have the address itself."),
        ("ada@corp.example", "a***@corp.example is not suppressed: neither the list nor the rules have it"),
        ("nothing", "This is no e-mail address. Write one"),
    ],
)
async def test_whether_an_address_is_suppressed(web: Running, viewer: Browser, address: str, said: str) -> None:
    for value in ("mallory@corp.example", "gone.example"):
        assert (await web.post("/api/v1/suppressions", value=value)).status_code == 200
    assert said in await looked(viewer, address)


async def test_one_who_was_forgotten_is_said_to_be(web: Running, viewer: Browser) -> None:
    assert (await web.post("/api/v1/people/forget", email="kay@corp.example", dry_run=False)).status_code == 200
    assert "The person of this address was forgotten on request." in await looked(viewer, "kay@corp.example")


async def test_the_list_says_how_many_there_are(web: Running, viewer: Browser) -> None:
    empty = await viewer.json("/suppressions")
    assert empty["sentence"] == "The list is empty; the rules have 2 entries of their own."
    assert empty["of_rules"] == [["pattern", "*@*.rival.example"], ["address", "e***@corp.example"]]
    assert "Suppress the address of a person who asked for it" in (await viewer.get("/suppressions")).text
    await web.execute(MADE, rows=1)
    said = (await viewer.json("/suppressions"))["sentence"]
    assert said == "1 entry: an address that it fits is never enrolled; the rules have 2 entries of their own."


async def test_the_list_goes_by_pages(web: Running, viewer: Browser) -> None:
    await web.execute(MADE, rows=120)
    found, url = list[int](), "/admin/suppressions.json"
    while url:
        page = (await viewer.client.get(url)).json()["entries"]
        found += [one["number"] for one in page["items"]]
        last, url = page, page["older"]
    assert found == list(range(120, 0, -1))
    newer = (await viewer.client.get(last["newer"])).json()["entries"]
    assert [one["number"] for one in newer["items"]] == found[50:100]


async def test_an_operator_suppresses_and_takes_out(web: Running, operator: Browser) -> None:
    answer = await operator.confirm("/suppressions/add", {"value": "Mallory@Corp.example", "reason": "by phone"})
    assert answer.status_code == 303
    assert await web.rows("SELECT kind, value, reason FROM suppressions") == [
        {"kind": "address", "value": "mallory@corp.example", "reason": "by phone"}
    ]
    assert "m***@corp.example is suppressed now." in (await operator.get("/suppressions")).text
    (entry,) = (await operator.json("/suppressions"))["entries"]["items"]
    path = f"/suppressions/{entry['number']}/remove"
    asked = await operator.get(path)
    assert "It was added for this reason: by phone" in asked.text
    assert "mallory" not in asked.text
    assert (await operator.confirm(path, {"reason": "came back"})).status_code == 303
    assert await web.rows("SELECT value FROM suppressions") == []
    lines = await web.rows("SELECT before, after FROM audit WHERE who = 'olga' ORDER BY id DESC LIMIT 1")
    assert lines[0]["before"]["value"] == "m***@corp.example"
    assert lines[0]["after"] == {"reason": "came back"}
    assert (await operator.get(path)).status_code == 404


@pytest.mark.parametrize(
    ("entries", "count"),
    [
        ("ada1@corp.example", 1),
        ("corp.example", 3),
        ("corp.example\nada1@corp.example\nada*@corp.example", 3),
        ("ada_@corp.example\n*_@*.example", 0),
        ("a*2@*", 1),
        ("other.example", 0),
    ],
)
async def test_what_waits_is_counted_before_it_is_suppressed(
    web: Running, operator: Browser, entries: str, count: int
) -> None:
    await fill(web)
    await web.execute("UPDATE enrollments SET state = 'held' WHERE email LIKE 'ada%'")
    await web.execute("UPDATE enrollments SET state = 'enrolled' WHERE email LIKE 'eve%'")
    form = {"value": entries, "reason": "asked"}
    asked = await operator.post("/suppressions/add/look", form)
    assert asked.status_code == 200
    assert f"{count} enrollment{' waits' if count == 1 else 's wait'} for an address that" in asked.text
    assert asked.text.partition('class="sample"')[2].count("held since") == count
    assert await web.rows("SELECT id FROM audit WHERE who = 'olga'") == []
    fields = form_of(asked.text, "/admin/suppressions/add")
    assert (fields["value"], fields["reason"], fields["shown"]) == (entries, "asked", str(count))
    unseen = await operator.post("/suppressions/add", form)
    assert unseen.status_code == (409 if count else 303)
    if count:
        assert (await operator.post("/suppressions/add", fields)).status_code == 303


async def test_what_waits_for_an_entry_is_counted_before_it_is_taken_out(web: Running, operator: Browser) -> None:
    await fill(web)
    await web.execute("UPDATE enrollments SET state = 'held' WHERE email LIKE 'ada%'")
    assert (await web.post("/api/v1/suppressions", value="ada*@corp.example")).status_code == 200
    entries = (await operator.json("/suppressions"))["entries"]["items"]
    asked = (await operator.get(f"/suppressions/{entries[0]['number']}/remove")).text
    assert "3 enrollments wait for an address that it fits now." in asked
    assert asked.partition('class="sample"')[2].count("held since") == 3


async def test_of_more_than_are_looked_at_the_count_is_the_least(
    web: Running, operator: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting_store, "LOOKED_AT", 2)
    await fill(web)
    await web.execute("UPDATE enrollments SET state = 'held'")
    for entry, said in (("corp.example", "At least 2 enrollments wait"), ("ada1@corp.example", "1 enrollment waits")):
        assert said in (await operator.post("/suppressions/add/look", {"value": entry})).text


async def test_what_follows_from_no_entry_is_said_beside_the_field(operator: Browser) -> None:
    answer = await operator.post("/suppressions/add/look", {"value": "no entry"})
    assert answer.status_code == 422
    assert 'aria-invalid="true"' in answer.text
    assert 'action="/admin/suppressions/add/look"' in answer.text


async def test_several_are_suppressed_at_once_or_none_of_them(web: Running, operator: Browser) -> None:
    answer = await operator.post("/suppressions/add", {"value": "a@corp.example\nno entry\n"})
    assert answer.status_code == 422
    assert "Nothing was added: line 2: write an address" in answer.text
    assert await web.rows("SELECT value FROM suppressions") == []
    lines = "# asked by legal\na@corp.example\nrival.example\n"
    assert (await operator.confirm("/suppressions/add", {"value": lines, "reason": "by legal"})).status_code == 303
    page = await operator.get("/suppressions")
    assert "2 entries, of which 2 were not there before." in page.text
    found = (await operator.json("/suppressions"))["entries"]["items"]
    assert sorted((one["value"], one["by"], one["reason"]) for one in found) == [
        ("a***@corp.example", "olga", "by legal"),
        ("rival.example", "olga", "by legal"),
    ]


async def test_all_that_suppresses_an_address_is_said(web: Running, viewer: Browser) -> None:
    for value in ("eve@corp.example", "corp.example"):
        assert (await web.post("/api/v1/suppressions", value=value)).status_code == 200
    said = await looked(viewer, "eve@corp.example")
    assert said.count("e***@corp.example is never enrolled") == 3


async def test_what_is_no_entry_is_said_beside_the_field(web: Running, operator: Browser) -> None:
    answer = await operator.post("/suppressions/add", {"value": "no entry"})
    assert answer.status_code == 422
    assert "write an address, a domain, or a pattern" in answer.text
    assert 'aria-invalid="true"' in answer.text
    assert await web.rows("SELECT value FROM suppressions") == []
