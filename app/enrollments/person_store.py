"""What another enrollment of the same contact, under another address, means for one that is about to be sent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy.exc import IntegrityError

from app.enrollments import person_statements as sql
from app.enrollments.conflict import Conflict
from app.errors import FenceLost

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

    from app.model import Baseline, Enrollment
    from app.people.identity import Person


async def read_conflict(engine: AsyncEngine, enrollment: Enrollment, person: Person) -> Conflict:
    """Return what conflicts with this claimed enrollment. Raises FenceLost."""
    async with engine.connect() as connection:
        row = (await connection.execute(sql.READ_CONFLICT, _values(enrollment, person))).first()
    if row is None:
        raise FenceLost(enrollment.id)
    return Conflict(row.left_by, row.duplicate_of, row.busy)


async def checkpoint_prepared(
    engine: AsyncEngine, enrollment: Enrollment, person: Person, baseline: Baseline, owner: str | None
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
        async with engine.begin() as connection:
            row = (await connection.execute(sql.CHECKPOINT_PREPARED, values)).first()
    except IntegrityError:
        # Another worker has prepared another row of the same contact between our snapshot and our write.
        return Conflict(busy="")
    if row is None:
        raise FenceLost(enrollment.id)
    conflict = Conflict(row.left_by, row.duplicate_of, row.busy)
    if not row.moved and conflict == Conflict():
        raise FenceLost(enrollment.id)
    return None if row.moved else conflict


def _values(enrollment: Enrollment, person: Person) -> dict[str, Any]:
    return {
        "id": enrollment.id,
        "attempt": enrollment.attempt,
        "contact_ids": list(person.ids),
        "others": list(person.others),
    }
