"""Erasure: what is stored of a person, the request, its receipt, the export, and a person who comes back."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from app.console.erasure_words import (
    OF_TABLES,
    all_in_words,
    inventory_in_words,
    own_in_words,
    progress,
    rows_of,
)
from app.database.schema import metadata
from app.people.erase_statements import ERASING
from app.people.forget_store import ForgetStore, Forgetting
from app.people.inventory import InventoryRunner
from app.people.inventory_store import MOST, Inventory, InventoryStore
from app.people.search_statements import searches
from app.web import slow_answers
from tests.conftest import NOON
from tests.console.bulk import has
from tests.console.places import fill

if TYPE_CHECKING:
    import httpx

    from tests.support.console import Browser
    from tests.support.service import Running

ADDRESS = "ada0@corp.example"
DONE = Forgetting("fgt_1", "api", NOON, NOON + timedelta(seconds=9), {})
OPEN = Forgetting("fgt_2", "api", NOON, None, {})


async def looked(browser: Browser, address: str = ADDRESS) -> str:
    """Ask for a person; return the path of the person's page, without the root."""
    answer = await browser.post("/erasure/look", {"address": address})
    assert answer.status_code == 303, answer.text
    assert address not in answer.headers["location"]
    return answer.headers["location"].removeprefix("/admin")


def opened(answer: httpx.Response) -> str:
    assert answer.status_code == 303, answer.text
    return answer.headers["location"].removeprefix("/admin")


def test_what_every_table_holds_has_words() -> None:
    assert set(OF_TABLES) >= {*ERASING} - {"sender_reservations"}
    own = {*ERASING, *searches()}
    assert [word for word, _ in rows_of(dict.fromkeys(own, 2))]
    assert {*OF_TABLES} - {"cancelled", "waiting", "endpoints"} <= set(metadata.tables)


@pytest.mark.parametrize(
    ("counts", "emails", "contacts", "said"),
    [
        ({}, 1, 0, "Nothing stands under a***@corp.example or a contact of it."),
        ({"events": 0}, 1, 0, "Nothing stands under a***@corp.example or a contact of it."),
        ({"events": 1}, 1, 0, "1 row stands under a***@corp.example, in 1 table."),
        (
            {"events": 2, "decisions": 1},
            2,
            1,
            "3 rows stand under a***@corp.example, in 2 tables, known by 2 addresses and 1 contact of HubSpot.",
        ),
        ({"events": 2}, 1, 1, "2 rows stand under a***@corp.example, in 1 table, known by 1 contact of HubSpot."),
        ({"events": MOST}, 1, 0, "200 rows stand under a***@corp.example, in 1 table."),
        ({"intents": MOST + 1}, 1, 0, "At least 201 rows stand under a***@corp.example, in 1 table."),
        (
            {"events": MOST + 1, "enrollments": MOST + 1, "deliveries": 1},
            1,
            0,
            (
                "At least 403 rows stand under a***@corp.example, in 3 tables. "
                "What belongs to events and enrollments was counted for 201 of them."
            ),
        ),
    ],
)
def test_what_stands_under_own_keys_is_a_sentence(
    counts: dict[str, int], emails: int, contacts: int, said: str
) -> None:
    assert own_in_words("a***@corp.example", counts, emails, contacts) == said


@pytest.mark.parametrize(
    ("one", "said"),
    [
        (Inventory("ada", NOON, None, 3, 13, {}, None), "Everything is being looked through: 3 of 13 tables are done."),
        (
            Inventory("ada", NOON, NOON, 13, 13, {"waiting": 1}, None),
            "Nothing names a***@corp.example: everything was looked through 2 min ago.",
        ),
        (
            Inventory("ada", NOON, NOON, 13, 13, {"events": 2, "decisions": 1, "cancelled": 1}, None),
            "3 rows name a***@corp.example, in 2 tables: everything was looked through 2 min ago.",
        ),
        (
            Inventory("ada", NOON, NOON, 3, 13, {}, "a defect"),
            "Not everything could be looked through: a defect. Ask for it again.",
        ),
    ],
)
def test_how_far_an_inventory_is_and_what_it_found_is_a_sentence(one: Inventory, said: str) -> None:
    assert inventory_in_words(one, "a***@corp.example", NOON + timedelta(minutes=2)) == said


