from __future__ import annotations

import asyncio
from contextvars import ContextVar
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.batching import Batcher
from app.errors import HubSpotError, NotSent, OutcomeUnknown, Refusal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Item = tuple[str, int]


class FarBatches:
    """Answers each item with its number; keeps what each call carried. `bad` items have their calls refused whole."""

    def __init__(self, *, limit: int = 100) -> None:
        self.calls: list[list[Item]] = []
        self.bad: set[Item] = set()
        self.refuses_with = 400
        self.omitted: set[Item] = set()
        self.errors: dict[Item, HubSpotError] = {}
        self.error: Exception | None = None
        self.acquire_error: Exception | None = None
        self.acquired = 0
        self.running = 0
        self.may_acquire = asyncio.Event()
        self.may_acquire.set()
        self.may_answer = asyncio.Event()
        self.may_answer.set()
        self.asked = asyncio.Event()
        self.batcher: Batcher[Item, int] = Batcher(
            self.call, acquire=self.acquire, identity=lambda item: item[0], limit=limit
        )

    async def acquire(self) -> None:
        await self.may_acquire.wait()
        self.acquired += 1
        if self.acquire_error:
            raise self.acquire_error

    async def call(self, items: Sequence[Item]) -> Mapping[Item, int | HubSpotError]:
        self.calls.append(list(items))
        self.asked.set()
        self.running += 1
        assert self.running == 1
        try:
            await self.may_answer.wait()
        finally:
            self.running -= 1
        if self.error:
            raise self.error
        if self.bad & set(items):
            raise Refusal("VALIDATION_ERROR", status=self.refuses_with)
        gone = self.omitted if len(items) > 1 else set()
        return {item: self.errors.get(item, item[1]) for item in items if item not in gone}

    async def ask_all(self, items: Sequence[Item]) -> list[int | BaseException]:
        return await asyncio.gather(*(self.batcher.ask(item) for item in items), return_exceptions=True)


def people(count: int) -> list[Item]:
    return [(f"person {number}", number) for number in range(count)]


async def test_those_who_wait_travel_together_up_to_the_limit() -> None:
    far = FarBatches()
    assert await far.ask_all(people(250)) == list(range(250))
    assert [len(call) for call in far.calls] == [100, 100, 50]
    assert far.acquired == 3


async def test_items_are_taken_after_the_grant_came() -> None:
    far = FarBatches()
    far.may_acquire.clear()
    first = asyncio.create_task(far.batcher.ask(("ada", 1)))
    await asyncio.sleep(0)
    late = asyncio.create_task(far.batcher.ask(("bob", 2)))
    await asyncio.sleep(0)
    far.may_acquire.set()
    assert list(await asyncio.gather(first, late)) == [1, 2]
    assert far.calls == [[("ada", 1), ("bob", 2)]]


async def test_who_comes_during_a_call_travels_in_the_next_one() -> None:
    far = FarBatches()
    far.may_answer.clear()
    first = asyncio.create_task(far.batcher.ask(("ada", 1)))
    await far.asked.wait()
    others = [asyncio.create_task(far.batcher.ask(item)) for item in [("bob", 2), ("cem", 3)]]
    await asyncio.sleep(0)
    far.may_answer.set()
    assert await asyncio.gather(first, *others) == [1, 2, 3]
    assert far.calls == [[("ada", 1)], [("bob", 2), ("cem", 3)]]


async def test_equal_asks_are_folded_and_different_ones_of_one_identity_go_in_order() -> None:
    far = FarBatches()
    asked = [("ada", 1), ("ada", 1), ("ada", 2), ("bob", 9), ("ada", 1)]
    assert await far.ask_all(asked) == [1, 1, 2, 9, 1]
    # The last ask for ada came after the one that differs, so it must also be written after it.
    assert far.calls == [[("ada", 1), ("bob", 9)], [("ada", 2)], [("ada", 1)]]


async def test_one_error_is_one_askers_error() -> None:
    far = FarBatches()
    far.errors[("bob", 2)] = Refusal("VALIDATION_ERROR", status=400)
    ada, bob = await far.ask_all([("ada", 1), ("bob", 2)])
    assert ada == 1
    assert bob is far.errors[("bob", 2)]
    assert len(far.calls) == 1


@pytest.mark.parametrize("status", [400, 409, 413])
async def test_a_batch_refused_whole_is_halved_until_the_bad_one_stands_alone(status: int) -> None:
    far = FarBatches()
    far.refuses_with = status
    far.bad = {("person 37", 37)}
    answers = await far.ask_all(people(100))
    assert isinstance(answers.pop(37), Refusal)
    assert answers == [number for number in range(100) if number != 37]
    assert [("person 37", 37)] in far.calls
    assert len(far.calls) < 20


