"""A parent and its children: what cannot start ends all of them, what ends later is started again."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from app.database.embedded.pid_file import process_name
from app.processes.child import pause
from tests.support.processes import ROOT, WATCHDOG_SECONDS, Process

SUPERVISED = ["-m", "tests.processes.supervised"]


def supervised(*names: str, up: str = "service.started") -> Process:
    return Process([*SUPERVISED, *names], {}, up)


def lines(process: Process, event: str) -> list[dict[str, object]]:
    found = [json.loads(line) for line in process.log().splitlines() if line.startswith("{")]
    return [line for line in found if line["event"] == event]


@pytest.mark.parametrize(
    ("name", "code", "said"),
    [
        ("refused", 3, "there is no room"),
        ("broken", 1, "the broken-1 process ends as it starts; the lines before this one say why"),
    ],
)
def test_where_one_cannot_start_all_end_with_its_message_and_its_code(name: str, code: int, said: str) -> None:
    process = supervised("waits", name)
    assert process.ended() == code
    assert process.log().splitlines()[-1] == said
    assert len(lines(process, "process.defect")) == (name == "broken")
    process.end()


def test_where_the_system_has_no_room_for_a_process_the_message_says_so() -> None:
    process = supervised("--crowded", "waits")
    assert process.ended() == 2
    assert process.log().splitlines()[-1] == "cannot start the waits-0 process: Too many open files"
    process.end()


@pytest.mark.parametrize(
    ("names", "code", "said"),
    [
        (["done", "refused"], 3, ["left", "it has ended", "left", "there is no room"]),
        (["ends"], 1, ["left", "the ends-0 process ends with 7; the lines before this one say why"]),
        (["--crowded", "done"], 2, ["cannot start the done-0 process: Too many open files"]),
    ],
)
def test_what_runs_apart_is_waited_for_and_its_failure_ends_the_start(
    names: list[str], code: int, said: list[str]
) -> None:
    process = supervised("--apart", *names)
    assert process.ended() == code
    assert process.log().splitlines() == said
    process.end()


async def test_one_that_ends_soon_after_each_start_is_started_again_while_the_other_works() -> None:
    process = supervised("waits", "ends")
    await process.wait_until_up()
    await process.wait_for("process.ended", times=3)
    (first, *_) = lines(process, "process.ended")
    assert (first["process"], first["code"]) == ("ends-1", 7)
    assert lines(process, "process.started_again")
    process.send(signal.SIGTERM)
    assert process.ended() == 0
    assert not [line for line in lines(process, "process.ended") if line["process"] == "waits-0"]
    process.end()


def test_the_pause_grows_with_each_early_end_up_to_half_a_minute() -> None:
    pauses = [pause(brief) for brief in range(12)]
    assert pauses[0] == 0
    assert pauses == sorted(pauses)
    assert (pauses[1] < 1, pauses[-1]) == (True, 30)


async def test_a_signal_to_the_whole_terminal_stops_by_the_parent_alone() -> None:
    process = supervised("waits", "waits")
    await process.wait_until_up()
    os.killpg(process.pid, signal.SIGHUP)
    os.killpg(process.pid, signal.SIGINT)
    assert process.ended() == 0
    assert lines(process, "process.ended") == []
    assert process_name(process.pid) is None
    process.end()


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_full_disk_for_the_log_ends_no_process_and_a_child_that_ends_forks_none(unbuffered: str) -> None:
    with Path("/dev/full").open("wb") as full:
        parent = subprocess.Popen(
            [sys.executable, *SUPERVISED, "waits", "returns"],
            cwd=ROOT,
            env={**os.environ, "PYTHONUNBUFFERED": unbuffered},
            stdout=full,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
    assert parent.stderr is not None
    try:
        assert [int(parent.stderr.readline() or 0) for _ in range(4)] == [parent.pid] * 4
        parent.send_signal(signal.SIGTERM)
        parent.communicate(timeout=WATCHDOG_SECONDS)  # until all of them have ended
    finally:
        if parent.returncode is None:
            os.killpg(parent.pid, signal.SIGKILL)
            parent.communicate()
