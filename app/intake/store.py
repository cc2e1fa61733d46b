"""QUEUE: one group commit. Deliveries, events, decisions and enrollments land together or not at all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.database.listen import ENROLLMENTS_READY
from app.intake import statements as sql
from app.intake.entries import Accepted
from app.intake.rows import rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from app.database.direct import DirectConnection
    from app.intake.entries import DecidedEvent, IntakeRecord


async def write(connection: DirectConnection, batch: Sequence[IntakeRecord]) -> tuple[list[Accepted], bool]:
    """Write `batch` as one transaction; return what became of each entry, and if workers have work now."""
    (row,) = await connection.fetch(sql.ACCEPT, rows(batch))
    new, taken = set(row["new"]), dict(zip(row["taken"], row["holders"], strict=True))
    results = [accepted(entry.heard, new, taken) for entry in batch]
    await _read_first_deliveries(connection, batch, results)
    return results, row["work"]


async def tell_workers(connection: DirectConnection) -> None:
    """Wake the workers that listen: there is something to claim."""
    await connection.fetch(sql.TELL_WORKERS, {"channel": ENROLLMENTS_READY})


def accepted(events: Sequence[DecidedEvent], new: set[str], taken: dict[str, str]) -> Accepted:
    """Return what became of these events: `new` are the ids that were written, `taken` the intents that were not."""
    result = Accepted()
    for heard in events:
        (result.new if heard.id in new else result.seen).append(heard.id)
    if taken:
        ids = [verdicted.enrollment_id for heard in events for verdicted in heard.decisions]
        result.taken = {identity: taken[identity] for identity in ids if identity in taken}
    return result


async def _read_first_deliveries(
    connection: DirectConnection, batch: Sequence[IntakeRecord], results: Sequence[Accepted]
) -> None:
    repeated = [(e, r) for e, r in zip(batch, results, strict=True) if e.heard and not r.new]
    if not repeated:
        return
    keys = [entry.heard[0].key for entry, _ in repeated]
    values = {"sources": [source for source, _ in keys], "keys": [key for _, key in keys]}
    found = await connection.fetch(sql.READ_FIRST_DELIVERIES, values)
    firsts = {(row["source"], row["key"]): row["delivery_id"] for row in found}
    for entry, result in repeated:
        result.first_delivery_id = firsts.get(entry.heard[0].key, entry.delivery.id)
