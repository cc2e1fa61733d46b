"""What a job says of itself, in each state and for each outcome."""

from __future__ import annotations

import ast
import inspect
import re
from datetime import UTC, datetime, timedelta
from importlib import import_module
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from app.bulk.filters import Filter
from app.bulk.job import Job
from app.bulk.kinds import KINDS
from app.bulk.states import JobState
from app.console import job_words
from app.console.job_words import about, narrowing, outcomes, sentence

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 11, 24, 10, 38, tzinfo=UTC)


def a_job(state: str = "running", kind: str = "release_parked", **more: Any) -> Job:
    usual: dict[str, Any] = {
        "id": "job_1", "kind": kind, "state": JobState(state), "asked_by": "marta", "role": "admin", "reason": None,
        "filter": Filter(reason="no_sender"), "total": 1730, "done": 412, "outcomes": {"released": 412},
        "created_at": NOW, "started_at": NOW, "finished_at": None, "error": None, "seconds_left": None,
    }  # fmt: skip
    return Job(**usual | more)


@pytest.mark.parametrize(
    ("job", "said"),
    [
        (a_job(seconds_left=132.0), "412 of 1,730 released; done at about 11:40."),
        (
            a_job(seconds_left=86_400.0, outcomes={"released": 409, "not_parked_any_more": 3}),
            "412 of 1,730 looked at, 409 of them released; done at about 25 Nov, 11:38.",
        ),
        (a_job("waiting", seconds_left=120.0), "412 of 1,730 released; done at about 11:40."),
        (
            a_job("waiting", done=0, outcomes={}, seconds_left=120.0, total=14),
            "14 enrollments wait for a worker; done at about 11:40.",
        ),
        (a_job("waiting", done=0, outcomes={}, total=1), "1 enrollment waits for a worker."),
        (a_job("paused"), "Paused: 412 of 1,730 released. No worker goes on with it until it is resumed."),
        (a_job("cancelled"), "Cancelled: 412 of 1,730 released before that, and what is done stays done."),
        (
            a_job("failed", error="the log says more"),
            "Failed: 412 of 1,730 released before that. The log says more. It goes on there once it is resumed.",
        ),
        (a_job("done", total=412), "Done: 412 enrollments released."),
        (
            a_job("done", "cancel", total=14, done=14, outcomes={"cancelled": 12, "in_hand_or_over": 2}),
            "Done: 12 of 14 enrollments cancelled; 2 were left as they were.",
        ),
        (
            a_job("done", "release_as_rules_now", total=2, done=2, outcomes={"replaced": 1, "not_replaced": 1}),
            "Done: 1 of 2 enrollments replaced; 1 was left as it was.",
        ),
        (
            a_job("done", total=14, done=0, outcomes={}),
            "Done, and nothing was left to do: 14 enrollments had changed before their turn came.",
        ),
        (
            a_job("done", "replay_outbound", total=1, done=1, outcomes={"replayed": 1}),
            "Done: 1 outbound event made due again.",
        ),
        (a_job("done", "of_tomorrow", total=3, done=3, outcomes={"mended": 3}), "Done: 3 rows done."),
    ],
)
def test_each_state_has_its_sentence(job: Job, said: str) -> None:
    assert sentence(job, NOW, BERLIN) == said


def test_outcomes_are_in_words_the_wanted_one_first() -> None:
    job = a_job("done", total=20, done=14, outcomes={"not_parked_any_more": 11, "released": 3})
    assert [(one.words, one.count, one.code) for one in outcomes(job)] == [
        ("released", 3, "released"),
        ("not parked any more, and left alone", 11, "not_parked_any_more"),
        ("changed before their turn came, and left alone", 6, None),
    ]
    assert outcomes(a_job("running", done=0, outcomes={})) == ()


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_and_every_outcome_that_its_module_names_is_in_words(kind: str) -> None:
    module = import_module(f"app.bulk.kinds.{kind}")
    work = ast.parse(inspect.getsource(module.work))
    texts = {node.value for node in ast.walk(work) if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    codes = {text for text in texts if re.fullmatch("[a-z_]+", text)}
    assert kind in job_words.KINDS
    assert job_words.KINDS[kind].outcome in codes
    assert codes <= set(job_words.OUTCOMES)


def test_every_state_has_its_mark() -> None:
    assert set(job_words.MARKS) == set(JobState)


def test_the_filter_is_in_words() -> None:
    day = datetime(2026, 11, 23, tzinfo=UTC)
    given = Filter(reason="no_sender", sender="ben", states=("parked",), since=day, until=day + timedelta(days=1))
    job = a_job(filter=given)
    assert [(one.label, one.words, one.code) for one in narrowing(job, NOW, BERLIN)] == [
        ("Cause", "none of the senders that the rule names can be used", "no_sender"),
        ("Sender", "ben", None),
        ("State", "parked", None),
        ("Parked", "from 23 Nov, 01:00 until 24 Nov, 01:00", None),
    ]
    assert about(given) == "none of the senders that the rule names can be used; sender ben, 2026-11-23"
    waiting = a_job(kind="cancel", filter=Filter(rule="demo", states=("held", "ready"), since=day))
    assert [one.words for one in narrowing(waiting, NOW, BERLIN)] == ["demo", "held or ready", "from 23 Nov, 01:00"]
    assert narrowing(waiting, NOW, BERLIN)[-1].label == "Changed last"
    outbound = a_job(kind="replay_outbound", filter=Filter(endpoint="crm", states=("failed",), until=day))
    assert [(one.label, one.words) for one in narrowing(outbound, NOW, BERLIN)] == [
        ("Endpoint", "crm"), ("State", "failed"), ("Noted", "until 23 Nov, 01:00"),
    ]  # fmt: skip
