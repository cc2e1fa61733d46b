"""FIRST LOOK: what can be decided of enrollments in the transaction that claims them: who may be enrolled, and by whom.

What needs HubSpot's answer first, the contact's owner, is decided later.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from app.errors import FenceLost, SegueError
from app.model import CONTACT_OWNER, ENROLL
from app.senders.store import assign_all

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from app.database.direct import DirectConnection
    from app.enrollments.after_restore import Gap
    from app.enrollments.eligibility import Eligibility
    from app.errors import DeclinedError
    from app.model import Enrollment, Sender
    from app.senders.assign import Senders
    from app.senders.assignment import Assigned, Wanted

    GiveAhead = Callable[[DirectConnection, int], Awaitable[Callable[[], None]]]
    FindGaps = Callable[[DirectConnection | None, Sequence[str]], Awaitable[Mapping[str, tuple[Gap, ...]]]]


FEW = 5


def _nothing_more() -> None:
    """Stand for what follows a commit where nothing does."""


async def _none_ahead(_: DirectConnection, __: int) -> Callable[[], None]:
    """Give no permits ahead."""
    return _nothing_more


async def _no_gaps(_: DirectConnection | None, __: Sequence[str]) -> Mapping[str, tuple[Gap, ...]]:
    """Know of no restore."""
    return {}


class Seen(NamedTuple):
    """What was found: why the person may not be enrolled, else the sender, or why there is none.

    Neither: the sender is not looked for here. `gaps` are the times without a record that concern the enrollment.
    """

    declined: DeclinedError | None
    sender: Sender | SegueError | None
    gaps: tuple[Gap, ...]


class FirstLook:
    """Looks at enrollments as they are claimed, and keeps what it found for those that take them on.

    `permits` gives permits for requests to HubSpot in the same transaction; its result is called after the commit.
    `gaps` finds what a restored database has no record of.
    """

    def __init__(
        self,
        eligibility: Eligibility,
        senders: Senders,
        permits: GiveAhead = _none_ahead,
        gaps: FindGaps = _no_gaps,
    ) -> None:
        self.eligibility = eligibility
        self.senders = senders
        self._permits = permits
        self._find_gaps = gaps
        self._seen: dict[tuple[str, int], Seen] = {}

    async def look(self, connection: DirectConnection, claimed: Sequence[Enrollment]) -> Callable[[], None]:
        """Look at enrollments that the transaction of `connection` has claimed; call the result when it is committed.

        Where they are few, their requests to HubSpot get permits, too: one writes the contacts, one reads them, and one
        enrolls each.
        """
        gaps = await self._find_gaps(connection, [enrollment.id for enrollment in claimed])
        reasons = await self.eligibility.reasons_at_claim(connection, claimed)
        eligible = [one for one, reason in zip(claimed, reasons, strict=True) if reason is None and _is_assigned(one)]
        senders = await self._choose(connection, eligible)
        seen = {
            (one.id, one.attempt): Seen(reason, senders.get(one.id), gaps.get(one.id, ()))
            for one, reason in zip(claimed, reasons, strict=True)
        }
        sent = sum(not isinstance(sender, SegueError) for sender in senders.values())
        given = await self._permits(connection, 2 + sent) if 0 < sent <= FEW else _nothing_more

        def committed() -> None:
            self._seen |= seen  # Not before: a claim that is rolled back has chosen no sender.
            given()

        return committed

    async def _choose(
        self, connection: DirectConnection, eligible: Sequence[Enrollment]
    ) -> dict[str, Sender | SegueError]:
        """Return the sender of each enrollment by its id, or why it has none."""
        wanted = [await self.senders.wanted(enrollment, {}) for enrollment in eligible]
        new = {one for one in wanted if one.enrollment.sender is None}
        results = await assign_all(connection, wanted, new=new)
        return {one.enrollment.id: self._chosen(one, results[one]) for one in wanted}

    def _chosen(self, wanted: Wanted, result: Assigned | FenceLost) -> Sender | SegueError:
        try:
            return result if isinstance(result, FenceLost) else self.senders.chosen(wanted, result)
        except SegueError as error:
            return error

    async def ensure_eligible(self, enrollment: Enrollment) -> None:
        """Return when the person may be enrolled. Raises DeclinedError."""
        seen = self._seen.get((enrollment.id, enrollment.attempt))
        if seen is None:
            await self.eligibility.ensure_eligible(enrollment)
        elif seen.declined is not None:
            raise seen.declined

    async def gaps(self, enrollment: Enrollment) -> tuple[Gap, ...]:
        """Return the times without a record that concern this enrollment: the database was restored."""
        seen = self._seen.get((enrollment.id, enrollment.attempt))
        return (await self._find_gaps(None, [enrollment.id])).get(enrollment.id, ()) if seen is None else seen.gaps

    async def assign(self, enrollment: Enrollment, facts: Mapping[str, str | None]) -> Sender:
        """Return the sender. Raises what `Senders.assign` raises."""
        seen = self._seen.get((enrollment.id, enrollment.attempt))
        if seen is None or seen.sender is None:
            return await self.senders.assign(enrollment, facts)
        if isinstance(seen.sender, SegueError):
            raise seen.sender
        return seen.sender

    async def close(self) -> None:
        """Assign no more senders; an assignment that is under way is rolled back."""
        await self.senders.assignments.close()

    def forget(self, enrollment: Enrollment) -> None:
        """Drop what was found: the enrollment is done with."""
        self._seen.pop((enrollment.id, enrollment.attempt), None)


def _is_assigned(enrollment: Enrollment) -> bool:
    """Tell whether a sender is chosen for an enrollment before its contact is read."""
    plan = enrollment.plan
    sent_before = enrollment.sender is not None and enrollment.first_sending_at is not None
    return plan.action == ENROLL and plan.sender != CONTACT_OWNER and not sent_before
