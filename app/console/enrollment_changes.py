"""What an operator changes of one enrollment, by the functions that the API calls: release it, cancel it."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import structlog

from app.console.enrollment_facts import facts_of, may_have_been_sent, person_of
from app.console.page import REASON, ROOT, Confirm, Done, Field, Pages, Visit, not_there
from app.console.receipts.enrollment import MAYBE_SENT, receipt
from app.console.receipts.wording import Clock
from app.console.states import shown
from app.enrollments.operator_store import CANCELLABLE, EnrollmentOperatorStore
from app.intake.redecide import BY_API
from app.intake.release import release_as_rules_now
from app.intake.wiring import redecider
from app.model import State
from app.operators import Role
from app.web.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Mapping

    from app.console.context import Console
    from app.reports.enrollments_store import EnrollmentReads

AGAIN = Field(
    "as_rules_now",
    "By the rules in force now: decide its event again, and let the new enrollment take its place",
    kind="check",
)

log = structlog.get_logger(__name__)


def add(pages: Pages, console: Console, reads: EnrollmentReads) -> None:
    """Add both changes."""
    store, path = EnrollmentOperatorStore(console.process.engine), "/enrollments/{enrollment_id}"
    ask_release, ask_cancel = partial(_ask_release, reads), partial(_ask_cancel, reads)
    pages.change(f"{path}/release", ask_release, partial(_release, console, store), Role.OPERATOR)
    pages.change(f"{path}/cancel", ask_cancel, partial(_cancel, store), Role.OPERATOR)


def may_be_released(row: Mapping[str, Any]) -> bool:
    """Return whether a person can release the enrollment in its state."""
    return bool(row["state"] == State.PARKED)


def may_be_cancelled(row: Mapping[str, Any]) -> bool:
    """Return whether a person can cancel the enrollment in its state."""
    return row["state"] in CANCELLABLE


async def _ask_release(reads: EnrollmentReads, visit: Visit) -> Confirm:
    row = await _row(reads, visit)
    sent = (MAYBE_SENT,) if may_have_been_sent(row) else ()
    return Confirm(
        title=f"Release the enrollment of {person_of(row)}?",
        button="Release it",
        back=_url(row["id"]),
        consequences=(
            *_stands(row, visit),
            "It is tried again at once, with what its rule said when its event came.",
            *sent,
        ),
        fields=(AGAIN, REASON),
        impossible=None
        if may_be_released(row)
        else f"It is {shown(row['state'])[1]}: only what is parked is released.",
    )


async def _ask_cancel(reads: EnrollmentReads, visit: Visit) -> Confirm:
    row = await _row(reads, visit)
    intent = "The person's intent stays taken." if may_have_been_sent(row) else "The person's intent is free again."
    return Confirm(
        title=f"Cancel the enrollment of {person_of(row)}?",
        button="Cancel it",
        back=_url(row["id"]),
        consequences=(
            *_stands(row, visit),
            f"Nothing is sent any more, and it cannot be released afterwards. {intent}",
            *((MAYBE_SENT,) if may_have_been_sent(row) else ()),
        ),
        grave=True,
        impossible=None
        if may_be_cancelled(row)
        else f"It is {shown(row['state'])[1]}: only what waits or is parked is cancelled.",
    )


async def _release(console: Console, store: EnrollmentOperatorStore, visit: Visit) -> Done:
    id_ = visit.parameters["enrollment_id"]
    if visit.form.get(AGAIN.name) == "yes":
        released = await release_as_rules_now(await redecider(console.process), id_, by=BY_API)
        if released.enrollment_id is None:
            raise Problem(409, "wrong-state", f"It was not released: {released.detail}.")
        return Done(
            _url(released.enrollment_id), "Decided again by the rules in force. This enrollment took its place."
        )
    if not await store.release(id_):
        raise Problem(409, "wrong-state", "It is not parked any more, and cannot be released.")
    log.info("enrollment.intervened", enrollment_id=id_, told="released")
    return Done(_url(id_), "Released. It is tried again at once.")


async def _cancel(store: EnrollmentOperatorStore, visit: Visit) -> Done:
    id_ = visit.parameters["enrollment_id"]
    if not await store.cancel(id_):
        raise Problem(409, "wrong-state", "It has gone on meanwhile, and cannot be cancelled any more.")
    log.info("enrollment.intervened", enrollment_id=id_, told="cancelled")
    return Done(_url(id_), "Cancelled. Nothing is sent.")


async def _row(reads: EnrollmentReads, visit: Visit) -> Mapping[str, Any]:
    found = await reads.one(visit.parameters["enrollment_id"])
    if found is None:
        raise not_there("enrollment with this id")
    return found[0]


def _stands(row: Mapping[str, Any], visit: Visit) -> tuple[str, ...]:
    """Return where it stands, and what to do about it first."""
    said = receipt(facts_of(row), Clock(visit.zone, visit.now))
    return (*said.sentences, said.do) if said.do else said.sentences


def _url(id_: str) -> str:
    return f"{ROOT}/enrollments/{id_}"
