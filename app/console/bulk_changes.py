"""What an operator changes of many enrollments: asked with the count, and begun as a job by what the API calls."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

import structlog
from pydantic import BaseModel, Field

from app import errors
from app.audit.act import about, current
from app.bulk.ask_store import BulkAskStore
from app.bulk.filters import LONGEST, Filter
from app.bulk.job import MORE_THAN_COUNTED
from app.console.bulk_words import AS_RULES_NOW, confirm
from app.console.job_words import words_of
from app.console.lists import with_query
from app.console.page import ROOT, Confirm, Done, MoreThanShown, Pages, Visit, shown_count
from app.console.parked_query import Narrowed
from app.console.parked_words import EACH, NO_CAUSE, PARKED, UNKNOWN, cause_of, one_by_one
from app.console.text import exactly
from app.ids import Ids
from app.model import State
from app.web.fields import STORABLE
from app.web.job_problems import job_problems
from app.web.problems import Problem

if TYPE_CHECKING:
    from app.console.context import Console

WAITING = (State.HELD, State.READY)
CANCELLED = "Nothing is sent for them any more, and they cannot be released afterwards."
INTENTS = "The intents of those that were not sent are free again."
RELEASED = (
    "A worker tries them again one after the other, with what their rules said when their events came. One whose cause "
    "still holds is parked again."
)
ALREADY = "This was asked for before, and is not over yet: this job does it. No other one was begun."
NOT_THESE = "Those that are looked at one by one are left alone."
EVERYWHEN = "Held and ready ones of any time are meant. What a worker has in hand goes on."
PARKED_ONES = "Parked ones of any time are meant."

log = structlog.get_logger(__name__)


class Waiting(BaseModel, extra="forbid"):
    """Which waiting enrollments are to be cancelled; without a state those that are held and those that are ready."""

    rule: str | None = Field(None, max_length=LONGEST, pattern=STORABLE)
    source: str | None = Field(None, max_length=LONGEST, pattern=STORABLE)
    sender: str | None = Field(None, max_length=LONGEST, pattern=STORABLE)
    reason: str | None = Field(None, max_length=LONGEST, pattern=STORABLE)
    state: State | None = None

    def filter(self) -> Filter:
        """Return the filter of the job."""
        states = tuple(map(str, (self.state,) if self.state else WAITING))
        return Filter(reason=self.reason, rule=self.rule, sender=self.sender, source=self.source, states=states)


@dataclass(frozen=True, slots=True)
class Asking:
    """Shows what jobs would be about by the connections of the pages, and begins them by those of the process."""

    shows: BulkAskStore
    begins: BulkAskStore


def asking(console: Console) -> Asking:
    """Return it."""
    return Asking(BulkAskStore(console.reads, Ids()), BulkAskStore(console.process.engine, Ids()))


def add_parked(pages: Pages, console: Console) -> None:
    """Add the changes of a group of parked enrollments."""
    store = asking(console)
    pages.change("/parked/release", partial(ask_release, store), partial(release, store))
    pages.change("/parked/cancel", partial(ask_cancel, store), partial(cancel, store))


def add_waiting(pages: Pages, console: Console) -> None:
    """Add the cancel of waiting enrollments."""
    store = asking(console)
    pages.change("/enrollments/cancel", partial(ask_cancel_waiting, store), partial(cancel_waiting, store))


async def ask_release(store: Asking, visit: Visit) -> Confirm:
    """Ask whether a group is to be released."""
    group = visit.query(Narrowed)
    if one_by_one(group.reason):
        return _each(group, "Release")
    others = () if "reason" in dict(group.shown()) else (NOT_THESE,)
    said = (*_parked_for(group), RELEASED, *others)
    return await _shown(store, "release_parked", group.filter(), visit, what="parked enrollment", said=said)


async def release(store: Asking, visit: Visit) -> Done:
    """Begin to release a group, by its own rules, or by those in force."""
    again = visit.form.get(AS_RULES_NOW.name) == "yes"
    kind = "release_as_rules_now" if again else "release_parked"
    return await _begun(store, kind, visit.query(Narrowed).filter(), visit)


async def ask_cancel(store: Asking, visit: Visit) -> Confirm:
    """Ask whether a group is to be cancelled."""
    group = visit.query(Narrowed)
    if one_by_one(group.reason):
        return _each(group, "Cancel")
    said = (*_parked_for(group), CANCELLED, INTENTS)
    return await _shown(store, "cancel", _parked(group), visit, what="parked enrollment", said=said)


async def cancel(store: Asking, visit: Visit) -> Done:
    """Begin to cancel a group."""
    group = visit.query(Narrowed)
    if one_by_one(group.reason):
        raise Problem(409, "one-by-one", EACH)
    return await _begun(store, "cancel", _parked(group), visit)


async def ask_cancel_waiting(store: Asking, visit: Visit) -> Confirm:
    """Ask whether waiting enrollments are to be cancelled."""
    given = visit.query(Waiting)
    if given.state is State.PARKED and one_by_one(given.reason):
        return _each(Narrowed(reason=given.reason), "Cancel")
    said = (PARKED_ONES if given.state is State.PARKED else EVERYWHEN, CANCELLED, INTENTS)
    what = f"{given.state or 'waiting'} enrollment"
    return await _shown(store, "cancel", given.filter(), visit, what=what, said=said)


async def cancel_waiting(store: Asking, visit: Visit) -> Done:
    """Begin to cancel waiting enrollments."""
    given = visit.query(Waiting)
    if given.state is State.PARKED and one_by_one(given.reason):
        raise Problem(409, "one-by-one", EACH)
    return await _begun(store, "cancel", given.filter(), visit)


async def _shown(store: Asking, kind: str, given: Filter, visit: Visit, *, what: str, said: tuple[str, ...]) -> Confirm:
    with job_problems():
        preview = await store.shows.preview(kind, given, role=visit.visitor.role)
    verb = "Cancel" if kind == "cancel" else "Release"
    back = PARKED if visit.path.startswith(f"{PARKED}/") else f"{ROOT}/enrollments"
    return confirm(preview, visit, verb=verb, what=what, back=with_query(back, dict(visit.asked)), said=said)


async def _begun(store: Asking, kind: str, given: Filter, visit: Visit) -> Done:
    """Begin a job on what matches, and lead to its page."""
    act, shown = current(), min(shown_count(visit.form), MORE_THAN_COUNTED)
    if act is None:
        raise AssertionError("the site lets no change be made without its act")
    with job_problems():
        try:
            job = await store.begins.ask(kind, given, expected_count=shown, reason=act.reason, act=act)
        except errors.MoreThanShown as error:
            raise MoreThanShown from error
        except errors.AlreadyAsked as error:
            about(error.job_id)
            return Done(f"{ROOT}/jobs/{error.job_id}", ALREADY)
    log.info("bulk.job_asked", job_id=job.id, kind=job.kind, count=job.total)
    words = words_of(kind)
    begun = f"Begun: {words.title[:1].lower()}{words.title[1:]}, {exactly(job.total, words.one, words.many)}."
    return Done(f"{ROOT}/jobs/{job.id}", begun)


def _parked(group: Narrowed) -> Filter:
    return replace(group.filter(), states=(State.PARKED,))


def _parked_for(group: Narrowed) -> tuple[str, ...]:
    """Return why they are parked and what to do first, where all are for one reason, and what else narrows them."""
    cause = cause_of(group.reason)
    others = [
        f"no {name}" if name in group.lacking() else f"the {name} {value}"
        for name, value in group.shown()
        if name != "reason"
    ]
    only = (f"Only those of {' and '.join(others)} are meant.",) if others else ()
    if cause is None:
        return (NO_CAUSE, UNKNOWN, *only) if "reason" in group.lacking() else only
    return (f"They are parked: {cause.clause}.", *((f"First: {cause.do}",) if cause.do else ()), *only)


def _each(group: Narrowed, verb: str) -> Confirm:
    back = with_query(PARKED, group.named())
    return Confirm(f"{verb} these one by one", verb, back, (), impossible=EACH, fields=())