async def test_an_item_that_the_answer_leaves_out_is_asked_for_alone() -> None:
    far = FarBatches()
    far.omitted = {("bob", 2)}
    assert await far.ask_all([("ada", 1), ("bob", 2), ("cem", 3)]) == [1, 2, 3]
    assert far.calls == [[("ada", 1), ("bob", 2), ("cem", 3)], [("bob", 2)]]


async def test_silence_about_a_single_item_is_ambiguous() -> None:
    async def call(_: Sequence[str]) -> Mapping[str, int | HubSpotError]:
        return {}

    async def acquire() -> None: ...

    batcher: Batcher[str, int] = Batcher(call, acquire=acquire, identity=str)
    with pytest.raises(OutcomeUnknown):
        await batcher.ask("ada")


@pytest.mark.parametrize(
    "error",
    [
        Refusal("RATE_LIMIT_DAILY", status=429),
        NotSent("no connection"),
        OutcomeUnknown("timed out"),
        ValueError("a defect"),
    ],
)
async def test_what_fails_a_call_fails_all_of_it_and_nothing_after_it(error: Exception) -> None:
    far = FarBatches()
    far.error = error
    assert await far.ask_all([("ada", 1), ("bob", 2)]) == [error, error]
    assert len(far.calls) == 1
    far.error = None
    assert await far.batcher.ask(("ada", 3)) == 3


async def test_without_a_grant_everyone_who_waits_hears_why() -> None:
    far = FarBatches()
    far.acquire_error = TimeoutError("the store is down")
    assert await far.ask_all([("ada", 1), ("ada", 2)]) == [far.acquire_error] * 2
    assert far.calls == []
    far.acquire_error = None
    assert await far.batcher.ask(("ada", 3)) == 3


async def test_who_gave_up_is_not_asked_for() -> None:
    far = FarBatches()
    far.may_acquire.clear()
    names = ["gone first", "stays", "gone later"]
    first, stays, later = (asyncio.create_task(far.batcher.ask((name, 1))) for name in names)
    await asyncio.sleep(0)
    first.cancel()
    later.cancel()
    await asyncio.gather(first, later, return_exceptions=True)
    far.may_acquire.set()
    assert await stays == 1
    assert far.calls == [[("stays", 1)]]


async def test_a_call_for_many_bears_nobodys_log_fields() -> None:
    whose: ContextVar[str] = ContextVar("whose", default="nobody")
    seen: list[str] = []

    async def call(items: Sequence[str]) -> Mapping[str, int | HubSpotError]:
        seen.append(whose.get())
        return dict.fromkeys(items, 1)

    async def acquire() -> None: ...

    whose.set("ada")
    await Batcher(call, acquire=acquire, identity=str).ask("ada")
    assert seen == ["nobody"]


async def test_closing_tells_who_travelled_and_who_did_not() -> None:
    far = FarBatches()
    far.may_answer.clear()
    travelling = asyncio.create_task(far.batcher.ask(("ada", 1)))
    await far.asked.wait()
    waiting = asyncio.create_task(far.batcher.ask(("bob", 2)))
    await asyncio.sleep(0)
    await far.batcher.close()
    first, second = await asyncio.gather(travelling, waiting, return_exceptions=True)
    assert isinstance(first, OutcomeUnknown)
    assert isinstance(second, NotSent)
    with pytest.raises(NotSent):
        await far.batcher.ask(("cem", 3))
    assert far.calls == [[("ada", 1)]]


asks = st.lists(st.tuples(st.sampled_from("abcdef"), st.integers(0, 3)), max_size=30)


@given(asks, asks.map(set), asks.map(set), st.integers(1, 5))
def test_everybody_is_answered_and_the_last_word_on_each_person_is_the_last_asked(
    asked: list[Item], bad: set[Item], omitted: set[Item], limit: int
) -> None:
    async def scenario() -> None:
        far = FarBatches(limit=limit)
        far.bad, far.omitted = bad, omitted
        answers = await far.ask_all(asked)
        for item, answer in zip(asked, answers, strict=True):
            assert isinstance(answer, Refusal) if item in bad else answer == item[1]
        assert all(len(call) <= limit for call in far.calls)
        assert all(len({name for name, _ in call}) == len(call) for call in far.calls)
        written = {name: (name, number) for call in far.calls for name, number in call}
        assert written == {name: (name, number) for name, number in asked}

    asyncio.run(scenario())
