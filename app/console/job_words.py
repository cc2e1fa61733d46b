"""What a job on many rows says of itself: how far it is, what became of the rows, and which rows it is about. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from app.bulk.states import JobState
from app.console.states import shown
from app.console.text import capital, day, moment, number
from app.enrollments.reasons import why
from app.model import State

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from zoneinfo import ZoneInfo

    from app.bulk.filters import Filter
    from app.bulk.job import Job


class KindWords(NamedTuple):
    """A kind in words: what is done, to what, and what has then been done; `outcome` is the code of that."""

    title: str
    one: str
    many: str
    done: str
    outcome: str


KINDS: Mapping[str, KindWords] = MappingProxyType(
    {
        "release_parked": KindWords("Release what is parked", "enrollment", "enrollments", "released", "released"),
        "release_as_rules_now": KindWords(
            "Release by the rules in force now", "enrollment", "enrollments", "replaced", "replaced"
        ),
        "cancel": KindWords("Cancel enrollments", "enrollment", "enrollments", "cancelled", "cancelled"),
        "replay_outbound": KindWords(
            "Send outbound events again", "outbound event", "outbound events", "made due again", "replayed"
        ),
    }
)
OUTCOMES: Mapping[str, str] = MappingProxyType(
    {
        "released": "released",
        "not_parked_any_more": "not parked any more, and left alone",
        "replaced": "decided again, and replaced by what the rules ask now",
        "not_replaced": "still parked: by the rules in force now, nothing takes their place",
        "cancelled": "cancelled",
        "in_hand_or_over": "in the hand of a worker or over, and left alone",
        "replayed": "made due again",
        "changed_meanwhile": "changed meanwhile, and left alone",
    }
)
MARKS: Mapping[JobState, str] = MappingProxyType(
    {
        JobState.WAITING: "wait",
        JobState.RUNNING: "wait",
        JobState.PAUSED: "look",
        JobState.DONE: "ok",
        JobState.CANCELLED: "no",
        JobState.FAILED: "bad",
    }
)
NAMES = ("rule", "sender", "source", "account", "endpoint")
LACKED = {"reason": "Recorded cause", "sender": "Sender"}


@dataclass(frozen=True, slots=True)
class Outcome:
    """How many rows came to the same; `code` is None for those whose turn never came."""

    words: str
    count: int
    code: str | None


@dataclass(frozen=True, slots=True)
class Narrowing:
    """One thing that the rows of a job have in common; `code` stands beside its words."""

    label: str
    words: str
    code: str | None = None


def words_of(kind: str) -> KindWords:
    """Return a kind in words; one of a newer version is called as it is."""
    return KINDS.get(kind) or KindWords(kind.replace("_", " ").capitalize(), "row", "rows", "done", "")


def sentence(job: Job, now: datetime, zone: ZoneInfo) -> str:
    """Return how far a job is, as `412 of 1,730 released; done at about 11:40`."""
    match job.state:
        case JobState.DONE:
            return _ended(job)
        case JobState.WAITING if not job.done:
            verb = "waits" if job.total == 1 else "wait"
            return f"{_all(job)} {verb} for a worker{_until(job, now, zone)}."
        case JobState.PAUSED:
            return f"Paused: {progress(job)}. No worker goes on with it until it is resumed."
        case JobState.CANCELLED:
            return f"Cancelled: {progress(job)} before that, and what is done stays done."
        case JobState.FAILED:
            return f"Failed: {progress(job)} before that. {_error(job)}It goes on there once it is resumed."
    return f"{capital(progress(job))}{_until(job, now, zone)}."


def progress(job: Job) -> str:
    """Return how many rows are done: `412 of 1,730 released`, `412 of 1,730 looked at, 409 of them released`."""
    words, reached = words_of(job.kind), _reached(job)
    of = f"{number(job.done)} of {number(job.total)}"
    return f"{of} {words.done}" if reached == job.done else f"{of} looked at, {number(reached)} of them {words.done}"


def outcomes(job: Job) -> tuple[Outcome, ...]:
    """Return what became of the rows, and how many had changed before their turn in a job that is done."""
    found = sorted(job.outcomes.items(), key=lambda one: (one[0] != words_of(job.kind).outcome, -one[1]))
    named = tuple(Outcome(OUTCOMES.get(code, code.replace("_", " ")), count, code) for code, count in found if count)
    left = job.total - job.done
    if job.state is JobState.DONE and left:
        return (*named, Outcome("changed before their turn came, and left alone", left, None))
    return named


def narrowing(job: Job, now: datetime, zone: ZoneInfo) -> tuple[Narrowing, ...]:
    """Return which rows a job is about."""
    given, found = job.filter, []
    if given.reason is not None:
        found.append(Narrowing("Cause", _cause(given.reason), given.reason))
    found += [Narrowing(name.capitalize(), value) for name in NAMES if (value := getattr(given, name)) is not None]
    found += [Narrowing(LACKED[name], "none") for name in given.lacks if name in LACKED]
    if given.states:
        found.append(Narrowing("State", " or ".join(shown(state)[1] for state in given.states)))
    if given.since or given.until:
        found.append(Narrowing(_when(given), _between(given, now, zone)))
    return tuple(found)


def about(given: Filter) -> str:
    """Return shortly which rows a filter means: `the inbox is not connected; sender ben`."""
    named = [f"{name} {value}" for name in NAMES if (value := getattr(given, name)) is not None]
    days = [f"{given.since:%Y-%m-%d}"] if given.since else []
    lacks = [f"no {name}" for name in given.lacks]
    cause = _cause(given.reason) if given.reason else ""
    return "; ".join(part for part in (cause, ", ".join(named + lacks + days)) if part)


def _cause(reason: str) -> str:
    return why(State.PARKED, reason, name="the person").clause


def _ended(job: Job) -> str:
    words, reached = words_of(job.kind), _reached(job)
    if not job.done and job.total:
        return f"Done, and nothing was left to do: {_all(job)} had changed before {_its(job)} turn came."
    if reached == job.total:
        return f"Done: {_all(job)} {words.done}."
    left = job.total - reached
    were = "was left as it was" if left == 1 else "were left as they were"
    return f"Done: {number(reached)} of {_all(job)} {words.done}; {number(left)} {were}."


def _all(job: Job) -> str:
    words = words_of(job.kind)
    return f"{number(job.total)} {words.one if job.total == 1 else words.many}"


def _its(job: Job) -> str:
    return "its" if job.total == 1 else "their"


def _reached(job: Job) -> int:
    outcome = words_of(job.kind).outcome
    return job.outcomes.get(outcome, 0) if outcome else job.done


def _until(job: Job, now: datetime, zone: ZoneInfo) -> str:
    if job.seconds_left is None:
        return ""
    return f"; done at about {moment(now + timedelta(seconds=job.seconds_left), now, zone)}"


def _error(job: Job) -> str:
    return f"{capital(job.error)}. " if job.error else ""


def _when(given: Filter) -> str:
    if given.endpoint:
        return "Noted"
    return "Parked" if given.states == (State.PARKED,) else "Changed last"


def _between(given: Filter, now: datetime, zone: ZoneInfo) -> str:
    begin = f"from {_exactly(given.since, now, zone)}" if given.since else ""
    end = f"until {_exactly(given.until, now, zone)}" if given.until else ""
    return f"{begin} {end}".strip()


def _exactly(at: datetime, now: datetime, zone: ZoneInfo) -> str:
    return f"{day(at, now, zone)}, {at.astimezone(zone):%H:%M}"
