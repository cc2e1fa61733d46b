"""Parked enrollments in groups, and the jobs that begin from one."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from app.bulk.causes import OWN, Cause, cause_of
from app.bulk.filters import Filter, filter_of
from app.bulk.groups import By, of_day
from app.bulk.parked_store import ParkedStore
from app.enrollments.after_restore import REASON as AFTER_RESTORE
from app.hubspot.api.faults import faults
from app.model import NO_OUTCOME

if TYPE_CHECKING:
    from tests.bulk.conftest import Desk


ROOT = Path(__file__).parents[2]


@pytest.fixture
async def parked(desk: Desk) -> ParkedStore:
    await desk.has(4)
    await desk.has(1, rule="trial")
    await desk.has(3, reason="unsettled", sender="anna")
    await desk.has(1, reason="unsettled", sender="anna", rule="trial")
    await desk.has(2, reason=None, sender=None)
    await desk.has(9, state="held", reason="window")
    await desk.run("UPDATE enrollments SET updated_at = '2026-11-23T09:12:00Z' WHERE id < 'enr_000000000006'")
    await desk.run("UPDATE enrollments SET updated_at = '2026-11-21T23:59:59Z' WHERE id > 'enr_000000000005'")
    return ParkedStore(desk.engine)


async def test_a_cause_says_what_it_is_since_when_and_what_to_do(parked: ParkedStore) -> None:
    ben, lost, odd = await parked.groups(By.CAUSE)
    fault = faults()["DISCONNECTED_INBOX"]
    assert (ben.value, ben.count, ben.rules, ben.rule, ben.senders, ben.sender) == (
        "DISCONNECTED_INBOX", 5, 2, None, 1, "ben",
    )  # fmt: skip
    assert ben.cause == Cause(fault.sentence, fault.do, f"docs/faults.md#{fault.anchor}")
    assert (ben.since, ben.may_be_released) == (datetime(2026, 11, 23, 9, 12, tzinfo=UTC), True)
    assert (lost.value, lost.count, lost.one_by_one, lost.may_be_released) == ("unsettled", 4, 4, False)
    assert lost.cause == cause_of("unsettled")
    assert (odd.value, odd.count, odd.filter.as_json(), odd.cause) == (None, 2, {"lacks": ["reason"]}, None)
    assert odd.may_be_released


@pytest.mark.parametrize(
    ("by", "expected"),
    [
        (By.CAUSE, {"DISCONNECTED_INBOX": (5, 0), "unsettled": (4, 4), None: (2, 0)}),
        (By.RULE, {"demo": (9, 3), "trial": (2, 1)}),
        (By.SENDER, {"ben": (5, 0), "anna": (4, 4), None: (2, 0)}),
        (By.DAY, {"2026-11-23": (5, 0), "2026-11-21": (6, 4)}),
    ],
)
async def test_a_group_is_found_again_by_its_filter(
    desk: Desk, parked: ParkedStore, by: By, expected: dict[str | None, tuple[int, int]]
) -> None:
    groups = await parked.groups(by)
    assert {group.value: (group.count, group.one_by_one) for group in groups} == expected
    for group in groups:
        if group.may_be_released:
            shown = await desk.asking.preview("release_parked", group.filter, role="admin")
            assert shown.count == group.count - group.one_by_one
            everything = replace(group.filter, states=("parked",))
            assert filter_of(everything.as_json()) == everything
            assert (await desk.asking.preview("cancel", everything, role="admin")).count == group.count


async def test_days_come_newest_first(parked: ParkedStore) -> None:
    assert [group.value for group in await parked.groups(By.DAY)] == ["2026-11-23", "2026-11-21"]


async def test_none_parked_is_no_group(desk: Desk) -> None:
    assert await ParkedStore(desk.engine).groups(By.CAUSE) == []


def test_every_reason_of_our_own_that_parks_has_a_sentence() -> None:
    code = "".join(file.read_text(encoding="utf-8") for file in (ROOT / "app").rglob("*.py"))
    reasons = set(re.findall(r'ParkedError\(\s*"([a-z_]+)"', code))
    assert {*reasons, "unsettled", "unreadable", "gave_up", AFTER_RESTORE, NO_OUTCOME} == set(OWN)


@pytest.mark.parametrize("name", OWN)
def test_a_cause_names_a_heading_that_is_there(name: str) -> None:
    page, _, heading = OWN[name].partition("#")
    lines = (ROOT / page).read_text(encoding="utf-8").splitlines()
    headings = [re.sub(r"[^a-z -]", "", line.lower()).strip().replace(" ", "-") for line in lines if line[:2] == "##"]
    assert heading in headings


async def test_a_group_is_looked_into_by_something_else(parked: ParkedStore) -> None:
    causes = await parked.groups(By.CAUSE, Filter(rule="demo"))
    assert [(group.value, group.count, group.rule) for group in causes] == [
        ("DISCONNECTED_INBOX", 4, "demo"), ("unsettled", 3, "demo"), (None, 2, "demo"),
    ]  # fmt: skip
    (one,) = await parked.groups(By.CAUSE, Filter(reason="unsettled", rule="trial", sender="anna"))
    assert (one.count, one.filter) == (1, Filter(reason="unsettled"))
    day = of_day(date(2026, 11, 23))
    assert [group.value for group in await parked.groups(By.CAUSE, day)] == ["DISCONNECTED_INBOX"]
    assert await parked.groups(By.CAUSE, Filter(sender="ben", rule="nothing")) == []