def test_how_far_requests_are_is_said() -> None:
    now = NOON + timedelta(minutes=2)
    assert all_in_words([], now) == "No person was forgotten yet."
    assert all_in_words([OPEN, DONE], now) == "1 request is being carried out."
    assert all_in_words([DONE], now) == "No request is going on; the latest was asked for 2 min ago and is done."
    assert progress(DONE, now) == "done after 9 s"
    assert progress(OPEN, now) == "being erased, asked for 2 min ago"


async def test_a_person_is_looked_for_without_an_address_in_a_url(web: Running, admin: Browser) -> None:
    await fill(web)
    path = await looked(admin)
    page = await admin.json(path)
    assert page["name"] == "a***@corp.example"
    assert "rows stand under a***@corp.example, in" in page["sentence"]
    assert (page["inventory"], page["over"]) == (None, True)
    words = {word.partition(",")[0]: count for word, count in page["rows"]}
    assert words["events"] == words["decisions"] == words["enrollments"] == 1
    assert ADDRESS not in (await admin.get(path)).text
    assert (await admin.post("/erasure/look", {"address": " "})).text.count("Write the address of the person,") == 1
    assert (await admin.get("/erasure/made-up")).status_code == 404


async def test_what_is_no_address_is_looked_for_where_it_is_stored_as_one(web: Running, admin: Browser) -> None:
    mistake = await admin.post("/erasure/look", {"address": "no address"})
    assert (mistake.status_code, mistake.text.count("such as ada@corp.example.")) == (200, 1)
    assert "This is no e-mail address, and nothing is stored under it" in mistake.text
    await web.deliver("crm", {"type": "signup", "data": {"email": "no address", "employees": 9}})
    page = await admin.json(await looked(admin, "No Address"))
    assert page["sentence"].startswith("3 rows stand under no address, in 3 tables")


@pytest.mark.parametrize(("rows", "cut"), [(MOST, False), (MOST + 1, True)])
async def test_contacts_that_were_not_looked_for_are_those_of_the_export(
    web: Running, admin: Browser, rows: int, *, cut: bool
) -> None:
    await has(web, rows)
    await web.execute("UPDATE enrollments SET email = :email, contact_id = id", email=ADDRESS)
    path = await looked(admin)
    page, text = await admin.json(path), (await admin.get(path)).text
    assert (len(page["contacts"]), page["cut"]) == (MOST, cut)
    assert ("every other contact that the export names" in text) is cut
    assert len((await admin.post(f"{path}/export")).json()["person"]["contacts"]) == rows


async def test_everything_is_looked_through_by_a_worker_and_stands_on_the_page(
    web: Running, admin: Browser, viewer: Browser
) -> None:
    await fill(web)
    await web.deliver("crm", {"type": "signup", "data": {"email": "bob@corp.example", "note": f"by {ADDRESS}"}})
    path = await looked(admin)
    assert "looked through only by “Look through everything”" in (await admin.get(path)).text
    assert "minutes on a large database" in (await admin.get(f"{path}/inventory")).text
    assert opened(await admin.confirm(f"{path}/inventory", {"reason": "ticket 7"})) == path
    assert opened(await admin.confirm(f"{path}/inventory")) == path
    assert "looked through already" in (await admin.get(path)).text
    before = await admin.json(path)
    assert (before["over"], before["inventory"]["done"], before["inventory"]["tables_done"]) == (False, False, 0)
    runner = InventoryRunner(InventoryStore(web.process.engine), ForgetStore(web.process.engine))
    await runner.once()
    going = await admin.json(path)
    assert going["inventory"]["sentence"].startswith("Everything is being looked through: 1 of ")
    while await runner.once() is not None:
        pass
    after = await admin.json(path)
    plan = await (await web.process.forgetter()).plan(ADDRESS)
    assert after["over"]
    assert dict(after["inventory"]["rows"]) == dict(rows_of(plan.counts))
    assert plan.counts["events"] == dict(after["rows"])[OF_TABLES["events"]] + 1  # the one that mentions the person
    assert "everything was looked through" in (await admin.get(path)).text
    assert ADDRESS not in (await admin.get(path)).text
    rows = await web.rows("SELECT who, target, after FROM audit WHERE what LIKE '%inventory' ORDER BY id LIMIT 1")
    assert (rows[0]["who"], rows[0]["target"], rows[0]["after"]["reason"]) == ("ada", "a person", "ticket 7")
    assert not [text for text in (ADDRESS, path.rpartition("/")[2]) if text in str(await audited(web))]
    assert await web.rows("SELECT id FROM inventories WHERE person IS NOT NULL") == []
    assert (await viewer.get(path)).status_code == 403


