"""The rulebook in force, stored in PostgreSQL: its text with `${ENV}` unexpanded, never a secret's value."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import orjson
from sqlalchemy import text

from app.audit.act import SYSTEM, current, system_act, who
from app.audit.store import note
from app.database.listen import RULEBOOK_CHANGED

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from sqlalchemy.ext.asyncio import AsyncEngine

    from app.errors import Mistake

MISTAKES_KEPT = 200


@dataclass(frozen=True, slots=True)
class StoredRulebook:
    """A rulebook that was put in force. Each one has a higher `number`; `documents` is its text for `load`."""

    number: int
    revision: str
    documents: str


READ_IN_FORCE = text("SELECT number, revision, documents FROM rulebooks ORDER BY number DESC LIMIT 1")

# A rulebook that is in force already is not stored again: replicas that start together with the same file agree.
PUT_IN_FORCE = text("""
    WITH put AS (
        INSERT INTO rulebooks (revision, documents, accounts, stored_at, installed_by)
        SELECT :revision, :documents, CAST(:accounts AS text[]), clock_timestamp(), CAST(:by AS text)
        WHERE :revision IS DISTINCT FROM (SELECT revision FROM rulebooks ORDER BY number DESC LIMIT 1)
        RETURNING number
    )
    SELECT number, pg_notify(CAST(:channel AS text), '') FROM put
    UNION ALL
    (SELECT number, NULL FROM rulebooks WHERE NOT EXISTS (SELECT FROM put) ORDER BY number DESC LIMIT 1)
""")

READ_REVISION = text("SELECT revision FROM rulebooks ORDER BY number DESC LIMIT 1")

# One row at most: what has come into force since is what counts.
REJECT = text("""
    INSERT INTO rejected_rules (name, at, rejected_by, origin, mistakes)
    VALUES ('last', clock_timestamp(), :by, :origin, CAST(CAST(:mistakes AS text) AS jsonb))
    ON CONFLICT (name) DO UPDATE SET at = excluded.at, rejected_by = excluded.rejected_by, origin = excluded.origin,
                                     mistakes = excluded.mistakes
""")

CLEAR_REJECTED = text("DELETE FROM rejected_rules")

# The same text may have been put in force several times: the last time counts.
READ_EARLIER = text("""
    SELECT number, revision, documents, stored_at FROM rulebooks WHERE revision = :revision ORDER BY number DESC LIMIT 1
""")

LOCK = text("LOCK TABLE rulebooks IN SHARE ROW EXCLUSIVE MODE")

# Every start runs this statement, so that all enrollments of a database are of one kind, practice or real; the latest
# one therefore shows the kind. Enrollments are never deleted: there are too many to read them all.
READ_ACCOUNTS = text("""
    SELECT unnest(accounts) AS account FROM rulebooks
    UNION (SELECT account FROM enrollments ORDER BY id DESC LIMIT 1)
""")


class RulebookStore:
    """Reads and replaces the rulebook in force, for all replicas."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def in_force(self) -> StoredRulebook | None:
        """Return the rulebook in force, None before the first one."""
        async with self._engine.connect() as connection:
            row = (await connection.execute(READ_IN_FORCE)).one_or_none()
        return None if row is None else StoredRulebook(row.number, row.revision, row.documents)

    async def put_in_force(self, revision: str, documents: str, *, accounts: Sequence[str]) -> int:
        """Store `documents` as the rulebook in force and notify every replica; return its number.

        Nothing is stored when it is in force already; what an operator asked for is noted all the same, since its
        variables are read anew. The number is this rulebook's own: another replica that reloads at the same time gets a
        higher or a lower one, and the replica with the lower one follows.

        `accounts` are those that the rulebook enrolls into: practice rules must never act on a real one.
        """
        async with self._engine.begin() as connection:
            await connection.execute(LOCK)
            values = {"revision": revision, "documents": documents, "accounts": list(accounts), "by": who()}
            before = (await connection.execute(READ_REVISION)).scalar_one_or_none()
            put = await connection.execute(PUT_IN_FORCE, values | {"channel": RULEBOOK_CHANGED})
            await connection.execute(CLEAR_REJECTED)
            number: int = put.first()[0]  # type: ignore[index]
            act = current()
            if before != revision or (act is not None and act.who != SYSTEM):
                await note(connection, target="rules", before={"revision": before}, after={"revision": revision})
            return number

    async def reject(self, mistakes: Sequence[Mistake]) -> None:
        """Keep why rules were rejected, by whom and where; it is deleted by the next rules that come in force."""
        by, origin = _who()
        written = orjson.dumps([asdict(mistake) for mistake in mistakes[:MISTAKES_KEPT]]).decode()
        async with self._engine.begin() as connection:
            await connection.execute(REJECT, {"by": by, "origin": origin, "mistakes": written})

    async def accounts(self) -> set[str]:
        """Return the accounts of all stored rulebooks, and the account of the latest enrollment."""
        async with self._engine.connect() as connection:
            return set((await connection.execute(READ_ACCOUNTS)).scalars())


def _who() -> tuple[str, str]:
    """Return who acts and from where: the service itself where neither a request nor a command does."""
    act = current() or system_act("rules")
    return act.who, act.origin


UNFINISHED_ELSEWHERE = text("""
    SELECT account, count(*) AS unfinished FROM enrollments
    WHERE account <> ALL(CAST(:accounts AS text[])) AND state IN ('held', 'ready', 'working', 'uncertain')
    GROUP BY account
""")


async def unfinished_elsewhere(engine: AsyncEngine, accounts: Collection[str]) -> dict[str, int]:
    """Return the number of unfinished enrollments of each other account: this process would not finish them."""
    async with engine.connect() as connection:
        rows = await connection.execute(UNFINISHED_ELSEWHERE, {"accounts": list(accounts)})
        return {row.account: row.unfinished for row in rows}
