"""What a person may do to an enrollment: release what is parked, cancel what has not been sent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import text

from app.database.engine import busy_when_gone
from app.database.fragments import ONE_AFTER_THE_OTHER
from app.database.listen import ENROLLMENTS_READY
from app.enrollments.statements import MAY_HAVE_BEEN_SENT, freed
from app.enrollments.store import release_people
from app.model import State

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

CANCELLABLE = (State.HELD, State.READY, State.PARKED)

# A person who releases one that is `unsettled` has looked at it, and says that it may be sent. Of all others whose
# request has no known outcome nobody has: these count as sent again, so that they go only where HubSpot shows that
# nothing has changed since. Who is in a workflow HubSpot does not show: these (`no_outcome`) are released one by one.
# A way out of a sequence that did not come to its end is begun anew; one that may still be under way is waited for.
RELEASE = text(f"""
    WITH found AS MATERIALIZED (
        SELECT id FROM enrollments
        WHERE state = 'parked' AND (CAST(:id AS text) IS NULL OR id = :id)
          AND (CAST(:reason AS text) IS NULL OR reason = :reason) AND (CAST(:rule AS text) IS NULL OR rule = :rule)
          AND (CAST(:sender AS text) IS NULL OR sender = :sender)
          AND (CAST(:id AS text) IS NOT NULL OR reason IS DISTINCT FROM 'no_outcome')
        ORDER BY id LIMIT :bite FOR UPDATE
    ), turns AS (
        SELECT id, {ONE_AFTER_THE_OTHER} + make_interval(secs => :later) AS due_at FROM found
    ), moved AS (
        UPDATE enrollments SET state = 'ready', reason = NULL, detail = NULL, step = NULL, tries = 0, reads = 0,
               resends = CASE WHEN first_sending_at IS NULL THEN 0
                              WHEN reason = 'unsettled' AND enrollments.id = :id THEN 0 ELSE 1 END,
               first_failed_at = NULL, due_at = turns.due_at,
               triggered_at = CASE WHEN reason NOT IN ('unenroll_unfinished', 'no_outcome')
                                        AND triggered_until > clock_timestamp() THEN triggered_at END,
               updated_at = clock_timestamp()
        FROM turns WHERE enrollments.id = turns.id
        RETURNING enrollments.id, attempt
    ), noted AS (
        INSERT INTO journal (enrollment_id, at, before, after, attempt, cause)
        SELECT id, clock_timestamp(), 'parked', 'ready', attempt, 'released_by_operator' FROM moved
    )
    SELECT id, pg_notify(CAST(:channel AS text), '') FROM moved
""")  # noqa: S608  # the only text put in is the times above

# The row is locked first: a worker that is about to claim it either has it already, and then nothing comes back, or
# finds it cancelled.
CANCEL = text(f"""
    WITH found AS MATERIALIZED (
        SELECT id, state, attempt, {MAY_HAVE_BEEN_SENT} AS sent FROM enrollments
        WHERE id = :id AND state = ANY(:states) FOR UPDATE
    ), moved AS (
        UPDATE enrollments SET state = 'cancelled', reason = 'by_operator', updated_at = clock_timestamp()
        FROM found WHERE enrollments.id = found.id
    ), {freed("found")}
    INSERT INTO journal (enrollment_id, at, before, after, attempt, cause)
    SELECT id, clock_timestamp(), state, 'cancelled', attempt, 'cancelled_by_operator' FROM found
    RETURNING enrollment_id
""")  # noqa: S608  # the only text put in are the parts above


# All that wait, of one person or one rule, at once. Whoever has a row in hand for a moment (releases it, holds it, or
# looks whether to claim it) is waited for, and then it is cancelled unless it is working. Everybody who waits for many
# rows takes them in the order of their ids.
CANCEL_WAITING = text(f"""
    WITH found AS MATERIALIZED (
        SELECT id, state, attempt, {MAY_HAVE_BEEN_SENT} AS sent FROM enrollments
        WHERE state IN ('held', 'ready')
          AND (CAST(:email AS text) IS NULL OR email = :email) AND (CAST(:rule AS text) IS NULL OR rule = :rule)
        ORDER BY id LIMIT :bite FOR UPDATE
    ), moved AS (
        UPDATE enrollments SET state = 'cancelled', reason = 'by_operator', updated_at = clock_timestamp()
        FROM found WHERE enrollments.id = found.id
    ), {freed("found")}
    INSERT INTO journal (enrollment_id, at, before, after, attempt, cause)
    SELECT id, clock_timestamp(), state, 'cancelled', attempt, 'cancelled_by_operator' FROM found
    RETURNING enrollment_id
""")  # noqa: S608  # the only text put in are the parts above

BITE = 1000
RELEASED_PER_SECOND = 10


class EnrollmentOperatorStore:
    """Releases and cancels. Every method raises Busy while the store cannot be asked."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def release(self, identity: str) -> bool:
        """Make a parked enrollment ready again; tell whether there was one."""
        return await self._release(later=0.0, bite=1, id=identity) == 1

    async def release_parked(self, *, reason: str | None, rule: str | None, sender: str | None) -> int:
        """Make all parked enrollments ready that fit, one after the other; return how many.

        Raises ValueError where nothing is named.
        """
        _require_named(reason, rule, sender)
        released, bite = 0, BITE
        while bite == BITE:
            later = released / RELEASED_PER_SECOND
            bite = await self._release(later=later, bite=BITE, reason=reason, rule=rule, sender=sender)
            released += bite
        return released

    async def _release(self, *, later: float, bite: int, **named: str | None) -> int:
        values: dict[str, str | None] = {"id": None, "reason": None, "rule": None, "sender": None}
        told = {"channel": ENROLLMENTS_READY, "later": later, "bite": bite}
        with busy_when_gone():
            async with self._engine.begin() as connection:
                return len((await connection.execute(RELEASE, values | named | told)).all())

    async def cancel(self, identity: str) -> bool:
        """Cancel one that is held, ready or parked; tell whether there was one.

        Its person's intent is free then, unless a request of it may have worked.
        """
        states = [str(state) for state in CANCELLABLE]
        with busy_when_gone():
            async with self._engine.begin() as connection:
                result = await connection.execute(CANCEL, {"id": identity, "states": states})
                cancelled = [row.enrollment_id for row in result]
                await release_people(connection, cancelled)
                return bool(cancelled)

    async def cancel_waiting(self, *, email: str | None, rule: str | None) -> int:
        """Cancel all that are held or ready, of one person, one rule, or both; return how many.

        Raises ValueError where neither is named.
        """
        _require_named(email, rule)
        values = {"email": email, "rule": rule, "bite": BITE}
        cancelled, bite = 0, BITE
        with busy_when_gone():
            while bite == BITE:
                async with self._engine.begin() as connection:
                    ended = [row.enrollment_id for row in await connection.execute(CANCEL_WAITING, values)]
                    await release_people(connection, ended)
                bite = len(ended)
                cancelled += bite
        return cancelled


def _require_named(*named: str | None) -> None:
    """Raise ValueError where nothing is named: the statements would take that for everybody."""
    if all(name is None for name in named):
        raise ValueError("nothing is named, and everybody is never meant")
