"""What an operator may do: release parked enrollments, cancel those that have not been sent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import text

from app.audit.act import forget_notes
from app.audit.store import note
from app.database.engine import busy_when_gone
from app.database.fragments import MAY_HAVE_BEEN_SENT, ONE_AFTER_THE_OTHER
from app.database.listen import ENROLLMENTS_READY
from app.enrollments.one_per_person_statements import RELEASE_PEOPLE
from app.enrollments.statements import HOLDER, free_intents
from app.errors import MoreThanShown
from app.model import State

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import TextClause
    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

CANCELLABLE = (State.HELD, State.READY, State.PARKED)


# An operator who releases one `unsettled` enrollment by its id has looked at it and decides that it may be sent. All
# others with an unknown outcome count as re-sent, so they are sent only where HubSpot shows that nothing has changed
# since. HubSpot does not show who is in a workflow: those enrollments (`no_outcome`) are released only one by one.
# An unenroll workflow that did not finish is started anew; one that may still be running is waited for.
# One that was parked after a restore is sent, too, where it was released by its id; all others are compared anew.
def _release(which: str) -> TextClause:
    """Return the statement that releases the parked enrollments for which the condition `which` holds."""
    return text(f"""
        WITH found AS MATERIALIZED (
            SELECT id FROM enrollments WHERE state = 'parked' AND {which} FOR UPDATE
        ), turns AS (
            SELECT id, {ONE_AFTER_THE_OTHER} + make_interval(secs => :later) AS due_at FROM found
        ), moved AS (
            UPDATE enrollments SET state = 'ready', reason = NULL, detail = NULL, step = NULL, tries = 0, reads = 0,
                   resends = CASE WHEN first_sending_at IS NULL THEN 0
                                  WHEN reason = 'unsettled' AND enrollments.id = :id THEN 0 ELSE 1 END,
                   first_failed_at = NULL, due_at = turns.due_at,
                   restores_seen = CASE WHEN reason = 'after_restore' AND enrollments.id = :id
                                        THEN COALESCE((SELECT max(number) FROM restores), 0) ELSE restores_seen END,
                   triggered_at = CASE WHEN COALESCE(reason, '') NOT IN ('unenroll_unfinished', 'no_outcome')
                                            AND triggered_until > clock_timestamp() THEN triggered_at END,
                   updated_at = clock_timestamp()
            FROM turns WHERE enrollments.id = turns.id
            RETURNING enrollments.id, attempt
        ), noted AS (
            INSERT INTO journal (enrollment_id, at, before, after, attempt, cause, detail)
            SELECT id, clock_timestamp(), 'parked', 'ready', attempt, 'released_by_operator', CAST(:job AS text)
            FROM moved
        )
        SELECT id, pg_notify(CAST(:channel AS text), '') FROM moved
    """)  # noqa: S608  # the only text put in are constants


RELEASE = _release("""
    (CAST(:id AS text) IS NULL OR id = :id)
    AND (CAST(:reason AS text) IS NULL OR reason = :reason) AND (CAST(:rule AS text) IS NULL OR rule = :rule)
    AND (CAST(:sender AS text) IS NULL OR sender = :sender)
    AND (CAST(:id AS text) IS NOT NULL OR reason IS DISTINCT FROM 'no_outcome')
    ORDER BY id LIMIT :batch
""")
# Those of a job's chunk that are still parked; none of them was looked at, so none is released as if by its id.
RELEASE_THESE = _release("id = ANY(CAST(:ids AS text[])) AND reason IS DISTINCT FROM 'no_outcome' ORDER BY id")


def _cancel(which: str) -> TextClause:
    """Return the statement that cancels the enrollments for which the condition `which` holds."""
    return text(f"""
        WITH found AS MATERIALIZED (
            SELECT {HOLDER}, state, attempt, {MAY_HAVE_BEEN_SENT} AS sent FROM enrollments WHERE {which} FOR UPDATE
        ), moved AS (
            UPDATE enrollments SET state = 'cancelled', reason = 'by_operator', updated_at = clock_timestamp(),
                   detail = CASE WHEN found.state = 'parked' THEN detail END  -- what it waited for is over
            FROM found WHERE enrollments.id = found.id
        ), {free_intents("found")}
        INSERT INTO journal (enrollment_id, at, before, after, attempt, cause, detail)
        SELECT id, clock_timestamp(), state, 'cancelled', attempt, 'cancelled_by_operator', CAST(:job AS text)
        FROM found
        RETURNING enrollment_id, before
    """)  # noqa: S608  # the only text put in are constants


# The row is locked first: a worker that is about to claim it either has it already, and then no row is returned, or
# finds it cancelled.
CANCEL = _cancel("id = :id AND state = ANY(:states)")

# Those of a job's chunk that are still in one of its states.
CANCEL_THESE = _cancel("id = ANY(CAST(:ids AS text[])) AND state = ANY(CAST(:states AS text[])) ORDER BY id")

# Cancels all waiting enrollments of one person or one rule. A transaction that has locked such a row for a moment (it
# releases, holds or claims it) is waited for; then the row is cancelled unless it is working. Every statement that
# waits for many rows locks them in the order of their ids.
CANCEL_WAITING = _cancel("""
    state IN ('held', 'ready')
    AND (CAST(:email AS text) IS NULL OR email = :email) AND (CAST(:rule AS text) IS NULL OR rule = :rule)
    ORDER BY id LIMIT :batch
