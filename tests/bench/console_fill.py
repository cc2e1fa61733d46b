"""Fill a migrated database as years of traffic leave it."""

from __future__ import annotations

import sys
import time
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy.schema import CreateIndex

from app.clock import utc_now
from app.database.engine import _DIALECT, connect, open_engine
from app.database.schema import metadata
from app.settings import load_settings
from app.tallies.wiring import open_recount
from tests.bench.console_rows import ACCOUNT, DAYS, Installation, Rows

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Index
    from sqlalchemy.engine import URL

CHUNK = 100_000
_DAY = timedelta(days=1)
YEAR = 12  # times the days of which there are events

NOW = "CAST($1 AS timestamptz)"
# The hours of a year: those of which there are events, counted by the service's own statements, and once more for each
# month before.
EARLIER_TALLIES = """
    INSERT INTO tallies (hour, stage, source, rule, account, sequence, sender, reason, known, n)
    SELECT hour - CAST($2 AS integer) * interval '1 day', stage, source, rule, account, sequence, sender, reason, known,
           n
    FROM tallies
    WHERE hour >= date_trunc('hour', NOW) - CAST($3 AS integer) * interval '1 day' AND hour < date_trunc('hour', NOW)
""".replace("NOW", NOW)
COUNTERS = """
    INSERT INTO tally_counters (hour, source, result, reason, run, n, last_at)
    SELECT hour, source, result, CASE result WHEN 'rejected' THEN 'signature_mismatch' ELSE '' END, '', 40,
           hour + interval '59 minutes'
    FROM generate_series(date_trunc('hour', NOW) - make_interval(hours => CAST($2 AS integer)), NOW, '1 hour') AS hour
    CROSS JOIN unnest(ARRAY['crm', 'open', 'webinar', 'portal']
                      || ARRAY(SELECT 's' || n FROM generate_series(0, 14) n)) AS source
    CROSS JOIN unnest(ARRAY['accepted', 'filtered', 'repeated', 'no_rule', 'rejected']) AS result
""".replace("NOW", NOW)
# What has a row for each source, sender, account or endpoint, and what the ledger counts.
BESIDE = (
    """INSERT INTO refused_deliveries (id, source, received_at, status, reason, method, url, headers, body)
       SELECT 'dlv_' || lpad(to_hex(CAST(EXTRACT(epoch FROM at) * 1000 AS bigint)), 12, '0')
              || lpad(to_hex(n), 20, '0'),
              source, at, 401, 'signature_mismatch', 'POST', 'https://segue.example/webhooks/' || source, '{}',
              '\\x7b7d'
       FROM unnest(ARRAY['crm', 'open', 'webinar', 'portal', 's0', 's1', 's2']) WITH ORDINALITY AS named(source, place)
       CROSS JOIN generate_series(1, 20) AS n
       CROSS JOIN LATERAL (SELECT NOW - n * interval '30 minutes' - place * interval '1 second' AS at) AS happened""",
    """INSERT INTO sender_reservations (enrollment_id, account, inbox, reserved_at)
       SELECT id, account, sender_email, first_sending_at FROM enrollments
       WHERE state = 'enrolled' AND first_sending_at > NOW - interval '1 day'""",
    """INSERT INTO inboxes (account, inbox)
       SELECT DISTINCT account, inbox FROM sender_reservations WHERE reserved_at < NOW""",
    """INSERT INTO sender_pauses (account, inbox, refusals, reason, paused_at, sender, user_id)
       VALUES ('ACCOUNT', 'b1@acme.example', 3, 'DISCONNECTED_INBOX', NOW, 'b1', '711')""",
    """INSERT INTO hubspot_accounts (account, portal_id, timezone, learnt_at)
       VALUES ('ACCOUNT', '4200117', 'Europe/Berlin', NOW)""",
    """INSERT INTO rate_windows (account, kind, maximum, window_ms)
       SELECT 'ACCOUNT', kind, 180, 10000 FROM unnest(ARRAY['general', 'search']) AS kind WHERE NOW IS NOT NULL""",
    """INSERT INTO rate_grants (account, kind, granted_at, count)
       SELECT 'ACCOUNT', 'general', NOW - n * interval '50 ms', 1 FROM generate_series(1, 180) AS n""",
    """INSERT INTO doctor_runs (id, account, asked_by, asked_at, state, done_at, findings)
       SELECT 'doc_' || n, 'ACCOUNT', 'ada', NOW - n * interval '1 day', 'done', NOW - n * interval '1 day', '[]'
       FROM generate_series(1, 5) AS n""",
)


async def fill(url: URL, events: int, *, days: int = DAYS) -> None:
    """Fill a migrated database with so many events of these days, and what belongs to them; let PostgreSQL look at it.

    Hours are counted for twelve times these days. Indexes are made when the rows are there, which is faster.
    """
    now, begun = utc_now(), time.monotonic()
    installation = Installation(events, now, days)
    connection = await connect(url, command_timeout=None)
    await connection.execute("SET maintenance_work_mem = '256MB'")
    try:
        for rows in installation.growing():
            table = metadata.tables[rows.table]
            indexes = sorted(table.indexes, key=lambda one: str(one.name))
            for index in indexes:
                await connection.execute(f"DROP INDEX {index.name}")
            await _insert(connection, rows, events)
            for index in indexes:
                await connection.execute(_created(index))
            _tell(f"{rows.table} are there after {time.monotonic() - begun:.0f} s")
        for statement in BESIDE:
            await connection.execute(statement.replace("NOW", NOW).replace("ACCOUNT", ACCOUNT), now)
        await _tally(url, connection, now, days)
        _tell(f"a year is counted after {time.monotonic() - begun:.0f} s")
        await connection.execute("VACUUM (ANALYZE)")
        _tell(f"all is there after {time.monotonic() - begun:.0f} s")
    finally:
        await connection.close()


async def _insert(connection: Any, rows: Rows, events: int) -> None:
    first = 1 if rows.newest is None else events - rows.newest + 1
    for begin in range(first, events + 1, CHUNK):
        await connection.execute(rows.statement(), begin, min(begin + CHUNK - 1, events))


def _created(index: Index) -> str:
    return str(CreateIndex(index).compile(dialect=_DIALECT))


async def _tally(url: URL, connection: Any, now: datetime, days: int) -> None:
    engine = open_engine(url, pool_size=2, command_timeout=None)
    recount = open_recount(engine, "bench", history_days=load_settings({}).history_days)
    await recount.store.ask_rebuild(now.replace(minute=0, second=0, microsecond=0) - (days + 1) * _DAY)
    await recount.rebuilt()
    await engine.dispose()
    for months in range(1, YEAR):
        await connection.execute(EARLIER_TALLIES, now, months * days, days)
    await connection.execute(COUNTERS, now, 24 * days * YEAR)


async def contents(url: URL) -> list[tuple[str, int, int]]:
    """Return each table with more than a thousand rows, how many rows, and how many bytes with its indexes."""
    connection = await connect(url, command_timeout=None)
    rows = await connection.fetch("""
        SELECT relname, CAST(reltuples AS bigint) AS rows, pg_total_relation_size(oid) AS bytes FROM pg_class
        WHERE relkind = 'r' AND relnamespace = CAST('public' AS regnamespace) AND reltuples > 1000 ORDER BY bytes DESC
    """)
    await connection.close()
    return [(row["relname"], row["rows"], row["bytes"]) for row in rows]


def _tell(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()
