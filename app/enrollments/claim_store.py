"""CLAIM: enrollments become a worker's, and are looked at in the same transaction."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

import asyncpg
import structlog

from app.database.engine import DRIVER_TROUBLE, first_line
from app.database.halves import is_about_a_row
from app.enrollments.last_look import NoLook
from app.model import Baseline, Enrollment, Sender, State, Step
from app.model.plan_json import read

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from sqlalchemy import TextClause

    from app.database.direct import DirectConnection, DirectPool
    from app.enrollments.last_look import LastLook

    FirstLook = Callable[[DirectConnection, Sequence[Enrollment]], Awaitable[Callable[[], None]]]

log = structlog.get_logger(__name__)


async def _look_at_none(_: DirectConnection, __: Sequence[Enrollment]) -> Callable[[], None]:
    """Look at nothing within the claim."""
    return lambda: None


async def _close_nothing() -> None:
    """Close nothing."""


async def _notice_nothing(_: DirectConnection) -> None:
    """Notice nothing."""


class Looks(NamedTuple):
    """What looks at enrollments in the transaction that claims them, and in the one that commits `sending`.

    The result of the first is called once its transaction is committed. `close` ends what the first still writes.
    `notice` notices a restored database before the first: where it fails, nothing is claimed.
    """

    first: FirstLook = _look_at_none
    last: LastLook = NoLook()
    close: Callable[[], Awaitable[None]] = _close_nothing
    notice: Callable[[DirectConnection], Awaitable[None]] = _notice_nothing


NO_LOOKS = Looks()


class Claims:
    """Claims enrollments of one account for the worker named `worker`; `lease` is in seconds."""

    def __init__(self, pool: DirectPool, *, account: str, worker: str, lease: float, looks: Looks) -> None:
        self._pool = pool
        self._account = account
        self._worker = worker
        self._lease = lease
        self._looks = looks

    async def claim(self, statement: TextClause, limit: int) -> list[Enrollment]:
        """Claim up to `limit` enrollments by one of the statements that claim."""
        try:
            return await self._claim_and(self._looks.first, statement, limit)
        except asyncpg.UniqueViolationError:
            # Another worker claimed another row of the same person between our snapshot and our write.
            return []
        except DRIVER_TROUBLE as error:
            if not is_about_a_row(error):
                raise
            log.warning("enrollment.defect", error=first_line(error))
        except Exception:
            log.exception("enrollment.defect")
        # One enrollment that cannot be looked at must not stop the others: each is looked at when it is prepared.
        return await self._claim_and(_look_at_none, statement, limit)

    async def _claim_and(self, first_look: FirstLook, statement: TextClause, limit: int) -> list[Enrollment]:
        values = {"account": self._account, "worker": self._worker, "lease": self._lease, "limit": limit}
        async with self._pool.transaction() as connection:
            rows = await connection.fetch(statement, values)
            claimed = [enrollment for row in rows if (enrollment := _readable(row)) is not None]
            ready = [enrollment for enrollment in claimed if enrollment.state is State.WORKING]
            if ready:
                await self._looks.notice(connection)
            committed = await first_look(connection, ready) if ready else None
        if committed is not None:
            committed()
        return claimed


def _readable(row: Mapping[str, Any]) -> Enrollment | None:
    """Return the enrollment, None for one that this version cannot read: a newer one may have written it.

    It stays claimed until its lease runs out, and stops no other one.
    """
    try:
        return _enrollment(row)
    except ValueError:
        log.exception("enrollment.defect", enrollment_id=row["id"], attempt=row["attempt"])
        return None


def _enrollment(row: Mapping[str, Any]) -> Enrollment:
    return Enrollment(
        id=row["id"],
        account=row["account"],
        email=row["email"],
        source=row["source"],
        rule=row["rule"],
        sequence=row["sequence"],
        plan=read(json.loads(row["plan"])),
        sender=None if row["sender"] is None else Sender(row["sender"], row["sender_user_id"], row["sender_email"]),
        properties=json.loads(row["properties"]),
        require=tuple(row["require"]),
        state=State(row["state"]),
        attempt=row["attempt"],
        step=None if row["step"] is None else Step(row["step"]),
        tries=row["tries"],
        first_failed_at=row["first_failed_at"],
        received_at=row["received_at"],
        contact_id=row["contact_id"],
        baseline=Baseline(row["baseline_count"], row["baseline_sequence"], row["baseline_date"]),
        sending_at=row["sending_at"],
        first_sending_at=row["first_sending_at"],
        reads=row["reads"],
        resends=row["resends"],
        delivery_id=row["delivery_id"],
        triggered_at=row["triggered_at"],
        gave_owner=row["gave_owner"],
        left_by=row["left_by"],
        is_listed=row["is_listed"],
    )
