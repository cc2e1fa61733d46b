"""Runs of the doctor: asked for by operators, claimed by any worker, and kept with what was found."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import orjson
from sqlalchemy import text

from app.audit.act import who
from app.audit.store import note
from app.database.engine import busy_when_gone
from app.database.listen import DOCTOR_READY

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

    from app.doctor.findings import Finding

RUNS_KEPT = 5  # of each account, beside those that are not done
MOST_ATTEMPTS = 3  # at a run during which workers end

# Who asks while a run of the account is not done gets that one.
ASK = text("""
    WITH open AS (
        SELECT id FROM doctor_runs WHERE account = :account AND state <> 'done' ORDER BY id DESC LIMIT 1
    ), made AS (
        INSERT INTO doctor_runs (id, account, asked_by, asked_at, state)
        SELECT :id, CAST(:account AS text), CAST(:by AS text), clock_timestamp(), 'waiting'
        WHERE NOT EXISTS (SELECT FROM open)
        RETURNING id
    )
    SELECT id, true AS made FROM made UNION ALL SELECT id, false FROM open
""")

# The raised attempt is the fence: who was overtaken by another worker writes nothing.
CLAIM = text("""
    UPDATE doctor_runs SET state = 'working', attempt = attempt + 1, leased_by = :worker,
           leased_until = clock_timestamp() + make_interval(secs => :lease)
    WHERE id = (
        SELECT id FROM doctor_runs
        WHERE account = ANY(CAST(:accounts AS text[])) AND attempt < :most
          AND (state = 'waiting' OR (state = 'working' AND leased_until < statement_timestamp()))
        ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED
    )
    RETURNING id, account, attempt
""")

FINISH = text("""
    UPDATE doctor_runs SET state = 'done', done_at = clock_timestamp(), leased_by = NULL, leased_until = NULL,
           findings = CAST(CAST(:findings AS text) AS jsonb), detail = CAST(:detail AS text)
    WHERE id = :id AND attempt = :attempt AND state = 'working' RETURNING account
""")

GIVE_UP = text("""
    UPDATE doctor_runs SET state = 'done', done_at = clock_timestamp(), leased_by = NULL, leased_until = NULL,
           detail = :detail
    WHERE state = 'working' AND attempt >= :most AND leased_until < statement_timestamp()
""")

KEEP_NEWEST = text("""
    DELETE FROM doctor_runs WHERE account = :account AND state = 'done' AND id NOT IN (
        SELECT id FROM doctor_runs WHERE account = :account AND state = 'done' ORDER BY id DESC LIMIT :kept
    )
""")

LIST = text("""
    SELECT id, account, asked_by, asked_at, state, done_at, findings, detail FROM doctor_runs
    WHERE account = :account ORDER BY id DESC LIMIT :limit
""")

NOTIFY = text("SELECT pg_notify(CAST(:channel AS text), '')")


@dataclass(frozen=True, slots=True)
class Claimed:
    """A run in hand: the worker that has this `attempt` may finish it."""

    id: str
    account: str
    attempt: int


class DoctorRunStore:
    """The runs in the database, which all replicas share."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def ask(self, id_: str, account: str) -> str:
        """Ask for a run of an account's checks; return its id, or that of one that is not done yet. Raises Busy."""
        with busy_when_gone():
            async with self._engine.begin() as connection:
                values = {"id": id_, "account": account, "by": who()}
                row = (await connection.execute(ASK, values)).one()
                await note(connection, target=account, after={"doctor": row.id, "asked": row.made})
                await connection.execute(NOTIFY, {"channel": DOCTOR_READY})
                return str(row.id)

    async def runs(self, account: str) -> Sequence[Mapping[str, Any]]:
        """Return the runs of an account, newest first: those that are not done, and the last 5. Raises Busy."""
        with busy_when_gone():
            async with self._engine.connect() as connection:
                rows = await connection.execute(LIST, {"account": account, "limit": 2 * RUNS_KEPT})
                return [dict(row) for row in rows.mappings()]

    async def claim(self, accounts: Sequence[str], *, worker: str, lease: float) -> Claimed | None:
        """Take the oldest run of these accounts that waits, or whose worker has ended, for `lease` seconds.

        Runs during which workers have ended again and again are given up first.
        """
        async with self._engine.begin() as connection:
            detail = f"{MOST_ATTEMPTS} workers ended before they had an answer: ask for it once more"
            await connection.execute(GIVE_UP, {"most": MOST_ATTEMPTS, "detail": detail})
            values = {"accounts": list(accounts), "worker": worker, "lease": lease, "most": MOST_ATTEMPTS}
            row = (await connection.execute(CLAIM, values)).one_or_none()
            return None if row is None else Claimed(row.id, row.account, row.attempt)

    async def finish(self, claimed: Claimed, findings: Sequence[Finding], detail: str | None = None) -> bool:
        """Keep what was found; return whether this worker still had the run. `detail` says why nothing was found."""
        values = {"id": claimed.id, "attempt": claimed.attempt, "detail": detail}
        values["findings"] = orjson.dumps([asdict(finding) for finding in findings]).decode()
        async with self._engine.begin() as connection:
            if (await connection.execute(FINISH, values)).one_or_none() is None:
                return False
            await _forget_old(connection, claimed.account)
            return True


async def _forget_old(connection: AsyncConnection, account: str) -> None:
    await connection.execute(KEEP_NEWEST, {"account": account, "kept": RUNS_KEPT})
