"""A job as it is shown, what is shown before it begins, and what a kind of jobs is. Plain values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncConnection

    from app.bulk.estimate import Pace
    from app.bulk.filters import Allowed, Filter
    from app.bulk.states import JobState
    from app.intake.redecide import Redecider

COUNTED = 10_000  # rows are counted up to here; one more means "more than 10,000"
MORE_THAN_COUNTED = COUNTED + 1
FIRST = 10  # rows that are shown before a job begins


@dataclass(frozen=True, slots=True)
class Count:
    """How many rows match, up to a limit, and how many of them may have been sent to HubSpot before."""

    rows: int
    may_have_been_sent: int


@dataclass(frozen=True, slots=True)
class Preview:
    """What a job would be about. `count` is MORE_THAN_COUNTED where more match than are counted.

    `first` are the first ten rows in the order of the job, `seconds` is how long all of them would take (None where
    they were not all counted), and `most` is how many the role may ask for at once, None for any number.
    """

    kind: str
    filter: Filter
    count: int
    may_have_been_sent: int
    first: Sequence[Mapping[str, Any]]
    seconds: float | None
    most: int | None

    @property
    def is_more(self) -> bool:
        """Whether more match than are counted."""
        return self.count > COUNTED


@dataclass(frozen=True, slots=True)
class Job:
    """One job. `outcomes` counts the rows done by what became of each; `done` is their sum.

    `seconds_left` is an estimate, None where no worker goes on with it.
    """

    id: str
    kind: str
    state: JobState
    asked_by: str
    role: str | None
    reason: str | None
    filter: Filter
    total: int
    done: int
    outcomes: Mapping[str, int]
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    error: str | None
    seconds_left: float | None


@dataclass(frozen=True, slots=True)
class Wanted:
    """The rows of one job: those that match its filter, were so when it was asked, and have none of these reasons."""

    filter: Filter
    asked_at: datetime
    without: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Rows:
    """How a kind finds its rows: counts them, shows the first ones, and lists ids after a cursor in order."""

    count: Callable[[AsyncConnection, Wanted, int | None], Awaitable[Count]]
    first: Callable[[AsyncConnection, Wanted, int], Awaitable[Sequence[Mapping[str, Any]]]]
    find: Callable[[AsyncConnection, Wanted, str, int], Awaitable[list[str]]]


@dataclass(frozen=True, slots=True)
class Chunk:
    """One chunk at work: its rows, in the transaction that also moves the job on. `filter` is that of the job.

    `redecider` decides events again within that transaction.
    """

    connection: AsyncConnection
    job_id: str
    filter: Filter
    ids: Sequence[str]
    redecider: Callable[[AsyncConnection], Awaitable[Redecider]]


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of jobs. `work` does a chunk and returns how many rows had which outcome; all of its rows count.

    It is for rows that have changed since they were found, too: each row's own state decides what may be done.
    """

    name: str
    allowed: Allowed
    rows: Rows
    pace: Pace
    per_chunk: int
    work: Callable[[Chunk], Awaitable[Mapping[str, int]]]

    def wanted(self, given: Filter, asked_at: datetime) -> Wanted:
        """Return which rows a checked filter means."""
        return Wanted(given, asked_at, tuple(self.allowed.not_in_groups))
