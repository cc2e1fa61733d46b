"""The page of a job, in a real browser: it follows the job, and stops when that is over."""

from __future__ import annotations

from typing import TYPE_CHECKING

from playwright.async_api import expect
from sqlalchemy import text

from app.operators import Role

if TYPE_CHECKING:
    from tests.browser.tabs import Tabs
    from tests.support.console_service import ConsoleService

JOB = text("""
    INSERT INTO bulk_jobs (id, kind, state, asked_by, role, origin, filter, total, done, outcomes, created_at, due_at)
    VALUES ('job_1', 'release_parked', 'paused', 'ada', 'admin', '192.0.2.8', '{"sender": "ben"}', 14, 3,
            '{"released": 3}', now(), now())
""")
OVER = text("UPDATE bulk_jobs SET state = 'done', done = 14, outcomes = '{\"released\": 14}', finished_at = now()")


async def test_the_page_of_a_job_follows_it_and_stops_when_it_is_over(tabs: Tabs, service: ConsoleService) -> None:
    async with service.engine.begin() as connection:
        await connection.execute(JOB)
    page = await tabs.open(service, Role.OPERATOR)
    await page.goto("/admin/jobs/job_1")
    lead, top = page.locator("#live .lead"), page.locator("#as-of")
    await expect(lead).to_have_text("Paused: 3 of 14 released. No worker goes on with it until it is resumed.")
    await expect(top).to_contain_text("stop refreshing")
    async with service.engine.begin() as connection:
        await connection.execute(OVER)
    await expect(lead).to_have_text("Done: 14 enrollments released.")
    await expect(top).not_to_contain_text("stop refreshing")
    await expect(page.locator("#live")).not_to_have_attribute("hx-get", "/admin/jobs/job_1")
    await expect(page.get_by_role("link", name="Cancel…")).to_have_count(0)
