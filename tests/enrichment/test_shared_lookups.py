"""One person is asked for once by many events, kept for a minute, and no faster than the tool allows."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

import pytest

from app.enrichment import shared
from app.enrichment.shared import SharedLookups
from app.errors import LookupFailed
from app.sources.base import Lookup


@dataclass
class Tool:
    """What asks the tool: it answers when a test says so."""

    asked: list[str] = field(default_factory=list)
    open: asyncio.Event = field(default_factory=asyncio.Event)
    reached: asyncio.Event = field(default_factory=asyncio.Event)
    failure: Exception | None = None

    async def ask(self, lookup: Lookup) -> Any:
        self.asked.append(lookup.path)
        self.reached.set()
        await self.open.wait()
        if self.failure:
            raise self.failure
        return {"path": lookup.path, "number": len(self.asked)}


@dataclass
class Clock:
    """A clock that moves by waiting only."""

    at: float = 1000.0
    waits: list[float] = field(default_factory=list)

    def elapsed(self) -> float:
        return self.at

    async def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.at += seconds


@pytest.fixture
def tool() -> Tool:
    return Tool()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def lookups(tool: Tool, clock: Clock) -> SharedLookups:
    return SharedLookups(tool.ask, elapsed=clock.elapsed, sleep=clock.sleep)


def person(id_: str = "1", token: str = "x", *, per_minute: int | None = None, keep: float = 60.0) -> Lookup:
    headers = {"authorization": token}
    return Lookup("api.tool.example", f"/people/{id_}", headers, per_minute=per_minute, keep_seconds=keep)


async def test_two_events_of_one_person_are_one_request(tool: Tool, lookups: SharedLookups) -> None:
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(lookups.ask(person())) for _ in range(2)]
        await tool.reached.wait()
        tool.open.set()
    assert [task.result() for task in tasks] == [{"path": "/people/1", "number": 1}] * 2
    assert tool.asked == ["/people/1"]


async def test_an_answer_is_used_for_a_minute(tool: Tool, clock: Clock, lookups: SharedLookups) -> None:
    tool.open.set()
    await lookups.ask(person())
    clock.at += 60
    assert (await lookups.ask(person()))["number"] == 1
    clock.at += 1
    assert (await lookups.ask(person()))["number"] == 2


async def test_another_person_another_token_and_an_object_are_asked_for_anew(
    tool: Tool, lookups: SharedLookups
) -> None:
    tool.open.set()
    for lookup in (person(), person("2"), person(token="y"), person(keep=0), person(keep=0)):
        await lookups.ask(lookup)
    assert len(tool.asked) == 5


async def test_who_waits_for_the_same_person_shares_a_failure_and_the_next_one_asks_again(
    tool: Tool, lookups: SharedLookups
) -> None:
    tool.failure = LookupFailed("status_500", "api.tool.example answered 500")
    waiting = [asyncio.ensure_future(lookups.ask(person())) for _ in range(2)]
    await tool.reached.wait()
    tool.open.set()
    assert await asyncio.gather(*waiting, return_exceptions=True) == [tool.failure] * 2
    assert len(tool.asked) == 1
    tool.failure = None
    assert (await lookups.ask(person()))["number"] == 2


async def test_the_first_caller_may_be_cancelled_without_the_others(tool: Tool, lookups: SharedLookups) -> None:
    first, second = (asyncio.ensure_future(lookups.ask(person())) for _ in range(2))
    await tool.reached.wait()
    first.cancel()
    tool.open.set()
    assert (await second)["number"] == 1
    assert first.cancelled()


async def test_a_tool_that_says_too_many_is_left_alone_for_as_long_as_it_says(
    tool: Tool, clock: Clock, lookups: SharedLookups
) -> None:
    tool.open.set()
    tool.failure = LookupFailed("status_429", "api.tool.example answered 429", 30.0)
    with pytest.raises(LookupFailed):
        await lookups.ask(person())
    tool.failure = None
    clock.at += 29
    for other in (person("2"), person("3", keep=0)):
        with pytest.raises(LookupFailed) as refused:
            await lookups.ask(other)
        assert (refused.value.reason, refused.value.retry_after) == ("status_429", 1.0)
    assert (await lookups.ask(person("2", token="y")))["path"] == "/people/2"  # an account of its own
    clock.at += 1
    await lookups.ask(person("2"))
    assert tool.asked == ["/people/1", "/people/2", "/people/2"]


async def test_a_429_without_a_time_is_a_pause_too(tool: Tool, clock: Clock, lookups: SharedLookups) -> None:
    tool.open.set()
    tool.failure = LookupFailed("status_429", "api.tool.example answered 429")
    for _ in range(2):
        with pytest.raises(LookupFailed):
            await lookups.ask(person())
    assert len(tool.asked) == 1
    clock.at += shared.USUAL_PAUSE
    with pytest.raises(LookupFailed):
        await lookups.ask(person())
    assert len(tool.asked) == 2


async def test_requests_of_one_account_leave_in_the_tools_pace(
    tool: Tool, clock: Clock, lookups: SharedLookups
) -> None:
    tool.open.set()
    for number in range(3):
        await lookups.ask(person(str(number), per_minute=120))
    await lookups.ask(person(token="y", per_minute=120))
    assert clock.waits == [0.5, 0.5]


async def test_many_people_do_not_fill_the_memory(
    tool: Tool, clock: Clock, lookups: SharedLookups, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared, "MOST_KEPT", 2)
    tool.open.set()
    for id_ in ("1", "2", "3", "3"):
        await lookups.ask(person(id_))
    assert tool.asked == ["/people/1", "/people/2", "/people/3", "/people/3"]  # the third is not kept
    clock.at += 61
    for _ in range(2):
        await lookups.ask(person("3"))
    assert tool.asked.count("/people/3") == 3


async def test_closing_ends_what_is_under_way(tool: Tool, lookups: SharedLookups) -> None:
    async with aclosing(lookups):
        waiting = asyncio.ensure_future(lookups.ask(person()))
        await tool.reached.wait()
    with pytest.raises(asyncio.CancelledError):
        await waiting
