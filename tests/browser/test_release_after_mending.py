"""Fourteen are parked for one cause: it is mended, and they are released together."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from playwright.async_api import expect

from app.operators import Role
from tests.browser.keyboard import go_to, press

if TYPE_CHECKING:
    from tests.browser.tabs import Tabs
    from tests.support.console_service import ConsoleService

PARKED = "SELECT count(*) FROM enrollments WHERE state = 'parked' HAVING count(*) = :count"
ENROLLED = "SELECT count(*) FROM enrollments WHERE state = 'enrolled' HAVING count(*) = :count"


async def test_fourteen_are_released_after_mending(tabs: Tabs, service: ConsoleService) -> None:
    await service.sandbox("faults", [{"kind": "status", "code": "DOWNGRADE"}])
    await service.sign_up(*(f"lead{number}@corp.example" for number in range(14)))
    await service.rows_until(PARKED, count=14)
    page = await tabs.open(service, Role.OPERATOR)

    await page.goto("/admin/overview")
    await page.get_by_role("link", name="See the 14").click()
    await expect(page.locator(".lead")).to_contain_text("14 enrollments are parked")
    await expect(page.locator("main")).to_contain_text(
        "Look at the account's plan and the sender's seat, then release."
    )

    await service.sandbox("faults", [])  # what the person does in HubSpot
    await page.get_by_role("link", name="Release…").first.click()
    await expect(page.get_by_role("heading", level=1)).to_contain_text("14")
    assert await service.rows(PARKED, count=14)  # looking at the question changes nothing
    await page.get_by_label("Reason").fill("the plan was upgraded")
    await page.get_by_role("button", name=re.compile("Release")).click()

    # The page of the job refreshes itself until all is done.
    await expect(page.get_by_role("img", name="14 of 14 done")).to_be_visible()
    await expect(page.locator(".head .state")).to_have_text("done")
    await expect(page.locator("main")).to_contain_text("the plan was upgraded")
    await service.rows_until(ENROLLED, count=14)
    reached = [one["email"] for one in await service.sandbox("ledger") if one["processed"]]
    assert sorted(reached) == sorted(f"lead{number}@corp.example" for number in range(14))
    await page.goto("/admin/parked")
    await expect(page.locator("main")).to_contain_text("What cannot go on by itself is parked, and stands here")


async def test_what_is_parked_is_found_and_released_by_keys_alone(tabs: Tabs, service: ConsoleService) -> None:
    await service.sandbox("faults", [{"kind": "status", "code": "DOWNGRADE"}])
    await service.sign_up("ada@corp.example", "bob@corp.example")
    await service.rows_until(PARKED, count=2)
    await service.sandbox("faults", [])
    page = await tabs.open(service, Role.OPERATOR)
    title, main = page.get_by_role("heading", level=1), page.get_by_role("main")

    await page.goto("/admin/overview")
    await press(page, page.get_by_role("navigation").get_by_role("link", name="Parked"))
    await expect(title).to_have_text("Parked")
    await press(page, main.get_by_role("rowheader").get_by_role("link"))
    await expect(main.locator(".lead")).to_contain_text("2 enrollments are parked")
    await press(page, main.get_by_role("link", name="Release…").first)
    await expect(title).to_contain_text("2")
    await go_to(page, page.get_by_label("Reason"))
    await page.keyboard.type("the plan was upgraded")
    await press(page, page.get_by_role("button", name=re.compile("Release")))
    await expect(main.locator(".head .state")).to_have_text("done")
    await expect(main).to_contain_text("the plan was upgraded")
    await service.rows_until(ENROLLED, count=2)


async def test_what_waits_is_cancelled_by_rule_without_a_script(tabs: Tabs, service: ConsoleService) -> None:
    await service.sandbox("faults", [{"kind": "status", "code": "DOWNGRADE"}])
    await service.sign_up(*(f"lead{number}@corp.example" for number in range(3)))
    await service.deliver("open", {"id": "1", "type": "ping", "email": "eve@corp.example"})
    await service.rows_until(PARKED, count=4)
    page = await tabs.open(service, Role.OPERATOR, java_script_enabled=False)

    await page.goto("/admin/parked")
    await page.get_by_role("link", name="rule", exact=True).click()
    await page.get_by_role("row", name="signup").get_by_role("link", name="Cancel…").click()
    await expect(page.get_by_role("heading", level=1)).to_contain_text("3")
    await page.get_by_role("link", name="Change nothing").click()
    assert await service.rows(PARKED, count=4)
    await page.go_back()
    await page.get_by_label("Reason").fill("the campaign is over")
    await page.get_by_role("button", name=re.compile("Cancel")).click()

    await service.rows_until("SELECT 1 FROM bulk_jobs WHERE state = 'done'")
    await page.reload()
    await expect(page.get_by_role("img", name="3 of 3 done")).to_be_visible()
    left = await service.rows("SELECT rule, state, count(*) FROM enrollments GROUP BY rule, state ORDER BY rule")
    assert [tuple(row) for row in left] == [("anything", "parked", 1), ("signup", "cancelled", 3)]
    lines = await service.rows("SELECT who, after->>'reason' FROM audit WHERE what LIKE 'POST /admin/%cancel%'")
    assert [line[0] for line in lines] == ["olga"]
