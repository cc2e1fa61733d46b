"""What an operator does about one person, by the functions that the API calls: cancel what waits, suppress."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import structlog

from app import errors
from app.audit.act import about
from app.console.page import ROOT, Confirm, Done, MoreThanShown, Pages, Row, Visit, shown_count
from app.console.person_facts import waiting_of
from app.console.receipts.of_rows import target_of_row
from app.console.states import shown
from app.console.suppression_changes import sample_of, waits_for
from app.console.text import exactly, masked
from app.enrollments.operator_store import EnrollmentOperatorStore
from app.operators import Role
from app.people.suppression import Suppression, read
from app.people.suppression_store import SuppressionStore
from app.people.waiting_store import waiting_for
from app.web.problems import Problem

if TYPE_CHECKING:
    from app.catalogue.listing_store import Names
    from app.console.context import Console
    from app.console.people import People
    from app.reports.person_store import PersonStore, Standing

SAMPLE = 10
LONGEST_REASON = 1000
UNUSABLE = "This is no usable address: nothing is ever enrolled by it."

log = structlog.get_logger(__name__)


def add(pages: Pages, console: Console, people: People, reads: PersonStore) -> None:
    """Add both changes."""
    changes = _Changes(console, people, reads)
    pages.change("/people/{person}/cancel", changes.ask_cancel, changes.cancel, Role.OPERATOR)
    pages.change("/people/{person}/suppress", changes.ask_suppress, changes.suppress, Role.OPERATOR)


@dataclass(frozen=True, slots=True)
class _Changes:
    console: Console
    people: People
    reads: PersonStore

    @property
    def operators(self) -> EnrollmentOperatorStore:
        """What cancels."""
        return EnrollmentOperatorStore(self.console.process.engine)

    async def ask_cancel(self, visit: Visit) -> Confirm:
        address = await self.people.named(visit)
        standing, names = await self.reads.standing(address, self.console.process.current_rulebook())
        return _asked_cancel(masked(address), await self.operators.count_waiting(address), standing, names, visit)

    async def cancel(self, visit: Visit) -> Done:
        address = await self.people.named(visit)
        about(await self.people.hashed(address))
        try:
            count = await self.operators.cancel_of_person(address, expected=shown_count(visit.form))
        except errors.MoreThanShown as error:
            raise MoreThanShown from error
        log.info("enrollments.cancelled", count=count, rule=None)
        return Done(self.people.url(visit), f"{exactly(count, 'enrollment')} cancelled. Nothing of it is sent.")

    async def ask_suppress(self, visit: Visit) -> Confirm:
        address = await self.people.named(visit)
        confirm = _asked_suppress(address, self.people.url(visit))
        if (entry := entry_of(address)) is None:
            return replace(confirm, impossible=UNUSABLE)
        found = await waiting_for(self.console.reads, [entry])
        said = (*confirm.consequences, waits_for(found, "it"))
        return replace(confirm, consequences=said, count=found.count, sample=sample_of(found, visit))

    async def suppress(self, visit: Visit) -> Done:
        address = await self.people.named(visit)
        about(await self.people.hashed(address))
        if (entry := entry_of(address)) is None:
            raise Problem(409, "not-possible", UNUSABLE)
        reason = visit.form.get("reason", "").strip()[:LONGEST_REASON]
        kept = await SuppressionStore(self.console.process.engine).add(entry, reason or None)
        log.info("suppression.added", kind=kept["kind"], added=kept["added"])
        done = "is suppressed now" if kept["added"] else "was suppressed before, and still is"
        return Done(self.people.url(visit), f"{masked(address)} {done}.")


def entry_of(address: str) -> Suppression | None:
    """Return the entry that suppresses an address, None where it is no usable one."""
    try:
        return read(address)
    except ValueError:
        return None


def _asked_cancel(name: str, count: int, standing: Standing, names: Names, visit: Visit) -> Confirm:
    rows = tuple(
        Row(target_of_row(one, names), f"{ROOT}/enrollments/{one['id']}", shown(one["state"])[1])
        for one in waiting_of(standing)[:SAMPLE]
    )
    return Confirm(
        title=f"Cancel what waits for {name}?",
        button=f"Cancel {exactly(count, 'enrollment')}",
        back=f"{ROOT}/people/{visit.parameters['person']}",
        consequences=()
        if not count
        else (
            "What is held or ready is cancelled, and cannot be released afterwards. Nothing of it is sent.",
            "What is on its way to HubSpot goes on, and what is parked stays parked. Later events enroll as before.",
        ),
        count=count,
        sample=rows,
        grave=True,
        impossible=None if count else "Nothing waits for this person that could be cancelled.",
    )


def _asked_suppress(address: str, back: str) -> Confirm:
    return Confirm(
        title=f"Suppress {masked(address)}?",
        button="Suppress this address",
        back=back,
        consequences=(
            "The address is never enrolled from now on, in any account.",
            "What waits for it is refused when it is due; what runs in HubSpot goes on.",
        ),
    )