async def test_who_is_no_person_of_this_installation_is_not_looked_for(web: Running, admin: Browser) -> None:
    for path in ("/erasure/made-up/inventory", f"/erasure/{'x' * 3000}/inventory"):
        assert (await admin.get(path)).status_code == 404
        assert (await admin.post(path)).status_code == 404
    assert await web.rows("SELECT id FROM inventories") == []


async def audited(web: Running) -> object:
    """Return all of the audit log."""
    return await web.rows("SELECT CAST(audit AS text) AS row FROM audit")


async def test_a_person_is_forgotten_and_the_receipt_names_none(web: Running, admin: Browser) -> None:
    await fill(web)
    path = await looked(admin)
    receipt = opened(await admin.confirm(f"{path}/forget", {"reason": "ticket 7"}))
    before = await admin.json(receipt)
    assert (before["by"], before["done_at"]) == ("console", None)
    assert "is being carried out" in (await admin.get(receipt)).text
    await (await web.process.forgetter()).work()
    after = await admin.get(receipt)
    assert "and done on" in after.text
    assert "ada0" not in after.text
    assert (await admin.json("/erasure"))["requests"]["items"][0]["id"] == before["id"]
    assert await web.rows("SELECT id FROM enrollments WHERE email = :email", email=ADDRESS) == []
    rows = await web.rows("SELECT what, target, after FROM audit WHERE what LIKE '%erasure%'")
    assert rows[0]["after"] == {"requested": True, "reason": "ticket 7"}
    token = path.rpartition("/")[2]
    assert token not in str(await audited(web))


async def test_forgetting_says_first_what_there_is_and_whether_everything_was_looked_through(
    web: Running, admin: Browser
) -> None:
    await fill(web)
    path = await looked(admin)
    page = await admin.json(path)
    asked = (await admin.get(f"{path}/forget")).text
    assert "By what it is" in asked
    assert page["sentence"] in asked
    assert "Not everything was looked through" in asked
    assert [words for words, _ in page["rows"] if words not in asked] == []
    assert (await admin.confirm(f"{path}/inventory")).status_code == 303
    assert "Everything is being looked through:" in (await admin.get(f"{path}/forget")).text


async def test_a_person_comes_back(web: Running, admin: Browser) -> None:
    await fill(web)
    path = await looked(admin)
    assert (await admin.post(f"{path}/lift")).status_code == 409
    assert (await web.post("/api/v1/suppressions", value=ADDRESS)).status_code == 200
    await admin.confirm(f"{path}/forget")
    assert (await admin.post(f"{path}/lift")).status_code == 409  # it is not done yet
    await (await web.process.forgetter()).work()
    assert (await admin.json(path))["forgotten"]
    asked = (await admin.get(f"{path}/lift")).text
    assert "What it held counts for the address again: 0 intents, 1 suppression." in asked
    assert opened(await admin.confirm(f"{path}/lift")) == path
    assert not (await admin.json(path))["forgotten"]


async def test_the_export_is_a_file_and_a_line_of_the_audit_log(web: Running, admin: Browser) -> None:
    await fill(web)
    answer = await admin.post(f"{await looked(admin)}/export")
    assert answer.headers["content-disposition"] == 'attachment; filename="person.json"'
    assert answer.headers["cache-control"] == "no-store"
    assert {"events", "decisions", "enrollments"} <= set(answer.json()["tables"])
    rows = await web.rows("SELECT who, target, outcome FROM audit WHERE what LIKE '%export'")
    assert rows == [{"who": "ada", "target": "a person", "outcome": "done"}]


async def test_an_export_that_takes_long_begins_and_is_kept_open(
    web: Running, admin: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    await fill(web)
    monkeypatch.setattr(slow_answers, "PATIENCE_SECONDS", 0)
    answer = await admin.post(f"{await looked(admin)}/export")
    assert answer.headers["content-disposition"] == 'attachment; filename="person.json"'
    assert answer.text.startswith(" ")
    assert {"events", "decisions", "enrollments"} <= set(answer.json()["tables"])


async def test_only_an_admin_sees_and_does_it(operator: Browser, admin: Browser) -> None:
    path = await looked(admin)
    for refused in ("/erasure", path, f"{path}/forget", f"{path}/inventory"):
        assert (await operator.get(refused)).status_code == 403
    for refused in ("/erasure/look", *(f"{path}/{act}" for act in ("forget", "lift", "export", "inventory"))):
        assert (await operator.post(refused, {"address": ADDRESS})).status_code == 403
