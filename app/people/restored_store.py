# ruff: noqa: S608  # all text that is put in are names of tables, and expressions of ours
"""What a restore must not undo: people who were forgotten after the backup are forgotten again.

The transaction of the restore carries the tombstones over itself, so that an interruption loses none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import text

from app.database.fragments import ADDRESS, NEW_ID, is_forgotten

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

BY_RESTORE = "restore"
NEEDED = ("forgotten", "forgettings", "installation")
_COLUMNS = {
    "forgotten": "key, kind, forgetting_id, forgotten_at",
    "forgettings": "id, requested_by, requested_at, done_at, person, counts",
    "installation": "name, value",
}
EXISTS = text("SELECT to_regclass('forgotten') IS NOT NULL")
ANY_KEPT = text("SELECT EXISTS (SELECT FROM forgotten) OR EXISTS (SELECT FROM forgettings)")
KEY = text("SELECT value FROM installation WHERE name = 'forgotten_inner'")
BROUGHT_BACK = text("SELECT count(*) FROM forgettings WHERE done_at IS NULL AND requested_by = 'restore'")

# Each address is read once, since only a hash of those that are looked for is known.
_BACK_AGAIN = f"""
    INSERT INTO forgettings (id, requested_by, requested_at, person)
    SELECT 'fgt_' || {NEW_ID}, '{BY_RESTORE}', clock_timestamp(), jsonb_build_object(
        'emails', jsonb_build_array(email), 'contacts', CAST('[]' AS jsonb), 'portal_contacts', CAST('[]' AS jsonb),
        'enrollments', CAST('[]' AS jsonb))
    FROM (
        SELECT email FROM enrollments UNION SELECT email FROM events UNION SELECT email FROM decisions
        UNION SELECT email FROM intents UNION SELECT value FROM suppressions UNION SELECT subject FROM sticky_senders
    ) AS known WHERE email IS NOT NULL AND {is_forgotten(ADDRESS, "email")};
"""


def keeping(relations: Mapping[str, str]) -> str:
    """Return the SQL that keeps the tombstones of a database whose tables are dropped; `relations` are their names.

    It is empty where the database has none. The copies are tables like others, since a role may lack the right to
    temporary ones.
    """
    if not all(name in relations for name in NEEDED):
        return ""
    return "\n".join(
        f"CREATE TABLE {_kept(relations, name)} AS SELECT {columns} FROM {relations[name]};"
        for name, columns in _COLUMNS.items()
    )


def carrying(relations: Mapping[str, str], restored: Mapping[str, str]) -> str:
    """Return the SQL that puts what was kept into the tables that are `restored`, and requests who is forgotten again.

    It carries nothing into a backup of another installation, or of a version without tombstones: no hash of it can be
    compared.
    """
    if not keeping(relations):
        return ""
    kept = {name: _kept(relations, name) for name in NEEDED}
    dropped = f"DROP TABLE {', '.join(kept.values())};\n"
    if not all(name in restored for name in NEEDED):
        return dropped
    schema = restored["forgotten"].removesuffix(".forgotten").removesuffix('."forgotten"')
    put = "\n".join(
        f"INSERT INTO {name} ({_COLUMNS[name]}) SELECT {_COLUMNS[name]} FROM {kept[name]} ON CONFLICT DO NOTHING;"
        for name in ("forgotten", "forgettings")
    )
    # A function's statements are planned when they are executed: with the search path that is set before.
    return f"""
        DO $carry$ BEGIN
            SET LOCAL search_path = {schema};
            IF EXISTS (SELECT FROM installation JOIN {kept["installation"]} USING (name, value)
                       WHERE name = 'forgotten_inner') THEN
                {put}
                {_BACK_AGAIN}
            END IF;
        END $carry$;
        {dropped}
    """


def _kept(relations: Mapping[str, str], name: str) -> str:
    """Return the name of the copy, in the schema of the tables that it copies."""
    return f"{relations['forgotten'].rpartition('.')[0]}.segue_kept_{name}"


async def key_of_tombstones(engine: AsyncEngine) -> bytes | None:
    """Return the key of a database's tombstones, None where it has none of them."""
    async with engine.connect() as connection:
        return await _key(connection) if await _exist(connection) and await _any(connection) else None


async def brought_back(engine: AsyncEngine, key: bytes) -> int | None:
    """Return how many people a restore has brought back who will be forgotten again.

    None where it could not carry the tombstones of this key.
    """
    async with engine.connect() as connection:
        if not await _exist(connection) or await _key(connection) != key:
            return None
        return int((await connection.execute(BROUGHT_BACK)).scalar_one())


async def _exist(connection: AsyncConnection) -> bool:
    return bool((await connection.execute(EXISTS)).scalar_one())


async def _any(connection: AsyncConnection) -> bool:
    return bool((await connection.execute(ANY_KEPT)).scalar_one())


async def _key(connection: AsyncConnection) -> bytes | None:
    found = (await connection.execute(KEY)).scalar_one_or_none()
    return None if found is None else bytes(found)
