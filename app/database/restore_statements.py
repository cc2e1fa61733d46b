"""The statements that notice a restored database: by what a copy does not share with the database it was made of."""

from __future__ import annotations

from sqlalchemy import text

# A dump that is loaded makes new tables (`table`), in another database (`database`) or cluster (`cluster`). A server
# that was recovered to a moment of the past, or promoted, writes a new timeline. `files` is what the caller knows of
# the server's files. The position in the server's log never goes back on one timeline: where it is behind what this
# process has seen, the files were put back.
_TABLE = """
    'table', CAST('installation'::regclass::oid AS text),
    'database', (SELECT CAST(oid AS text) FROM pg_database WHERE datname = current_database()),
    'files', CAST(:files AS text)
"""
_SERVER = """,
    'cluster', (SELECT CAST(system_identifier AS text) FROM pg_control_system()),
    'timeline', left(pg_walfile_name(pg_current_wal_lsn()), 8)
"""
_CHECK = """
    SELECT jsonb_build_object({identity}) AS identity, {position} AS position, clock_timestamp() AS now,
           (SELECT value FROM installation WHERE name = 'identity') AS noted,
           (SELECT value FROM installation WHERE name = 'restored') AS marked,
           (SELECT max(until) FROM restores) AS latest
"""
CHECK = text(
    _CHECK.format(identity=_TABLE + _SERVER, position="pg_wal_lsn_diff(pg_current_wal_flush_lsn(), '0/0')"),
)
# For servers that do not tell of their log, or not this user.
CHECK_TABLES = text(_CHECK.format(identity=_TABLE, position="NULL::numeric"))

# The row is the lock of those who notice a restore at the same time.
LOCK = text("""
    INSERT INTO installation (name, value) VALUES ('identity', '{}')
    ON CONFLICT (name) DO UPDATE SET value = installation.value
""")
NOTE = text("UPDATE installation SET value = :value WHERE name = 'identity'")
# A worker that finds the row locked has others write it.
CONFIRM = text("""
    UPDATE installation SET value = :value
    WHERE name = (SELECT name FROM installation WHERE name = 'identity' FOR UPDATE SKIP LOCKED)
""")
UNMARK = text("DELETE FROM installation WHERE name = 'restored'")
INSERT = text("""
    INSERT INTO restores (since, until)
    SELECT LEAST(CAST(:since AS timestamptz), moment), moment FROM (SELECT CAST(:until AS timestamptz) AS moment) AS now
""")
