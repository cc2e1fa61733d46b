"""QUEUE: one group commit. Deliveries, events, decisions and enrollments land together or not at all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.database.listen import ENROLLMENTS_READY, THIN_EVENTS_READY
from app.intake import statements as sql
from app.intake.entries import Accepted
from app.intake.rows import rows

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from app.database.direct import DirectConnection
    from app.intake.entries import DecidedEvent, IntakeRecord

    Notification = tuple[str, str]  # channel and payload


async def write(
    connection: DirectConnection, batch: Sequence[IntakeRecord], *, notify: bool = False
) -> tuple[list[Accepted], set[Notification]]:
    """Write `batch` as one transaction; return the outcome of each record, and what wakes those who have work now.

    With `notify` that transaction wakes them, too.
    """
    values = {**rows(batch), "notify": notify, "ready": ENROLLMENTS_READY, "thin_ready": THIN_EVENTS_READY}
    (row,) = await connection.fetch(sql.ACCEPT, values)
    new, taken = set(row["new"]), dict(zip(row["taken"], row["holders"], strict=True))
    forgotten = frozenset(row["forgotten"])
    results = [accepted(record.events, new, taken, forgotten) for record in batch]
    await _count_repeats(connection, batch, results)
    return results, notifications(row["accounts"], thin=row["thin"])


def notifications(accounts: Iterable[str], *, thin: bool = False) -> set[Notification]:
    """Return what wakes the workers of these accounts and, where there are thin events, those that look them up."""
    woken = {(ENROLLMENTS_READY, account) for account in accounts}
    return woken | {(THIN_EVENTS_READY, "")} if thin else woken


def notify_values(woken: Iterable[Notification]) -> dict[str, list[str]]:
    """Return the parameters of NOTIFY."""
    pairs = sorted(woken)
    return {"channels": [channel for channel, _ in pairs], "payloads": [payload for _, payload in pairs]}


def accepted(
    events: Sequence[DecidedEvent], new: set[str], taken: dict[str, str], forgotten: frozenset[str] = frozenset()
) -> Accepted:
    """Return the outcome of these events: `new` are the ids that were written, `taken` the intents that were not.

    `forgotten` are the decisions about people who were forgotten.
    """
    result = Accepted(forgotten=forgotten)
    for event in events:
        (result.new if event.id in new else result.seen).append(event.id)
    if taken:
        ids = [recorded.enrollment_id for event in events for recorded in event.decisions]
        result.taken = {id_: taken[id_] for id_ in ids if id_ in taken}
    return result


async def _count_repeats(
    connection: DirectConnection, batch: Sequence[IntakeRecord], results: Sequence[Accepted]
) -> None:
    """Count the repetitions of events; find what they first came in, and which of them may be decided again."""
    repeated = [(record, result) for record, result in zip(batch, results, strict=True) if result.seen]
    if not repeated:
        return
    seen = {id_ for _, result in repeated for id_ in result.seen}
    keys = [event.key for record, _ in repeated for event in record.events if event.id in seen]
    values = {"sources": [source for source, _ in keys], "keys": [key for _, key in keys]}
    found = {(row["source"], row["key"]): row for row in await connection.fetch(sql.COUNT_REPEATS, values)}
    for record, result in repeated:
        again = [(event, found.get(event.key)) for event in record.events if event.id in seen]
        result.again = [row["event_id"] for event, row in again if row and row["over"] and event.asks]
        if not result.new:
            first = found.get(record.events[0].key)
            result.first_delivery_id = first["delivery_id"] if first else record.delivery.id
