"""Answers that may take minutes: whole where they are there soon, else begun, and kept open until they are there."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from starlette.responses import StreamingResponse
from structlog.testing import capture_logs

from app.errors import Busy
from app.web import slow_answers
from app.web.slow_answers import json_answer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

DOCUMENT = b'{"tables":{}}'


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Begin each answer before its document is there."""
    monkeypatch.setattr(slow_answers, "PATIENCE_SECONDS", 0)
    monkeypatch.setattr(slow_answers, "SECONDS_BETWEEN", 0)


async def made(after: asyncio.Event | None = None, *, fails: bool = False) -> bytes:
    """Return the document once `after` has happened, or raise Busy then."""
    if after is not None:
        await after.wait()
    if fails:
        raise Busy("store", "the store is away")
    return DOCUMENT


async def parts_of(answer: object) -> AsyncIterator[bytes]:
    """Yield what an answer that has begun sends."""
    assert isinstance(answer, StreamingResponse)
    async for part in answer.body_iterator:
        assert isinstance(part, bytes)
        yield part


async def test_what_is_there_soon_is_answered_whole() -> None:
    answer = await json_answer(made(), {"X-Own": "1"})
    assert (answer.status_code, answer.body, answer.headers["x-own"]) == (200, DOCUMENT, "1")
    assert answer.headers["content-length"] == str(len(DOCUMENT))


async def test_what_fails_soon_is_raised_before_an_answer_begins() -> None:
    with pytest.raises(Busy):
        await json_answer(made(fails=True))


@pytest.mark.usefixtures("impatient")
async def test_what_takes_long_begins_with_spaces() -> None:
    there = asyncio.Event()
    parts = parts_of(await json_answer(made(there)))
    assert [await anext(parts) for _ in range(3)] == [b" "] * 3
    there.set()
    assert b"".join([part async for part in parts]).strip() == DOCUMENT


@pytest.mark.usefixtures("impatient")
async def test_what_fails_late_is_a_line_of_the_log_and_no_whole_answer() -> None:
    there = asyncio.Event()
    parts = parts_of(await json_answer(made(there, fails=True)))
    assert await anext(parts) == b" "
    there.set()
    with capture_logs() as lines, pytest.raises(Busy):
        _ = [part async for part in parts]
    assert [line["event"] for line in lines] == ["answer.broken_off"]


@pytest.mark.usefixtures("impatient")
async def test_the_work_ends_where_the_client_has_gone() -> None:
    ended, never = asyncio.Event(), asyncio.Event()

    async def work() -> bytes:
        try:
            return await made(never)
        finally:
            ended.set()

    answer = await json_answer(work())
    assert isinstance(answer, StreamingResponse)
    parts = answer.body_iterator
    assert await anext(parts.__aiter__()) == b" "
    await parts.aclose()  # type: ignore[attr-defined]  # it is a generator
    async with asyncio.timeout(300):
        await ended.wait()
