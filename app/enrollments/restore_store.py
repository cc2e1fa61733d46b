"""What a restored database has no record of, looked up for enrollments that are about to be sent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import text

from app.enrollments.after_restore import Gap, Sent
from app.model import Baseline

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from app.database.direct import DirectConnection, DirectPool
    from app.database.restores import Restores
    from app.model import Enrollment
    from app.people.identity import Person

# An enrollment whose first request was sent after the restore is settled by its own record. One that was made after it
# is not concerned once its intent's period has passed since the restore, or all would be compared for ever.
READ_GAPS = text("""
    SELECT enrollments.id, since, restores.until, created_at >= restores.until AS is_newer,
           intents.until - COALESCE(heard_at, created_at) AS period,
           created_at < restores.until OR enrollments.intent = 'sequence:' || sequence AS is_own_intent
    FROM enrollments JOIN restores ON number > restores_seen
    LEFT JOIN intents ON intents.account = enrollments.account AND intents.intent = enrollments.intent
              AND intents.email = enrollments.email AND enrollment_id = enrollments.id
    WHERE enrollments.id = ANY(CAST(:ids AS text[]))
      AND (first_sending_at IS NULL OR first_sending_at < restores.until)
      AND (created_at < restores.until OR intents.until IS NULL
           OR restores.until + (intents.until - COALESCE(heard_at, created_at)) > clock_timestamp())
    ORDER BY number
""")

READ_SENT = text("""
    SELECT sequence, COALESCE(first_sending_at, enrolled_at) AS at, enrolled_at, first_sending_at IS NULL AS is_found,
           baseline_count, baseline_sequence, baseline_date
    FROM enrollments
    WHERE account = :account AND contact_id = ANY(CAST(:contact_ids AS text[])) AND id <> :id
      AND COALESCE(first_sending_at, enrolled_at) IS NOT NULL
    ORDER BY at
""")


class RestoreStore:
    """Knows what the database may have forgotten, for the worker of one account."""

    def __init__(self, pool: DirectPool, restores: Restores) -> None:
        self._pool = pool
        self._restores = restores
        self._is_restored = True  # until it was looked at

    async def notice(self, connection: DirectConnection) -> None:
        """Notice a restore, in the transaction that claims enrollments."""
        self._is_restored = await self._restores.notice(connection)

    async def gaps(self, connection: DirectConnection | None, ids: Sequence[str]) -> Mapping[str, tuple[Gap, ...]]:
        """Return the times without a record that concern these enrollments, by their ids."""
        found: dict[str, tuple[Gap, ...]] = {}
        if self._is_restored:
            for row in await (connection or self._pool).fetch(READ_GAPS, {"ids": list(ids)}):
                found[row["id"]] = (*found.get(row["id"], ()), _gap(row))
        return found

    async def sent(self, enrollment: Enrollment, person: Person) -> list[Sent]:
        """Return the other enrollments of the contact that are on record as sent, the earliest first."""
        values = {"account": enrollment.account, "contact_ids": list(person.ids), "id": enrollment.id}
        return [_sent(row) for row in await self._pool.fetch(READ_SENT, values)]


def _gap(row: Mapping[str, Any]) -> Gap:
    return Gap(row["since"], row["until"], row["is_newer"], row["period"], row["is_own_intent"])


def _sent(row: Mapping[str, Any]) -> Sent:
    before = Baseline(row["baseline_count"], row["baseline_sequence"], row["baseline_date"])
    return Sent(row["sequence"], row["at"], row["enrolled_at"], before, row["is_found"])
