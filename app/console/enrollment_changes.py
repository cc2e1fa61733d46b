"""What an operator changes of one enrollment, by the functions that the API calls: release it, cancel it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import structlog

from app.console.enrollment_words import person_of, receipt_of
from app.console.page import REASON, ROOT, Confirm, Done, Field, Pages, Visit, not_there
from app.console.receipts.enrollment import MAYBE_SENT
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
    from app.reports.enrollments_store import EnrollmentReads, One

AGAIN = Field(
    "as_rules_now",
    "By the rules in force now: decide its event again, and let the new enrollment take its place",
    kind="check",
)

log = structlog.get_logger(__name__)


def add(pages: Pages, console: Console, reads: EnrollmentReads) -> None:
    """Add both changes."""
    path, changes = "/enrollments/{enrollment_id}", _Changes(console, reads)
    pages.change(f"{path}/release", changes.ask_release, changes.release, Role.OPERATOR)
    pages.change(f"{path}/cancel", changes.ask_cancel, changes.cancel, Role.OPERATOR)


def may_be_released(row: Mapping[str, Any]) -> bool:
    """Return whether a person can release the enrollment in its state."""
    return bool(row["state"] == State.PARKED)


def may_be_cancelled(row: Mapping[str, Any]) -> bool:
    """Return whether a person can cancel the enrollment in its state."""
    return row["state"] in CANCELLABLE


@dataclass(frozen=True, slots=True)
class _Changes:
    console: Console
    reads: EnrollmentReads

    @property
    def store(self) -> EnrollmentOperatorStore:
        """What releases and cancels."""
        return EnrollmentOperatorStore(self.console.process.engine)

    async def ask_release(self, visit: Visit) -> Confirm:
        one = await self._named(visit)
        state = shown(one.row["state"])[1]
        return Confirm(
            title=f"Release the enrollment of {person_of(one.row)}?",
            button="Release it",
            back=_url(one.row["id"]),
            consequences=(
                *self._stands(one, visit),
                "It is tried again at once, with what its rule said when its event came.",
                *_maybe_sent(one),
            ),
            fields=(AGAIN, REASON),
            impossible=None if may_be_released(one.row) else f"It is {state}: only what is parked is released.",
        )

    async def ask_cancel(self, visit: Visit) -> Confirm:
        one = await self._named(visit)
        state = shown(one.row["state"])[1]
        return Confirm(
            title=f"Cancel the enrollment of {person_of(one.row)}?",
            button="Cancel it",
            back=_url(one.row["id"]),
            consequences=(
                *self._stands(one, visit),
                "Nothing is sent any more, and it cannot be released afterwards.",
                f"The person's intent {'stays taken' if one.row['may_have_been_sent'] else 'is free again'}.",
                *_maybe_sent(one),
            ),
            grave=True,
            impossible=None
            if may_be_cancelled(one.row)
            else f"It is {state}: only what waits or is parked is cancelled.",
        )

    async def release(self, visit: Visit) -> Done:
        id_ = visit.parameters["enrollment_id"]
        if visit.form.get(AGAIN.name) == "yes":
            return await self._released_as_rules_now(id_)
        if not await self.store.release(id_):
            raise Problem(409, "wrong-state", "It is not parked any more, and cannot be released.")
        log.info("enrollment.intervened", enrollment_id=id_, told="released")
        return Done(_url(id_), "Released. It is tried again at once.")

    async def cancel(self, visit: Visit) -> Done:
        id_ = visit.parameters["enrollment_id"]
        if not await self.store.cancel(id_):
            raise Problem(409, "wrong-state", "It has gone on meanwhile, and cannot be cancelled any more.")
        log.info("enrollment.intervened", enrollment_id=id_, told="cancelled")
        return Done(_url(id_), "Cancelled. Nothing is sent.")

    async def _released_as_rules_now(self, id_: str) -> Done:
        released = await release_as_rules_now(await redecider(self.console.process), id_, by=BY_API)
        if released.enrollment_id is None:
            raise Problem(409, "wrong-state", f"It was not released: {released.detail}.")
        return Done(
            _url(released.enrollment_id), "Decided again by the rules in force: this enrollment took its place."
        )

    async def _named(self, visit: Visit) -> One:
        found = await self.reads.one(visit.parameters["enrollment_id"])
        if found is None:
            raise not_there("enrollment with this id")
        return found

    def _stands(self, one: One, visit: Visit) -> tuple[str, ...]:
        """Return where it stands, and what to do about it first."""
        said = receipt_of(one, self.console.process.current_rulebook(), visit)
        return (*said.sentences, said.do) if said.do else said.sentences


def _maybe_sent(one: One) -> tuple[str, ...]:
    return (MAYBE_SENT,) if one.row["may_have_been_sent"] else ()


def _url(id_: str) -> str:
    return f"{ROOT}/enrollments/{id_}"
