"""The suppression list that operators edit over the API, and how often a person was enrolled recently."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from sqlalchemy import text

from app.batching import Batcher
from app.database.engine import busy_when_gone
from app.people.suppression import Kind, Suppression, forms_of, keys_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import timedelta

    from sqlalchemy.ext.asyncio import AsyncEngine

# A pattern is also stored in the syntax of LIKE: its stars match any text, and LIKE's special characters are escaped. A
# row that this statement has inserted has no `xmax`; a row that existed before has been locked by it and has one.
ADD = text(r"""
    INSERT INTO suppressions AS kept (kind, value, fits, reason, created_at)
    VALUES (:kind, :value,
            CASE WHEN :kind = 'pattern' THEN regexp_replace(regexp_replace(:value, '([\\%_])', '\\\1', 'g'),
                                                            '\*+', '%', 'g') END,
            :reason, clock_timestamp())
    ON CONFLICT (value) DO UPDATE SET reason = COALESCE(excluded.reason, kept.reason)
    RETURNING kind, value, reason, created_at, xmax = 0 AS added
""")

REMOVE = text("DELETE FROM suppressions WHERE value = :value RETURNING kind")

LIST = text("""
    SELECT kind, value, reason, created_at FROM suppressions
    WHERE CAST(:after AS text) IS NULL OR value > :after ORDER BY value LIMIT :limit
""")

# For each address the first entry that matches it: `keys` are the values that an exact entry for it may have, `forms`
# are what patterns are held against.
FIND = text("""
    SELECT DISTINCT ON (email) email, kind, value FROM (
        SELECT email, kind, value FROM unnest(CAST(:owners AS text[]), CAST(:keys AS text[])) AS wanted(email, key)
        JOIN suppressions ON value = key
        UNION ALL
        SELECT email, kind, value FROM unnest(CAST(:emails AS text[]), CAST(:forms AS text[])) AS wanted(email, form)
        JOIN suppressions ON kind = 'pattern' AND form LIKE fits
    ) AS found ORDER BY email, value
""")

# HubSpot's own time of an enrollment came with its reply. Where the reply was lost, the time of the first request is
# used. A row with such a request counts in whatever state it is now, unless HubSpot refused it in the end: an operator
# may have cancelled it because the contact is enrolled. The addresses and contact ids of one person are joined by
# blanks, which neither contains. An enrollment that both of them find counts once.
_ENROLLED = """
    (state = 'enrolled' OR (first_sending_at IS NOT NULL AND state <> 'refused'))
    AND COALESCE(enrolled_at, first_sending_at, sending_at) > clock_timestamp() - period
"""
COUNT_ENROLLED = text(f"""
    SELECT number, (
        SELECT count(*) FROM (
            SELECT other.id FROM enrollments AS other
            WHERE other.account = wanted.account AND other.email = ANY(string_to_array(wanted.emails, ' '))
              AND other.id <> wanted.id AND {_ENROLLED}
            UNION
            SELECT other.id FROM enrollments AS other
            WHERE other.account = wanted.account AND other.contact_id = ANY(string_to_array(wanted.contacts, ' '))
              AND other.id <> wanted.id AND {_ENROLLED}
        ) AS found
    ) AS enrolled
    FROM unnest(
        CAST(:accounts AS text[]), CAST(:ids AS text[]), CAST(:emails AS text[]), CAST(:contacts AS text[]),
        CAST(:periods AS interval[])
    ) WITH ORDINALITY AS wanted(account, id, emails, contacts, period, number)
""")  # noqa: S608  # the only text put in is the condition above


@dataclass(frozen=True, slots=True)
class Counted:
    """Enrollments of these addresses or contacts in the last `period`, without the one `id`."""

    account: str
    id: str
    emails: tuple[str, ...]
    contact_ids: tuple[str, ...]
    period: timedelta


class SuppressionStore:
    """The list in PostgreSQL, shared by all replicas and all accounts."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        # Enrollments that are looked up at the same time share one statement.
        self._lookups: Batcher[str, Suppression | None] = Batcher(
            self._find_all, acquire=partial(asyncio.sleep, 0), identity=lambda email: email
        )
        self._counts: Batcher[Counted, int] = Batcher(
            self._count_all, acquire=partial(asyncio.sleep, 0), identity=lambda wanted: wanted
        )

    async def add(self, entry: Suppression, reason: str | None) -> Mapping[str, Any]:
        """Store an entry; an existing one stays, with the newer reason. Return the row, and whether it is `added`."""
        values = {"kind": str(entry.kind), "value": entry.value, "reason": reason}
        with busy_when_gone():
            async with self._engine.begin() as connection:
                return dict((await connection.execute(ADD, values)).mappings().one())

    async def remove(self, value: str) -> str | None:
        """Remove the entry `value`; return its kind, None where there is none."""
        with busy_when_gone():
            async with self._engine.begin() as connection:
                kind: str | None = (await connection.execute(REMOVE, {"value": value})).scalar_one_or_none()
                return kind

    async def page(self, after: str | None, limit: int) -> Sequence[Mapping[str, Any]]:
        """Return up to `limit` entries in the order of their values, from the one after `after`."""
        with busy_when_gone():
            async with self._engine.connect() as connection:
                rows = await connection.execute(LIST, {"after": after, "limit": limit})
                return [dict(row) for row in rows.mappings()]

    async def find(self, email: str) -> Suppression | None:
        """Return the entry that matches this address, None where there is none."""
        return await self._lookups.ask(email)

    async def _find_all(self, emails: Sequence[str]) -> Mapping[str, Suppression | None]:
        forms = [(email, form) for email in emails for form in forms_of(email)]
        pairs = [(email, key) for email, form in forms for key in keys_of(form)]
        values = {
            "owners": [email for email, _ in pairs],
            "keys": [key for _, key in pairs],
            "emails": [email for email, _ in forms],
            "forms": [form for _, form in forms],
        }
        async with self._engine.connect() as connection:
            rows = {row.email: row for row in await connection.execute(FIND, values)}
        return {
            email: Suppression(Kind(rows[email].kind), rows[email].value) if email in rows else None for email in emails
        }

    async def count_enrolled(self, wanted: Counted) -> int:
        """Count the person's enrollments, also possible ones."""
        return await self._counts.ask(wanted)

    async def _count_all(self, wanted: Sequence[Counted]) -> Mapping[Counted, int]:
        values = {
            "accounts": [one.account for one in wanted],
            "ids": [one.id for one in wanted],
            "emails": [" ".join(one.emails) for one in wanted],
            "contacts": [" ".join(one.contact_ids) for one in wanted],
            "periods": [one.period for one in wanted],
        }
        async with self._engine.connect() as connection:
            counts = {row.number: row.enrolled for row in await connection.execute(COUNT_ENROLLED, values)}
        return {one: counts[number] for number, one in enumerate(wanted, start=1)}