""")

COUNT_WAITING = text("SELECT count(*) FROM enrollments WHERE state IN ('held', 'ready') AND email = :email")

BATCH = 1000
RELEASED_PER_SECOND = 10


class EnrollmentOperatorStore:
    """Releases and cancels enrollments. Every method raises Busy while the database cannot be reached."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def release(self, enrollment_id: str) -> bool:
        """Make a parked enrollment ready again; return whether there was one."""
        return await self._release(later=0.0, batch=1, id=enrollment_id) == 1

    async def release_parked(self, *, reason: str | None, rule: str | None, sender: str | None) -> int:
        """Make all matching parked enrollments ready, one after the other; return how many.

        Raises ValueError where nothing is named.
        """
        _require_filter(reason, rule, sender)
        released, count = 0, BATCH
        while count == BATCH:
            later = released / RELEASED_PER_SECOND
            count = await self._release(later=later, batch=BATCH, reason=reason, rule=rule, sender=sender)
            released += count
        return released

    async def _release(self, *, later: float, batch: int, **filters: str | None) -> int:
        no_filter: dict[str, str | None] = {"id": None, "reason": None, "rule": None, "sender": None, "job": None}
        values = {"channel": ENROLLMENTS_READY, "later": later, "batch": batch}
        with busy_when_gone():
            async with self._engine.begin() as connection:
                moved = [row.id for row in await connection.execute(RELEASE, no_filter | filters | values)]
                if moved:
                    await note(connection, **_moved(moved, "parked", "ready"))
                return len(moved)

    async def cancel(self, enrollment_id: str) -> bool:
        """Cancel an enrollment that is held, ready or parked; return whether there was one.

        This frees the person's intent, unless a request of the enrollment may have worked.
        """
        values = {"id": enrollment_id, "states": [str(state) for state in CANCELLABLE], "job": None}
        with busy_when_gone():
            async with self._engine.begin() as connection:
                return await _cancelled(connection, CANCEL, values) == 1

    async def cancel_waiting(self, *, email: str | None, rule: str | None) -> int:
        """Cancel all held and ready enrollments of one person, one rule, or both; return how many.

        Raises ValueError where neither is named.
        """
        _require_filter(email, rule)
        values = {"email": email, "rule": rule, "batch": BATCH, "job": None}
        cancelled, count = 0, BATCH
        with busy_when_gone():
            while count == BATCH:
                async with self._engine.begin() as connection:
                    count = await _cancelled(connection, CANCEL_WAITING, values)
                cancelled += count
        return cancelled

    async def count_waiting(self, email: str) -> int:
        """Return how many enrollments of a person are held or ready."""
        with busy_when_gone():
            async with self._engine.connect() as connection:
                return int((await connection.execute(COUNT_WAITING, {"email": email})).scalar_one())

    async def cancel_of_person(self, email: str, *, expected: int) -> int:
        """Cancel all held and ready enrollments of one person, in one transaction; return how many.

        `expected` are those that the operator was shown. Raises MoreThanShown where more are there by now: none of them
        is cancelled then.
        """
        values = {"email": email, "rule": None, "batch": BATCH, "job": None}
        cancelled, count = 0, BATCH
        with busy_when_gone():
            async with self._engine.begin() as connection:
                while count == BATCH:
                    count = await _cancelled(connection, CANCEL_WAITING, values)
                    cancelled += count
                if cancelled > expected:
                    forget_notes()
                    raise MoreThanShown(f"{cancelled} wait, and {expected} were shown.", count=cancelled)
        return cancelled


async def release_these(connection: AsyncConnection, ids: Sequence[str], *, job: str) -> int:
    """Release those of these enrollments that are parked, ten a second; return how many. The journal names `job`."""
    values = {"ids": list(ids), "id": None, "later": 0.0, "channel": ENROLLMENTS_READY, "job": job}
    return len((await connection.execute(RELEASE_THESE, values)).all())


async def cancel_these(connection: AsyncConnection, ids: Sequence[str], states: Sequence[str], *, job: str) -> int:
    """Cancel those of these enrollments that are in `states`; return how many. The journal names `job`."""
    values = {"ids": list(ids), "states": sorted({*states} & {*CANCELLABLE}), "job": job}
    return await _cancelled(connection, CANCEL_THESE, values)


async def _cancelled(connection: AsyncConnection, statement: TextClause, values: dict[str, Any]) -> int:
    """Run a statement that cancels, and let the next enrollment of each person go on; return the number cancelled."""
    before = {row.enrollment_id: row.before for row in await connection.execute(statement, values)}
    if before:
        await connection.execute(RELEASE_PEOPLE, {"ids": list(before), "channel": ENROLLMENTS_READY})
        await note(connection, **_moved(list(before), *sorted(set(before.values())), "cancelled"))
    return len(before)


def _moved(ids: list[str], *states: str) -> dict[str, Any]:
    """Return what the audit log says of enrollments that left all but the last of `states` for that one."""
    named = {"target": ids[0]} if len(ids) == 1 else {}
    return named | {"before": {"state": list(states[:-1])}, "after": {"state": states[-1], "enrollments": ids}}


def _require_filter(*filters: str | None) -> None:
    """Raise ValueError where no filter is given: the statements would match every enrollment."""
    if all(value is None for value in filters):
        raise ValueError("nothing is named: this would match every enrollment")
