"""What another enrollment of the same contact, under another address, means for one that is about to be sent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import asyncpg

from app.enrollments import person_statements as sql
from app.enrollments.conflict import Conflict
from app.errors import FenceLost

if TYPE_CHECKING:
    from collections.abc import Mapping

    from app.database.direct import DirectPool
    from app.model import Baseline, Enrollment
    from app.people.identity import Person


async def read_conflict(pool: DirectPool, enrollment: Enrollment, person: Person) -> Conflict:
    """Return what conflicts with this claimed enrollment. Raises FenceLost."""
    rows = await pool.fetch(sql.READ_CONFLICT, _values(enrollment, person))
    if not rows:
        raise FenceLost(enrollment.id)
    return _conflict(rows[0])


async def checkpoint_prepared(
    pool: DirectPool, enrollment: Enrollment, person: Person, baseline: Baseline, owner: str | None
) -> Conflict | None:
    """Checkpoint `prepared`, and occupy the contact; or return what conflicts. Raises FenceLost."""
    values = _values(enrollment, person) | {
        "contact_id": person.contact_id,
        "count": baseline.count,
        "sequence": baseline.sequence,
        "date": baseline.date,
        "owner": owner,
    }
    try:
        rows = await pool.fetch(sql.CHECKPOINT_PREPARED, values)
    except asyncpg.UniqueViolationError:
        # Another worker has prepared another row of the same contact between our snapshot and our write.
        return Conflict(busy="")
    if not rows:
        raise FenceLost(enrollment.id)
    conflict, moved = _conflict(rows[0]), rows[0]["moved"]
    if not moved and conflict == Conflict():
        raise FenceLost(enrollment.id)
    return None if moved else conflict


def _conflict(row: Mapping[str, Any]) -> Conflict:
    return Conflict(row["left_by"], row["duplicate_of"], row["busy"])


def _values(enrollment: Enrollment, person: Person) -> dict[str, Any]:
    return {
        "id": enrollment.id,
        "attempt": enrollment.attempt,
        "contact_ids": list(person.ids),
        "others": list(person.others),
    }
