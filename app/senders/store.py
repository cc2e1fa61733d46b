"""Assignments in PostgreSQL: the senders of enrollments with the reasons, the pools' turns and sticky choices.

Enrollments that are assigned at the same time share a transaction. Each is assigned after the others before it, and
sees what they took, as if it had one of its own.
"""

from __future__ import annotations

import asyncio
import json
from functools import partial
from typing import TYPE_CHECKING

from app.batching import Batcher
from app.database.halves import write_in_halves
from app.errors import FenceLost
from app.hubspot.api.faults import refuses_sender
from app.senders import statements as sql
from app.senders.assignment import Assigned, Before, SenderAssignment, Wanted
from app.senders.book_store import open_book, unread_book, write_book, write_who_can_send
from app.senders.quota_store import PERIOD, next_free
from app.senders.reasons import Considered

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from typing import Any

    from app.database.direct import DirectConnection, DirectPool
    from app.model import Enrollment


class Assignments:
    """Assigns the enrollments of one account."""

    def __init__(self, pool: DirectPool) -> None:
        self._pool = pool
        self._batcher: Batcher[Wanted, Assigned] = Batcher(
            partial(write_in_halves, self._write),
            acquire=partial(asyncio.sleep, 0),
            identity=lambda wanted: wanted.enrollment.id,
        )

    async def assign(self, wanted: Wanted) -> Assigned:
        """Choose from the first group that has a sender available; store the choice with the reasons for all.

        Raises FenceLost.
        """
        return await self._batcher.ask(wanted)

    async def close(self) -> None:
        """Assign no more; what is under way is rolled back. The pool stays open."""
        await self._batcher.close()

    async def _write(self, all_wanted: Sequence[Wanted]) -> Mapping[Wanted, Assigned | FenceLost]:
        async with self._pool.transaction() as connection:
            return await assign_all(connection, all_wanted)


async def assign_all(
    connection: DirectConnection, all_wanted: Sequence[Wanted], *, new: Collection[Wanted] = ()
) -> dict[Wanted, Assigned | FenceLost]:
    """Assign enrollments of one account in the caller's transaction: the result, or FenceLost, of each.

    `new` are those that the transaction has just claimed, and of which no attempt before has left anything.
    """
    named = await _assign_named(connection, all_wanted) if all(wanted in new for wanted in all_wanted) else {}
    left = [wanted for wanted in all_wanted if wanted not in named]
    before = await _lock_ours(connection, [wanted for wanted in left if wanted not in new])
    before |= {wanted: Before() for wanted in left if wanted in new}
    lost = {wanted: FenceLost(wanted.enrollment.id) for wanted in left}
    results: dict[Wanted, Assigned | FenceLost] = {**named, **lost}
    if ours := [wanted for wanted in left if wanted in before]:
        book = await open_book(connection, ours)
        for wanted in ours:
            assignment = SenderAssignment(partial(next_free, connection), book, wanted.enrollment, before[wanted])
            results[wanted] = await assignment.assign(wanted.groups, wanted.unavailable)
        await write_book(connection, book)
    return results


async def _assign_named(connection: DirectConnection, all_wanted: Sequence[Wanted]) -> Mapping[Wanted, Assigned]:
    """Assign new enrollments by one statement, where each rule names a single sender; leave out whose cannot send.

    Where one of them names a pool, none is assigned here: its choice depends on those before it.
    """
    senders = {sender.email for wanted in all_wanted if (sender := wanted.named)}
    if not all_wanted or not all(wanted.named for wanted in all_wanted):
        return {}
    book, results = unread_book(all_wanted[0].enrollment.account, senders), dict[Wanted, Assigned]()
    for wanted in all_wanted:
        assignment = SenderAssignment(partial(next_free, connection), book, wanted.enrollment, Before())
        results[wanted] = await assignment.assign(wanted.groups, wanted.unavailable)
    assigned = await write_who_can_send(connection, book)
    return {wanted: result for wanted, result in results.items() if wanted.enrollment.id in assigned}


async def _lock_ours(connection: DirectConnection, all_wanted: Sequence[Wanted]) -> dict[Wanted, Before]:
    """Lock the enrollments that no other worker has claimed since; return what is left of an attempt before."""
    if not all_wanted:
        return {}
    values = {
        "ids": [wanted.enrollment.id for wanted in all_wanted],
        "attempts": [wanted.enrollment.attempt for wanted in all_wanted],
        "period": PERIOD,
    }
    ours = {row["id"]: row for row in await connection.fetch(sql.LOCK_OURS, values)}
    return {one: _before(one.enrollment, ours[one.enrollment.id]) for one in all_wanted if one.enrollment.id in ours}


def _before(enrollment: Enrollment, row: Mapping[str, Any]) -> Before:
    if enrollment.sender is None:
        return Before(place=row["own_place"])
    stored = json.loads(row["assignment"]) if row["assignment"] else ()
    considered = tuple(Considered(item["sender"], item["chosen"], item["because"]) for item in stored)
    refused = row["reason"] if row["reason"] and refuses_sender(row["reason"]) else None
    return Before(considered if any(item.chosen for item in considered) else (), refused, row["own_place"])
