"""Logs state facts, one line each, and name no person: not in facts, not in what an exception says, in neither form."""

from __future__ import annotations

import asyncio
import errno
import io
import json
import logging
import select
import subprocess
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest
import structlog

from app.clock import utc_now
from app.errors import Unreadable
from app.model import Delivery
from app.observability import logs
from app.sources import forms
from tests.support.processes import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ADDRESS = "ada@corp.example"
SECRET = "pat-secret"


class Stream(io.TextIOWrapper):
    """What a process's standard output is: text over bytes."""

    def __init__(self) -> None:
        super().__init__(io.BytesIO(), encoding="utf-8", write_through=True)

    def written(self) -> str:
        self.flush()
        assert isinstance(self.buffer, io.BytesIO)
        return self.buffer.getvalue().decode()


@pytest.fixture
def configured() -> Iterator[Callable[[str], Stream]]:
    before, root = structlog.get_config(), logging.getLogger()
    handlers, level = root.handlers, root.level

    def configure(form: str) -> Stream:
        stream = Stream()
        logs.configure(form=form, level="info", stream=stream)
        return stream

    yield configure
    structlog.configure(**before)
    root.handlers, root.level = handlers, level


class Full(io.RawIOBase):
    """A file on a disk that is full."""

    def writable(self) -> bool:
        return True

    def write(self, _: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize("form", ["json", "console"])
@pytest.mark.parametrize("size", [1, 100_000])
def test_a_line_that_cannot_be_written_raises_nothing(
    configured: Callable[[str], Stream], form: str, size: int
) -> None:
    configured(form)
    stream = io.TextIOWrapper(io.BufferedWriter(Full()), write_through=True)
    logs.configure(form=form, level="info", stream=stream)
    for _ in range(3):
        structlog.get_logger().info("delivery.accepted", fact="x" * size)
    with suppress(OSError):  # of what it has kept
        stream.close()


def fails(token: str) -> None:
    body = {"email": ADDRESS, "token": token}
    raise ValueError(f'refused: "{body["email"]}"')


@pytest.mark.parametrize("form", ["json", "console"])
def test_an_exception_names_no_person(configured: Callable[[str], Stream], form: str) -> None:
    stream = configured(form)
    try:
        fails(SECRET)
    except ValueError:
        structlog.get_logger("test").exception("delivery.defect", delivery_id="dlv_1")
        logging.getLogger("uvicorn.error").exception("library trouble with %s", ADDRESS)
    written = stream.written()
    assert written.count("ValueError: refused") + written.count('"exc_type":"ValueError"') == 2
    assert "<address>" in written
    assert ADDRESS not in written
    assert SECRET not in written


@pytest.mark.parametrize("form", ["json", "console"])
def test_a_fact_names_no_person(configured: Callable[[str], Stream], form: str) -> None:
    stream = configured(form)
    structlog.get_logger("test").info("enrollment.step", detail=f"sent to {ADDRESS} now", token=SECRET, source="crm")
    written = stream.written()
    assert "enrollment.step" in written
    assert "crm" in written
    assert ADDRESS not in written
    assert SECRET not in written


@pytest.mark.parametrize("form", ["json", "console"])
def test_what_a_stranger_wrote_does_nothing_to_a_terminal(configured: Callable[[str], Stream], form: str) -> None:
    stream = configured(form)
    structlog.get_logger().warning("request.unknown_path", path="/hook\x1b]0;x\x07\r", method="GET")
    (line,) = stream.written().splitlines()
    assert "/hook" in line
    assert not {"\x1b", "\x07", "\r"} & set(line)


def test_a_line_is_one_json_object_with_its_time_and_level(configured: Callable[[str], Stream]) -> None:
    stream = configured("json")
    log = structlog.get_logger("test")
    log.info("service.started", ports=[8080])
    log.debug("too fine to be written")
    logging.getLogger("uvicorn.error").warning("from a library")
    lines: list[dict[str, Any]] = [json.loads(line) for line in stream.written().splitlines()]
    assert [(line["event"], line["level"]) for line in lines] == [
        ("service.started", "info"),
        ("from a library", "warning"),
    ]
    assert all(line["timestamp"].endswith("Z") for line in lines)
    assert lines[0]["ports"] == [8080]


def test_a_long_word_costs_no_more_than_its_length(configured: Callable[[str], Stream]) -> None:
    stream = configured("json")
    # Quadratic work on these would outlast the time limit of any test.
    for word in ("a" * 1_000_000 + "@", "@" * 1_000_000, "a@" * 500_000):
        structlog.get_logger("test").info("delivery.accepted", provider_event_id=word)
    assert stream.written().count("delivery.accepted") == 3


@pytest.mark.parametrize("form", ["json", "console"])
def test_what_a_library_says_of_a_broken_form_is_left_to_the_refusal(
    configured: Callable[[str], Stream], form: str
) -> None:
    stream = configured(form)
    headers = {"content-type": "multipart/form-data; boundary=x"}
    with pytest.raises(Unreadable):
        forms.form(Delivery("d", "x", utc_now(), "POST", "", headers, b"--y"))
    assert stream.written() == ""


class Writes(io.RawIOBase):
    """Keeps what each call has written."""

    def __init__(self) -> None:
        self.parts: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, part: Any) -> int:
        self.parts.append(bytes(part))
        return len(part)


@pytest.fixture
def writes(configured: Callable[[str], Stream]) -> Writes:
    configured("json")
    kept = Writes()
    logs.configure(form="json", level="info", stream=io.TextIOWrapper(io.BufferedWriter(kept), write_through=True))
    return kept


async def test_the_lines_of_one_turn_are_written_together(writes: Writes) -> None:
    log = structlog.get_logger("test")
    log.info("first")
    log.info("second")
    assert writes.parts == []
    await asyncio.sleep(0)
    (part,) = writes.parts
    assert [json.loads(line)["event"] for line in part.splitlines()] == ["first", "second"]


async def test_lines_that_are_written_together_are_not_mixed_with_those_of_other_processes(writes: Writes) -> None:
    log = structlog.get_logger("test")
    for number in range(50):
        log.info("event", number=number, text="x" * 300)
    await asyncio.sleep(0)
    assert all(len(part) <= select.PIPE_BUF and part.endswith(b"\n") for part in writes.parts)
    lines = b"".join(writes.parts).splitlines()
    assert [json.loads(line)["number"] for line in lines] == list(range(50))


async def test_a_warning_does_not_wait_and_takes_along_what_waits(writes: Writes) -> None:
    log = structlog.get_logger("test")
    log.info("first")
    log.warning("second")
    assert [json.loads(line)["event"] for line in b"".join(writes.parts).splitlines()] == ["first", "second"]


def test_a_line_outside_of_an_event_loop_does_not_wait(writes: Writes) -> None:
    structlog.get_logger("test").info("first")
    assert len(writes.parts) == 1


ENDS_IN_A_TURN = """
import asyncio, os, sys, structlog
from app.observability import logs
logs.configure(form="json", level="info", stream=sys.stdout)
log = structlog.get_logger("test")
async def main():
    log.info("first")
    if not os.fork():
        sys.exit()
    os.wait()
    log.info("second")
    sys.exit(3)
asyncio.run(main())
"""


def test_the_end_of_a_process_and_a_fork_lose_and_repeat_no_line() -> None:
    ended = subprocess.run([sys.executable, "-c", ENDS_IN_A_TURN], stdout=subprocess.PIPE, cwd=ROOT, check=False)
    assert ended.returncode == 3
    assert [json.loads(line)["event"] for line in ended.stdout.splitlines()] == ["first", "second"]
