"""The overview as a page: what needs a person today, how old what is kept is, and the steps to the first person."""

from __future__ import annotations

import re
import shlex
from datetime import UTC, datetime
from html import unescape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from app.operators import Role
from tests.console.places import fill
from tests.support.console import signed_in
from tests.support.service import running

if TYPE_CHECKING:
    from tests.support.console import Browser
    from tests.support.service import Running

PRACTICE = Path("deploy/rules/practice.yaml")
README = Path("README.md").read_text(encoding="utf-8")

# A secret that was wrong five days ago, and has been right since.
MENDED = """
    INSERT INTO tally_counters (hour, source, result, reason, run, n, last_at)
    SELECT date_trunc('hour', now()) - age, 'crm', result, reason, '', n, now() - age
    FROM (VALUES (interval '5 days', 'rejected', 'signature_mismatch', 60), (interval '1 hour', 'accepted', '', 90))
      AS counted(age, result, reason, n)
"""


@pytest.mark.parametrize("period", ["24h", "7d", "30d"])
async def test_a_source_that_was_mended_needs_no_person_whatever_the_period(
    web: Running, viewer: Browser, period: str
) -> None:
    await web.execute(MENDED)
    page = await viewer.json("/overview", period=period)
    crm = next(one for one in page["sources"] if one["name"] == "crm")
    assert (crm["word"], crm["rejected"]) == ("healthy", 0 if period == "24h" else 60)
    assert (page["needs"], page["lead"].partition(":")[0]) == ([], "Nothing needs a person")


async def test_senders_and_accounts_say_how_old_they_are(web: Running, viewer: Browser) -> None:
    before = datetime.now(UTC)
    first = await viewer.json("/overview")
    assert before <= datetime.fromisoformat(first["set_up_at"]) <= datetime.now(UTC)
    await web.execute(
        "INSERT INTO sender_pauses (account, inbox, sender, user_id, reason, paused_at)"
        " VALUES ('default', 'anna@acme.example', 'anna', '7001', 'DISCONNECTED_INBOX', now())"
    )
    again = await viewer.json("/overview", period="7d")  # whatever the period
    assert (again["set_up_at"], again["senders"]) == (first["set_up_at"], first["senders"])
    html = (await viewer.get("/overview")).text
    assert html.count('as of <time datetime="' + datetime.fromisoformat(first["set_up_at"]).isoformat()[:19]) == 2


async def test_what_is_parked_and_how_it_stands_is_never_kept(web: Running, viewer: Browser) -> None:
    page = await viewer.json("/overview")
    assert (page["parked"], page["standing"]["ready"]) == ([], 0)
    await fill(web)
    page = await viewer.json("/overview")
    assert [(one["code"], one["count"]) for one in page["parked"]] == [("no_sender", 1)]
    assert page["standing"]["ready"] == 2


async def test_the_first_steps_are_ticked_off_as_they_are_done_until_a_person_is_enrolled(database_url: str) -> None:
    async with running(database_url, PRACTICE) as web:
        web.process.practice = True
        operator = await signed_in(web, Role.OPERATOR)
        async with operator.client:
            page = await operator.json("/overview")
            assert done(page) == [True, True, False, False, False]
            (shown,) = re.findall('<code id="first-command">(.*?)</code>', (await operator.get("/overview")).text)
            assert unescape(shown) in README
            words = shlex.split(unescape(shown))
            assert words[:2] == ["curl", "-d"]
            target = words[3].removeprefix("localhost:8080")
            assert (await web.client.post(target, content=words[2])).status_code == 200
            assert done(await operator.json("/overview")) == [True, True, True, True, False]
            viewer = await signed_in(web, Role.VIEWER)
            async with viewer.client:  # who would see the address masked
                assert (await viewer.json("/overview"))["first"][2]["command"] is None
            await web.execute("UPDATE enrollments SET state = 'enrolled', enrolled_at = now()")
            assert (await operator.json("/overview"))["first"] == []
            assert 'id="first"' not in (await operator.get("/overview")).text


async def test_beyond_practice_the_first_steps_need_hubspot_and_name_no_command(web: Running, viewer: Browser) -> None:
    page = await viewer.json("/overview")
    assert done(page) == [True, False, False, False, False]
    assert page["first"][2]["command"] is None
    (account,) = (one.name for one in web.process.current_rulebook().accounts.values())
    await web.execute("INSERT INTO hubspot_accounts VALUES (:name, '4200117', 'Europe/Berlin', now())", name=account)
    async with running(web.process.engine.url.render_as_string(hide_password=False), PRACTICE) as other:
        browser = await signed_in(other, Role.VIEWER)
        async with browser.client:
            page = await browser.json("/overview")
    assert done(page) == [True, True, False, False, False]
    assert page["first"][2]["command"] is None


def done(page: dict[str, Any]) -> list[bool]:
    """Return which of the first steps are ticked off."""
    return [step["done"] for step in page["first"]]
