"""What is due besides claiming: what there is of it, ends of time, and leases of workers that are gone."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from app.database.listen import ENROLLMENTS_READY
from app.enrollments import one_per_person_statements as one_per_person
from app.enrollments import statements as sql
from app.model import OutboundKind, State
from app.outbound.statements import NOTE
from app.outbound.store import note_values

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from decimal import Decimal

    from app.database.direct import DirectPool

# As many confirmations as one call of HubSpot reads wait for each other, but no longer than these seconds.
CONFIRMATIONS: Mapping[str, Any] = MappingProxyType({"whole": 100, "patience": 20.0})


class Due(NamedTuple):
    """What there is to do now: leases of dead workers, enrollments whose time is over or that were held until now.

    `ready` and `uncertain` ones can be claimed, and confirmations read. `next_in` is the number of seconds until there
    is more to do, None where nothing is known of.
    """

    abandoned: bool
    overdue: bool
    held: bool
    ready: bool
    uncertain: bool
    confirming: bool
    next_in: Decimal | None


async def what_is_due(pool: DirectPool, account: str) -> Due:
    """Return what there is to do for an account besides claiming."""
    (row,) = await pool.fetch(sql.WHAT_IS_DUE, {"account": account, **CONFIRMATIONS})
    return Due(**row)


async def expire(pool: DirectPool) -> Mapping[str, str]:
    """Expire enrollments that were not sent in time; return their sequences by enrollment id."""
    async with pool.transaction() as connection:
        ended = {row["id"]: row["sequence"] for row in await connection.fetch(sql.EXPIRE, {})}
        if ended:
            values = {"ids": list(ended), "channel": ENROLLMENTS_READY}
            await connection.fetch(one_per_person.RELEASE_PEOPLE, values)
    return ended


async def reclaim_expired(
    pool: DirectPool, values: Mapping[str, Any], endpoints: Callable[[OutboundKind, str], tuple[str, ...]]
) -> Mapping[str, State]:
    """Take leases from their workers, by the values of RECLAIM_EXPIRED; return the new states by id."""
    async with pool.transaction() as connection:
        rows = await connection.fetch(sql.RECLAIM_EXPIRED, values)
        for account in {row["account"] for row in rows if row["state"] == State.PARKED}:
            parked = [row["id"] for row in rows if row["state"] == State.PARKED and row["account"] == account]
            if listening := endpoints(OutboundKind.PARKED, account):
                await connection.fetch(NOTE, note_values(OutboundKind.PARKED, parked, listening))
    return {row["id"]: State(row["state"]) for row in rows}
