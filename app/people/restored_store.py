"""What a restore must not undo: people who were forgotten after the backup are forgotten again."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import text

from app.database.fragments import ADDRESS, is_forgotten
from app.people.forget import BY_RESTORE
from app.people.forget_statements import REQUEST
from app.people.whole import WholePerson, stored

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

EXISTS = text("SELECT to_regclass('forgotten') IS NOT NULL")
KEY = text("SELECT value FROM installation WHERE name = 'forgotten_inner'")
TOMBSTONES = text("SELECT key, kind, forgetting_id, forgotten_at FROM forgotten")
REQUESTS = text("""
    SELECT id, requested_by, requested_at, done_at, CAST(person AS text) AS person, CAST(counts AS text) AS counts
    FROM forgettings
""")
PUT_TOMBSTONE = text("""
    INSERT INTO forgotten (key, kind, forgetting_id, forgotten_at)
    VALUES (:key, :kind, :forgetting_id, :forgotten_at) ON CONFLICT DO NOTHING
""")
PUT_REQUEST = text("""
    INSERT INTO forgettings (id, requested_by, requested_at, done_at, person, counts)
    VALUES (:id, :requested_by, :requested_at, :done_at, CAST(:person AS jsonb), CAST(:counts AS jsonb))
    ON CONFLICT DO NOTHING
""")
# Each address is read once, since only a hash of those that are looked for is known.
BACK_AGAIN = text(f"""
    SELECT email FROM (
        SELECT email FROM enrollments UNION SELECT email FROM events UNION SELECT email FROM decisions
        UNION SELECT email FROM intents UNION SELECT value FROM suppressions UNION SELECT subject FROM sticky_senders
    ) AS known WHERE email IS NOT NULL AND {is_forgotten(ADDRESS, "email")} ORDER BY email
""")  # noqa: S608  # what is put in is a condition of ours


@dataclass(frozen=True, slots=True)
class Tombstones:
    """Who was forgotten, as it stood before the restore. `key` is of the installation whose hashes these are."""

    key: bytes
    rows: Sequence[dict[str, Any]]
    requests: Sequence[dict[str, Any]]


async def read_tombstones(engine: AsyncEngine) -> Tombstones | None:
    """Return the tombstones of a database, None where it has none."""
    async with engine.connect() as connection:
        if not (await connection.execute(EXISTS)).scalar_one():
            return None
        key = (await connection.execute(KEY)).scalar_one_or_none()
        rows = [dict(row) for row in (await connection.execute(TOMBSTONES)).mappings()]
        requests = [dict(row) for row in (await connection.execute(REQUESTS)).mappings()]
    return Tombstones(bytes(key), rows, requests) if key is not None and (rows or requests) else None


async def forget_again(engine: AsyncEngine, before: Tombstones, new_id: Callable[[str], str]) -> int | None:
    """Put the tombstones back, and request that those whom the backup brought back are forgotten; return how many.

    None where the backup is of another installation, or of a version without tombstones: no hash of it can be compared.
    """
    async with engine.begin() as connection:
        if not await _comparable(connection, before):
            return None
        for row in before.rows:
            await connection.execute(PUT_TOMBSTONE, row)
        for request in before.requests:
            await connection.execute(PUT_REQUEST, request)
        back = (await connection.execute(BACK_AGAIN)).scalars().all()
        for email in back:
            person = json.dumps(stored(WholePerson((email,))))
            await connection.execute(REQUEST, {"id": new_id("fgt"), "by": BY_RESTORE, "person": person})
    return len(back)


async def _comparable(connection: AsyncConnection, before: Tombstones) -> bool:
    if not (await connection.execute(EXISTS)).scalar_one():
        return False
    return (await connection.execute(KEY)).scalar_one_or_none() == before.key
