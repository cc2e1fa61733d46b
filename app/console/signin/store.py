"""Sessions, logins in progress and sign-in links: what a browser holds is random, and only its SHA-256 is stored."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import text

from app.audit.store import note
from app.database.engine import busy_when_gone

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import timedelta

    from sqlalchemy import Row, TextClause
    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

MOST_LISTED = 500
Place = tuple[datetime, bytes]  # of a session in their order: when it ends, and its hash
BEYOND: Place = (datetime.max.replace(tzinfo=UTC), b"")

ADD_SESSION = text("""
    INSERT INTO console_sessions (sha256, subject, name, role, way, token_mark, created_at, seen_at, expires_at)
    VALUES (:sha256, :subject, :name, :role, :way, :token_mark, :now, :now, :expires_at)
""")

READ_SESSION = text("SELECT * FROM console_sessions WHERE sha256 = :sha256")

# Two requests of one browser at the same moment: one of them writes.
SEE_SESSION = text("UPDATE console_sessions SET seen_at = :now WHERE sha256 = :sha256 AND seen_at <= :before")

PUT_ZONE = text("UPDATE console_sessions SET zone = :zone WHERE sha256 = :sha256")

# Without a subject anyone's session ends.
END_SESSION = text("""
    DELETE FROM console_sessions
    WHERE sha256 = :sha256 AND (CAST(:subject AS text) IS NULL OR subject = CAST(:subject AS text))
    RETURNING subject, way
""")


def _listed(beyond: str, order: str, *, narrowed: str = "") -> TextClause:
    """Return the statement for sessions that were used since `seen`, beyond the place of one of them.

    All last equally long: the order in which they end is that in which they were begun.
    """
    return text(f"""
        SELECT * FROM console_sessions
        WHERE expires_at > :now AND seen_at > :seen {narrowed}
          AND (expires_at, sha256) {beyond} (CAST(:at AS timestamptz), CAST(:sha256 AS bytea))
        ORDER BY expires_at {order}, sha256 {order} LIMIT :most
    """)  # noqa: S608  # ours


OF_ONE = "AND subject = :subject"
LIST_SESSIONS = _listed("<", "DESC")
LIST_SESSIONS_NEWER = _listed(">", "ASC")
LIST_SESSIONS_OF = _listed("<", "DESC", narrowed=OF_ONE)
LIST_SESSIONS_OF_NEWER = _listed(">", "ASC", narrowed=OF_ONE)

ADD_LOGIN = text("""
    INSERT INTO console_logins (state_sha256, return_to, created_at) VALUES (:sha256, :return_to, :now)
""")

# Deleting makes it good once: of two requests with the same key, one gets the row.
TAKE_LOGIN = text("DELETE FROM console_logins WHERE state_sha256 = :sha256 RETURNING return_to, created_at")

ADD_LINK = text("""
    INSERT INTO console_links (sha256, role, name, created_at, expires_at)
    VALUES (:sha256, :role, :name, :now, :expires_at)
