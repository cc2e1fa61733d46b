"""What assignments of one transaction read and write: turns of pools, sticky choices, inboxes, the choices."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson

from app.senders import statements as sql
from app.senders.assignment import Book
from app.senders.inbox_store import READ_INBOXES, Inbox, inbox_values, inboxes_of
from app.senders.quota_store import PERIOD

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from app.database.direct import DirectConnection
    from app.senders.assignment import Wanted


async def open_book(connection: DirectConnection, all_wanted: Sequence[Wanted]) -> Book:
    """Lock the pools that the choices may reach; read their turns, the sticky choices and the inboxes."""
    account = all_wanted[0].enrollment.account
    groups = [group for wanted in all_wanted for group in wanted.groups]
    pools = sorted({group.pool for group in groups if group.pool is not None})
    turns, kept = {}, {}
    if pools:
        found = await connection.fetch(sql.LOCK_POOLS, {"account": account, "pools": pools})
        turns = {row["pool"]: row["turn"] for row in found}
    if subjects := sorted({(group.pool, group.subject) for group in groups if group.pool and group.subject}):
        values = {"account": account, "pools": [pool for pool, _ in subjects], "subjects": [one for _, one in subjects]}
        kept = {(row["pool"], row["subject"]): row["sender"] for row in await connection.fetch(sql.READ_STICKY, values)}
    inboxes = sorted({sender.email for group in groups for sender, _ in group.members})
    values = inbox_values([(account, inbox) for inbox in inboxes])
    rows = await connection.fetch(READ_INBOXES, values) if inboxes else []
    return Book(account, turns, kept, {inbox: state for (_, inbox), state in inboxes_of(rows).items()})


async def write_book(connection: DirectConnection, book: Book) -> None:
    """Write the turns, the sticky choices and the assignments."""
    if book.new_turns:
        values = {"pools": list(book.new_turns), "turns": list(book.new_turns.values())}
        await connection.fetch(sql.TAKE_TURNS, {"account": book.account} | values)
    if book.new_kept:
        pools, subjects = zip(*book.new_kept, strict=True)
        values = {"pools": list(pools), "subjects": list(subjects), "senders": list(book.new_kept.values())}
        await connection.fetch(sql.WRITE_STICKY, {"account": book.account} | values)
    await connection.fetch(sql.WRITE_ASSIGNMENTS, {"assignments": orjson.dumps(book.rows).decode()})


def unread_book(account: str, inboxes: Iterable[str]) -> Book:
    """Return the book of inboxes that are assumed to be empty and not paused."""
    return Book(account, {}, {}, dict.fromkeys(inboxes, Inbox(0, 0, None, None)))


async def write_who_can_send(connection: DirectConnection, book: Book) -> set[str]:
    """Write those of the assignments whose sender can send; return the ids of their enrollments."""
    values = {"account": book.account, "inboxes": list(book.inboxes), "period": PERIOD}
    values["assignments"] = orjson.dumps(book.rows).decode()
    return {row["id"] for row in await connection.fetch(sql.ASSIGN_WHO_CAN_SEND, values)}
