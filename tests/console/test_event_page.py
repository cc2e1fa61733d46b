"""One event: the road, why with what was read, then and now, the payload, the example, what an operator does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import yaml

from app.catalogue.cache import Listing
from app.catalogue.listing_store import SEQUENCES, keep_listing
from app.clock import utc_now
from app.console.event_road import OF_NOW, OTHER_PROVIDER
from app.console.receipts.afterwards import REPLY
from tests.console.places import after_retention, fill
from tests.support.service import ADMIN_TOKEN, RULES, write

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.console import Browser
    from tests.support.service import Running

ADMIN = {"authorization": f"Bearer {ADMIN_TOKEN}"}
STRICTER = RULES.replace("employees >= 50", "employees >= 500")


async def id_of(web: Running, email: str) -> str:
    rows = await web.rows("SELECT id FROM events WHERE email = :email ORDER BY id DESC LIMIT 1", email=email)
    return str(rows[0]["id"])


async def view(web: Running, browser: Browser, email: str = "ada1@corp.example") -> Any:
    return await browser.json(f"/events/{await id_of(web, email)}")


async def reload(web: Running, rules: Path, text: str) -> None:
    write(rules, text)
    assert (await web.client.post("/-/reload", headers=ADMIN)).status_code == 200


def steps(page: Any) -> dict[str, list[str]]:
    return {step["name"]: [line["text"] for line in step["lines"]] for step in page["road"]}


async def test_the_road_of_an_event_that_was_enrolled(web: Running, viewer: Browser) -> None:
    await fill(web)
    await web.execute("UPDATE enrollments SET sending_at = now() WHERE email = 'ada1@corp.example'")
    page = await view(web, viewer)
    road = steps(page)
    assert list(road) == ["Received", "Verified", "Decided", "Sent", "Enrolled"]
    assert road["Received"] == ["standard-webhooks, signup"]
    assert "HMAC" in road["Verified"][0]
    assert road["Decided"][0].startswith("to enroll, after ")
    assert road["Decided"][1].startswith("rule signup, line ")
    assert road["Sent"] == ["as anna"]
    assert road["Enrolled"] == ["enrolled"]
    assert page["became"][0]["words"] == "enrolled in sequence 310001"
    assert page["sentences"][0].startswith("Ada was enrolled in sequence 310001 on ")
    assert page["person_url"].startswith("/admin/people/")


async def test_a_reply_is_said_to_be_inferred(web: Running, viewer: Browser) -> None:
    await fill(web)
    await web.execute("UPDATE enrollments SET replied_at = now() WHERE email = 'ada1@corp.example'")
    page = await view(web, viewer)
    assert " A reply came" in page["sentences"][0]
    assert REPLY in page["notes"]
    assert REPLY.replace("'", "&#39;") in (await viewer.get(f"/events/{page['id']}")).text
    assert (await view(web, viewer, "bob@corp.example"))["notes"] == []  # which rules looked stands below


async def test_the_proof_is_that_of_the_rules_in_force(web: Running, viewer: Browser) -> None:
    await fill(web)
    assert steps(await view(web, viewer))["Verified"][1:] == [OF_NOW]
    await web.execute("UPDATE deliveries SET provider = 'zoom'")
    assert steps(await view(web, viewer))["Verified"] == [OTHER_PROVIDER]


async def test_the_road_of_an_event_that_no_rule_matched(web: Running, viewer: Browser) -> None:
    await fill(web)
    page = await view(web, viewer, "bob@corp.example")
    assert steps(page)["Decided"][0].startswith("no rule matched, after ")
    assert (steps(page)["Sent"], steps(page)["Enrolled"]) == (["nothing"], ["no"])
    assert page["became"][0]["words"] == "no: no condition was true"


async def test_each_rule_that_looked_says_what_it_read(web: Running, viewer: Browser) -> None:
    await fill(web)
    page = await view(web, viewer, "bob@corp.example")
    (look,) = page["why"]["looks"]
    assert (look["rule"], look["mark"], look["word"]) == ("signup", "no", "no match")
    assert look["fields"] == [{"path": "event.data.data.employees", "said": "was 8"}]
    assert [piece["text"] for piece in look["condition"] if piece["read"]] == ["event.data.data.employees"]
    assert "".join(piece["text"] for piece in look["condition"]) == "event.data.data.employees >= 50"
    assert page["why"]["sentence"] == "one rule listens to signup of crm"


async def test_by_the_rules_in_force_it_comes_to_the_same(web: Running, viewer: Browser, rules: Path) -> None:
    await fill(web)
    page = await view(web, viewer)
    assert page["why"]["comparison"]["word"] == "the same"
    assert "which are in force now, and come to the same." in (await viewer.get(f"/events/{page['id']}")).text
    await reload(web, rules, RULES.replace("employees >= 50", "employees >= 60"))
    page = await view(web, viewer)
    assert page["why"]["comparison"]["word"] == "the same"
    assert page["why"]["comparison"]["then"] != page["why"]["comparison"]["now"]
    assert page["why"]["looks"][0]["now"] == (
        "Its condition now: event.data.data.employees >= 60; event.data.data.employees is 80."
    )
    assert "employees >= 50" in "".join(piece["text"] for piece in page["why"]["looks"][0]["condition"])


async def test_other_rules_come_to_something_else(web: Running, viewer: Browser, rules: Path) -> None:
    await fill(web)
    await reload(web, rules, STRICTER)
    page = await view(web, viewer)
    assert page["why"]["comparison"]["sentence"] == "it would come to something else: no rule matches it"
    assert "employees is 80. By the rules in force: no match" in page["why"]["looks"][0]["now"]
    await reload(web, rules, RULES.replace("employees >= 50", "employees >= 5"))
    page = await view(web, viewer, "bob@corp.example")
    assert page["why"]["comparison"]["sentence"] == (
        "it would come to something else: enroll b***@corp.example in sequence 310001, by the rule “signup”"
    )


async def test_a_rule_that_is_new_or_gone_is_said_to_be(web: Running, viewer: Browser, rules: Path) -> None:
    await fill(web)
    await reload(web, rules, RULES.replace("id: signup", "id: newer"))
    gone, new = (await view(web, viewer))["why"]["looks"]
    assert (gone["rule"], gone["now"]) == ("signup", "The rules in force have no such rule for this event.")
    assert (new["rule"], new["now"]) == ("newer", "This rule is new: it was not in force then.")


async def test_rules_that_are_not_kept_leave_what_the_decision_says(web: Running, viewer: Browser, rules: Path) -> None:
    await fill(web)
    await reload(web, rules, STRICTER)
    await web.execute("UPDATE decisions SET revision = '0000'")
    (look,) = (await view(web, viewer, "bob@corp.example"))["why"]["looks"]
    assert (look["word"], look["condition"]) == ("no match", [])
    assert look["because"].startswith("Its condition is false")


async def test_the_payload_is_masked_and_what_rules_read_is_marked(web: Running, operator: Browser) -> None:
    await fill(web)
    page = await view(web, operator)
    pieces = [piece for line in page["payload"]["lines"] for piece in line]
    assert '"a***@corp.example"' in [piece["text"] for piece in pieces]
    assert [piece["text"] for piece in pieces if piece["marked"]] == ['"employees"', ": ", "80"]
    html = (await operator.get(f"/events/{page['id']}")).text
    assert "<mark>" in html
    assert "ada1@" not in html


async def test_a_viewer_reads_a_masked_payload_as_an_operator_does(web: Running, viewer: Browser) -> None:
    await fill(web)
    path = f"/events/{(await view(web, viewer))['id']}"
    assert "&#34;a***@corp.example&#34;" in (await viewer.get(path)).text


async def test_an_address_that_a_condition_reads_is_masked(web: Running, operator: Browser, rules: Path) -> None:
    await reload(web, rules, RULES.replace("event.data.data.employees >= 50", 'event.email == "x@other.example"'))
    await web.deliver("crm", {"type": "signup", "data": {"email": "ada1@corp.example"}})
    page = await view(web, operator)
    assert page["why"]["looks"][0]["fields"][0]["said"] == 'was "a***@corp.example"'
    assert "ada1@" not in str(page)


async def test_the_example_is_without_the_person(web: Running, viewer: Browser) -> None:
    await fill(web)
    page = await view(web, viewer)
    (entry,) = yaml.safe_load(page["example"]["text"])
    assert entry["expect"] == {"enroll": "310001"}
    assert entry["event"]["data"] == {"data": {"employees": 80}}
    assert "ada1" not in page["example"]["text"]
    assert 'data-copy="yaml"' in (await viewer.get(f"/events/{page['id']}")).text


async def test_why_there_is_no_example(web: Running, viewer: Browser) -> None:
    await fill(web)
    await after_retention(web)
    page = await viewer.get(f"/events/{await id_of(web, 'ada1@corp.example')}")
    assert "No example can be made of it: its payload has passed the retention" in page.text


async def test_after_the_retention_what_is_gone_is_said(web: Running, operator: Browser) -> None:
    await fill(web)
    await after_retention(web)
    page = await view(web, operator)
    assert page["payload"] is None
    assert page["why"]["looks"][0]["fields"] == [
        {"path": "event.data.data.employees", "said": "is not stored any more"}
    ]
    assert page["why"]["comparison"]["word"] == "not known"
    html = (await operator.get(f"/events/{page['id']}")).text
    assert "The payload has passed the retention" in html
    assert "Show the raw delivery" not in html
    assert (await operator.post(f"/events/{page['id']}/raw")).status_code == 404
    asked = await operator.get(f"/events/{page['id']}/decide")
    assert "there is nothing left to decide by" in asked.text
    assert '<button class="main">' not in asked.text


async def test_only_an_operator_sees_the_raw_delivery_and_it_is_written_down(
    web: Running, viewer: Browser, operator: Browser
) -> None:
    await fill(web)
    path = f"/events/{await id_of(web, 'ada1@corp.example')}"
    assert "raw delivery" not in (await viewer.get(path)).text
    assert (await viewer.post(f"{path}/raw")).status_code == 403
    shown = await operator.post(f"{path}/raw")
    assert "ada1@corp.example" in shown.text
    assert "POST" in shown.text
    assert "webhook-id" in shown.text
    rows = await web.rows("SELECT who, target FROM audit WHERE what LIKE 'POST %/raw' AND outcome = 'done'")
    assert rows == [{"who": "olga", "target": path.rpartition("/")[2]}]


async def test_an_admin_finds_what_was_done_about_an_event(web: Running, operator: Browser, admin: Browser) -> None:
    await fill(web)
    id_ = await id_of(web, "ada1@corp.example")
    await operator.post(f"/events/{id_}/raw")
    assert f'href="/admin/audit?target={id_}&amp;period=30d"' in (await admin.get(f"/events/{id_}")).text
    assert "/admin/audit" not in (await operator.get(f"/events/{id_}")).text
    assert (await admin.json("/audit", target=id_, period="30d"))["sentence"].startswith("1 act in the last 30 days")


async def test_deciding_again_says_first_what_would_change(web: Running, operator: Browser, rules: Path) -> None:
    await fill(web)
    await reload(web, rules, RULES.replace("employees >= 50", "employees >= 5"))
    path = f"/events/{await id_of(web, 'bob@corp.example')}/decide"
    asked = await operator.get(path)
    assert "Until now: no matching rule." in asked.text
    assert "By the rules in force: to be enrolled, by the rule signup (matched)." in asked.text
    assert await web.rows("SELECT id FROM enrollments WHERE email = 'bob@corp.example'") == []
    assert (await operator.confirm(path, {"reason": "mended"})).status_code == 303
    (row,) = await web.rows("SELECT state FROM enrollments WHERE email = 'bob@corp.example'")
    assert row["state"] in {"ready", "held"}
    page = await operator.get(path.removesuffix("/decide"))
    assert "Decided again by the rules in force: to be enrolled." in page.text
    assert "Decided before, " in page.text


async def test_deciding_again_names_the_sequence(web: Running, operator: Browser, rules: Path) -> None:
    await fill(web)
    await keep_listing(
        web.process.engine, SEQUENCES, Listing("main", [{"id": "310001", "name": "Demo request"}], utc_now())
    )
    await reload(web, rules, RULES.replace("employees >= 50", "employees >= 5"))
    asked = await operator.get(f"/events/{await id_of(web, 'bob@corp.example')}/decide")
    assert "to be enrolled in Demo request, by the rule signup (matched)." in asked.text


async def test_what_would_not_change_is_not_decided_again(web: Running, operator: Browser) -> None:
    await fill(web)
    asked = await operator.get(f"/events/{await id_of(web, 'bob@corp.example')}/decide")
    assert "The rules come to the same as before." in asked.text
    assert "Decide it again</button>" not in asked.text


async def test_a_duplicate_names_what_has_the_reason(web: Running, viewer: Browser) -> None:
    await fill(web)
    await web.deliver("crm", {"type": "signup", "data": {"email": "ada1@corp.example", "employees": 90}, "n": 2})
    page = await view(web, viewer)
    assert page["became"][0]["words"] == "no: the same reason again"
    assert "a second time" in page["sentences"][0]
    assert "is taken, until " in page["sentences"][0]
    assert page["why"]["comparison"]["word"] == "the same"


@pytest.mark.parametrize("path", ["/events/evt_0", "/events/nothing/decide"])
async def test_what_is_not_there(operator: Browser, path: str) -> None:
    assert (await operator.get(path)).status_code == 404
