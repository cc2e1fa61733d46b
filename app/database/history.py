"""History: what is final and old is deleted, a bite at a time, and never what "once" or a cap still rests on.

Ids begin with the time at which a replica made them, so that the primary key finds what is old. `before` is an id of
the time before which a row is old; the time in the row decides.
"""

from __future__ import annotations

import math
from datetime import timedelta
from typing import TYPE_CHECKING

import structlog
from sqlalchemy import text

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncEngine

log = structlog.get_logger(__name__)

BITE = 1000
CLOCKS_DIFFER = timedelta(hours=1)  # those of replicas, which make the ids

# Each row looks by an index whether another one needs it: as a join, the planner would read both tables whole.
#
# An enrollment stays while its intent is in its period, while it is followed or confirmed, and while a workflow that it
# has started may act. The intent of a person who was forgotten stands under a pseudonym, and needs no enrollment.
PRUNE_ENROLLMENTS = text("""
    WITH old AS MATERIALIZED (
        SELECT id, ctid FROM enrollments
        WHERE id < :before AND updated_at < statement_timestamp() - CAST(:age AS interval)
          AND state IN ('enrolled', 'done', 'refused', 'cancelled', 'expired')
          AND follow_at IS NULL AND confirm_at IS NULL
          AND (triggered_until IS NULL OR triggered_until < statement_timestamp())
          AND (SELECT true FROM intents
               WHERE intents.account = enrollments.account AND intents.intent = enrollments.intent
                 AND intents.email = enrollments.email AND enrollment_id = enrollments.id
                 AND until > statement_timestamp()) IS NULL
        ORDER BY id LIMIT :bite FOR UPDATE SKIP LOCKED
    ), lines AS (
        DELETE FROM journal WHERE enrollment_id = ANY(ARRAY(SELECT id FROM old))
    )
    DELETE FROM enrollments WHERE ctid = ANY(ARRAY(SELECT ctid FROM old))
""")

# An event stays as long as an enrollment of it, or a lookup that has not ended.
PRUNE_EVENTS = text("""
    WITH old AS MATERIALIZED (
        SELECT id, ctid FROM events
        WHERE id < :before AND received_at < statement_timestamp() - CAST(:age AS interval)
          AND (SELECT true FROM decisions JOIN enrollments ON enrollments.id = decisions.enrollment_id
               WHERE decisions.event_id = events.id LIMIT 1) IS NULL
          AND (SELECT true FROM enrichments WHERE event_id = events.id AND state IN ('ready', 'working')) IS NULL
        ORDER BY id LIMIT :bite FOR UPDATE SKIP LOCKED
    ), lookups AS (
        DELETE FROM enrichments WHERE event_id = ANY(ARRAY(SELECT id FROM old))
    ), decided AS (
        DELETE FROM decisions WHERE event_id = ANY(ARRAY(SELECT id FROM old))
    )
    DELETE FROM events WHERE ctid = ANY(ARRAY(SELECT ctid FROM old))
""")

# A person keeps the sender as long as an enrollment of the person. A company has no such row: it keeps its sender.
PRUNE_STICKY = text("""
    DELETE FROM sticky_senders WHERE ctid = ANY(ARRAY(
        SELECT ctid FROM sticky_senders
        WHERE chosen_at < statement_timestamp() - CAST(:age AS interval) AND subject LIKE '%@%'
          AND (SELECT true FROM enrollments WHERE email = subject LIMIT 1) IS NULL
        ORDER BY chosen_at LIMIT :bite FOR UPDATE SKIP LOCKED
    ))
""")


# Hours of which rows may be gone are not counted again. A count under way ends before this: the row is its lock.
KEEP_TALLIES = text("""
    INSERT INTO tally_state AS kept (name, frozen_before) VALUES ('cells', :before)
    ON CONFLICT (name) DO UPDATE SET frozen_before = excluded.frozen_before
    WHERE kept.frozen_before IS NULL OR kept.frozen_before < excluded.frozen_before
""")


async def prune_history(
    engine: AsyncEngine, *, age: timedelta, now: datetime, stopping: Callable[[], bool] = lambda: False
) -> int:
    """Delete what is final and older than `age`; return how many rows. Ends when `stopping`.

    An `age` of 0 keeps all.
    """
    total = 0
    if not age:
        return total
    async with engine.begin() as connection:
        await connection.execute(KEEP_TALLIES, {"before": now - age + CLOCKS_DIFFER})
    for statement, prefix in ((PRUNE_ENROLLMENTS, "enr"), (PRUNE_EVENTS, "evt"), (PRUNE_STICKY, None)):
        values = {"age": age, "bite": BITE} | ({} if prefix is None else {"before": id_before(prefix, now - age)})
        gone = BITE
        while gone == BITE and not stopping():
            async with engine.begin() as connection:
                gone = (await connection.execute(statement, values)).rowcount
            total += gone
    log.info("history.swept", rows=total)
    return total


def id_before(prefix: str, moment: datetime) -> str:
    """Return an id that sorts after all that were made before `moment`, by whatever replica's clock."""
    milliseconds = math.ceil((moment + CLOCKS_DIFFER).timestamp() * 1000)
    return f"{prefix}_{max(0, milliseconds):012x}"