""")

READ_LINK = text("SELECT role, name, expires_at FROM console_links WHERE sha256 = :sha256")

TAKE_LINK = text("DELETE FROM console_links WHERE sha256 = :sha256 RETURNING role, name, expires_at")


@dataclass(frozen=True, slots=True)
class StoredSession:
    """One row of `console_sessions`. `subject` is how the audit log names the person."""

    sha256: bytes
    subject: str
    name: str
    role: str
    way: str
    token_mark: bytes | None
    zone: str | None
    created_at: datetime
    seen_at: datetime
    expires_at: datetime


class SignInStore:
    """Every method raises Busy while the database cannot be reached. Times are passed in, and of one clock."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def add_session(
        self, session: StoredSession, *, ends: bytes | None = None, link: bytes | None = None
    ) -> bool:
        """Keep a new session in place of the one that `ends`; the act that is present is written with both.

        A `link` is used up by it: return whether there was one, else nothing is kept. What is looked at before stays
        good where nothing is kept.
        """
        values = {name: getattr(session, name) for name in StoredSession.__slots__} | {"now": session.created_at}
        made = {"way": session.way, "name": session.name, "until": session.expires_at.isoformat()}
        with busy_when_gone():
            async with self._engine.begin() as connection:
                if link is not None:
                    taken = (await connection.execute(TAKE_LINK, {"sha256": link})).one_or_none()
                    if _live(taken, session.created_at) is None:
                        return False
                if ends is not None:
                    await _end(connection, ends, None)
                await connection.execute(ADD_SESSION, values)
                await note(connection, after=made)
        return True

    async def session(self, sha256: bytes) -> StoredSession | None:
        """Return a session, whether or not its time is over; None where it was ended."""
        row = await self._one(READ_SESSION, {"sha256": sha256})
        return None if row is None else _session(row)

    async def see(self, sha256: bytes, now: datetime, apart: timedelta) -> None:
        """Write that a session was used now, unless that was written within the time `apart`."""
        await self._one(SEE_SESSION, {"sha256": sha256, "now": now, "before": now - apart})

    async def put_zone(self, sha256: bytes, zone: str | None) -> None:
        """Keep the time zone that a session's person chose. It is audited."""
        with busy_when_gone():
            async with self._engine.begin() as connection:
                await connection.execute(PUT_ZONE, {"sha256": sha256, "zone": zone})
                await note(connection, after={"zone": zone})

    async def end(self, sha256: bytes, *, subject: str | None) -> bool:
        """End a session, of `subject` alone where one is given; return whether there was one. It is audited."""
        with busy_when_gone():
            async with self._engine.begin() as connection:
                return await _end(connection, sha256, subject)

    async def sessions(
        self,
        now: datetime,
        seen: datetime,
        *,
        subject: str | None,
        before: Place | None = None,
        after: Place | None = None,
        most: int = MOST_LISTED,
    ) -> list[StoredSession]:
        """List the sessions whose time is not over, and that were used since `seen`, the newest first.

        They are those of `subject` where one is given, and those next below or above a place where one is.
        """
        older, newer = (LIST_SESSIONS, LIST_SESSIONS_NEWER)
        if subject is not None:
            older, newer = (LIST_SESSIONS_OF, LIST_SESSIONS_OF_NEWER)
        at, sha256 = after or before or BEYOND
        values = {"now": now, "seen": seen, "at": at, "sha256": sha256, "most": most}
        with busy_when_gone():
            async with self._engine.connect() as connection:
                narrowed = {} if subject is None else {"subject": subject}
                rows = await connection.execute(newer if after else older, values | narrowed)
                found = [_session(row) for row in rows]
        return found[::-1] if after else found

    async def add_login(self, sha256: bytes, return_to: str, now: datetime) -> None:
        """Keep a login in progress, by the hash of its state."""
        await self._one(ADD_LOGIN, {"sha256": sha256, "return_to": return_to, "now": now})

    async def take_login(self, sha256: bytes, since: datetime) -> str | None:
        """Return where a login leads to; None where it was used, began before `since`, or never did."""
        row = await self._one(TAKE_LOGIN, {"sha256": sha256})
        return row.return_to if row is not None and row.created_at >= since else None

    async def add_link(self, sha256: bytes, role: str, name: str, *, now: datetime, expires_at: datetime) -> None:
        """Keep a sign-in link; the act that is present is written with it."""
        values = {"sha256": sha256, "role": role, "name": name, "now": now, "expires_at": expires_at}
        with busy_when_gone():
            async with self._engine.begin() as connection:
                await connection.execute(ADD_LINK, values)
                await note(connection, target=f"link:{name}", after={"role": role, "until": expires_at.isoformat()})

    async def link(self, sha256: bytes, now: datetime) -> tuple[str, str] | None:
        """Return role and name of a link, which stays good; None where it was used, is too old, or never existed."""
        return _live(await self._one(READ_LINK, {"sha256": sha256}), now)

    async def _one(self, statement: TextClause, values: Mapping[str, Any]) -> Row[Any] | None:
        with busy_when_gone():
            async with self._engine.begin() as connection:
                result = await connection.execute(statement, values)
                return result.one_or_none() if result.returns_rows else None


async def _end(connection: AsyncConnection, sha256: bytes, subject: str | None) -> bool:
    row = (await connection.execute(END_SESSION, {"sha256": sha256, "subject": subject})).one_or_none()
    if row is not None:
        await note(connection, target=row.subject, before={"session": row.way})
    return row is not None


def _session(row: Row[Any]) -> StoredSession:
    values = {name: getattr(row, name) for name in StoredSession.__slots__}
    return StoredSession(**values | {name: _bytes(values[name]) for name in ("sha256", "token_mark")})


def _bytes(value: Any) -> bytes | None:
    return None if value is None else bytes(value)


def _live(row: Row[Any] | None, now: datetime) -> tuple[str, str] | None:
    return (row.role, row.name) if row is not None and row.expires_at > now else None
