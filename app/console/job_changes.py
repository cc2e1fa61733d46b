"""What an operator does with a job, by the functions that the API calls: pause it, resume it, cancel it."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import structlog

from app.bulk.job_store import BulkJobStore
from app.bulk.states import Move, after
from app.console.job_words import sentence, words_of
from app.console.page import ROOT, Confirm, Done, Pages, Visit, not_there
from app.errors import JobNotMovable
from app.web.job_problems import job_problems

if TYPE_CHECKING:
    from app.bulk.job import Job
    from app.bulk.states import JobState
    from app.console.context import Console


class MoveWords(NamedTuple):
    """A move in words: the verb, what follows, and what is said once it is done."""

    verb: str
    follows: str
    done: str


WORDS = {
    Move.PAUSE: MoveWords(
        "Pause",
        "The rows in the hand of a worker are finished, a second or two. Then nothing goes on until it is resumed.",
        "Paused.",
    ),
    Move.RESUME: MoveWords("Resume", "A worker goes on with it where it was.", "Resumed."),
    Move.CANCEL: MoveWords(
        "Cancel",
        "What it has done stays done. What is left stays as it is, and the job cannot be resumed.",
        "Cancelled. What it has done stays done.",
    ),
}

log = structlog.get_logger(__name__)


def add(pages: Pages, console: Console) -> None:
    """Add the three changes."""
    shows, moves = BulkJobStore(console.reads), BulkJobStore(console.process.engine)
    for move in WORDS:
        pages.change(f"/jobs/{{job_id}}/{move}", partial(_ask, shows, move), partial(_move, moves, move))


def refusal(state: JobState, move: Move) -> str | None:
    """Return why a job in this state cannot be moved so, None where it can."""
    try:
        after(state, move)
    except JobNotMovable as error:
        return str(error)
    return None


def movable(job: Job) -> tuple[Move, ...]:
    """Return what can be done with a job in its state."""
    return tuple(move for move in WORDS if refusal(job.state, move) is None)


async def _ask(store: BulkJobStore, move: Move, visit: Visit) -> Confirm:
    job = await store.one(visit.parameters["job_id"])
    if job is None:
        raise not_there("job with this id")
    words, why_not = WORDS[move], refusal(job.state, move)
    return Confirm(
        title=f"{words.verb} the job “{words_of(job.kind).title}”?",
        button=f"{words.verb} it",
        back=f"{ROOT}/jobs/{job.id}",
        consequences=(sentence(job, visit.now, visit.zone), *(() if why_not else (words.follows,))),
        count=max(0, job.total - job.done),
        grave=move is Move.CANCEL,
        impossible=why_not,
    )


async def _move(store: BulkJobStore, move: Move, visit: Visit) -> Done:
    moves = {Move.PAUSE: store.pause, Move.RESUME: store.resume, Move.CANCEL: store.cancel}
    with job_problems():
        job = await moves[move](visit.parameters["job_id"])
    if job is None:
        raise not_there("job with this id")
    log.info("bulk.job_moved", job_id=job.id, state=job.state)
    return Done(f"{ROOT}/jobs/{job.id}", WORDS[move].done)
