"""The statements that count hours from rows, under the turn of one replica.

`app.tallies.recount` says in which order they run, and why nothing is counted twice or missed. The row of `tally_state`
is the lock and the fence: no row comes back once another replica has the turn.
"""

from __future__ import annotations

from sqlalchemy import text

from app.tallies.stages import INELIGIBLE

# Not every id has a time in it: a database may hold some that were made by hand.
_MILLISECONDS = "CAST(CAST('x' || substr({id}, 5, 12) AS bit(48)) AS bigint)"
_HOUR = f"""
    CASE WHEN {{id}} ~ '^evt_[0-9a-f]{{{{12}}}}' THEN
        CAST('epoch' AS timestamptz) + {_MILLISECONDS} / 3600000 * interval '1 hour'
    END
"""

# Rows that a transaction has written whose lines and ids were given before, and are not seen yet: none of those that
# have an earlier time than this will appear any more. A transaction that writes has a number, and its rows have times
# after its begin. One that takes longer than `patience` is not waited for. Of another user's transactions PostgreSQL
# tells nothing: they have the time `behind`.
_HORIZON = """
    GREATEST(
        LEAST(clock_timestamp(), (
            SELECT min(xact_start) FROM pg_stat_activity
            WHERE datname = current_database() AND backend_xid IS NOT NULL AND pid <> pg_backend_pid()
        )) - CAST(:behind AS interval),
        clock_timestamp() - CAST(:patience AS interval)
    )
"""
HORIZON = text(f"SELECT {_HORIZON} AS horizon, clock_timestamp() AS now")

# A minimum is one look-up in an index; for EXISTS the planner may scan. No row: this database has never been counted.
_SINCE = """
    lpad(to_hex(CAST(EXTRACT(epoch FROM decided_until - CAST(:clocks_differ AS interval)) * 1000 AS bigint)), 12, '0')
"""
NEXT_WORK = text(f"""
    SELECT cursor IS NULL OR rebuild_next IS NOT NULL
           OR COALESCE((SELECT max(id) FROM journal) > cursor, false)
           OR COALESCE((SELECT max(id) FROM events WHERE id < 'evt_g') > 'evt_' || {_SINCE}, false)
           OR COALESCE((SELECT max(id) FROM decisions WHERE id < 'dec_g') > 'dec_' || {_SINCE}, false) AS work
    FROM tally_state WHERE name = 'cells'
""")  # noqa: S608  # what is put in stands above

TAKE_TURN = text("""
    INSERT INTO tally_state AS mine (name, turn, leased_by, leased_until)
    VALUES ('cells', 1, :worker, clock_timestamp() + make_interval(secs => :lease))
    ON CONFLICT (name) DO UPDATE SET turn = mine.turn + 1, leased_by = excluded.leased_by,
           leased_until = excluded.leased_until
    WHERE mine.leased_until IS NULL OR mine.leased_until < clock_timestamp()
    RETURNING turn, cursor, decided_until, rebuild_next
""")

END_TURN = text("""
    UPDATE tally_state SET leased_by = NULL, leased_until = NULL, ran_at = clock_timestamp()
    WHERE name = 'cells' AND turn = :turn
""")

# The first turn ever: what is there by now is counted by a rebuild, what comes from now on as it comes.
BEGIN = text("""
    UPDATE tally_state SET
           cursor = COALESCE((SELECT id FROM journal WHERE at < :horizon ORDER BY id DESC LIMIT 1), 0),
           decided_until = :horizon, rebuild_next = CAST('epoch' AS timestamptz),
           frozen_before = GREATEST(frozen_before, CAST(:frozen_before AS timestamptz))
    WHERE name = 'cells' AND turn = :turn
    RETURNING turn, cursor, decided_until, rebuild_next
""")

# A page of the journal beyond the cursor, as far as no line will appear below it any more, with the hours of its lines.
FIND_JOURNALLED = text(f"""
    WITH page AS MATERIALIZED (
        SELECT id, enrollment_id, at FROM journal WHERE id > :cursor ORDER BY id LIMIT :most
    ), below AS MATERIALIZED (
        SELECT id, enrollment_id FROM page
        WHERE id < COALESCE((SELECT min(id) FROM page WHERE at >= :horizon), 9223372036854775807)
    ), hour AS (
        SELECT DISTINCT {_HOUR.format(id="event_id")} AS hour FROM enrollments
        WHERE id = ANY(ARRAY(SELECT DISTINCT enrollment_id FROM below))
    )
    SELECT COALESCE((SELECT max(id) FROM below), :cursor) AS cursor,
           (SELECT count(*) FROM below) AS lines,
           ARRAY(SELECT hour FROM hour WHERE hour IS NOT NULL) AS hours
""")  # noqa: S608  # what is put in stands above

# Decisions that leave no line in the journal, and events that are not decided yet. `since` is a time as ids have it,
# before the horizon of the turn before; decisions say in addition when they were written. The ranges have two ends: for
# one end alone the planner expects a third of the table.
FIND_DECIDED = text(f"""
    SELECT {_HOUR.format(id="event_id")} AS hour FROM decisions
    WHERE id > 'dec_' || CAST(:since AS text) AND id < 'dec_g' AND decided_at >= CAST(:decided_since AS timestamptz)
    UNION
    SELECT {_HOUR.format(id="id")} FROM events
    WHERE id > 'evt_' || :since AND id < 'evt_g'
""")  # noqa: S608  # what is put in stands above

# Hours that begin before `frozen_before` stay as they are: rows of theirs may have been deleted.
LOCK = text("""
    UPDATE tally_state SET leased_until = clock_timestamp() + make_interval(secs => :lease)
    WHERE name = 'cells' AND turn = :turn
    RETURNING COALESCE(CAST(:hour AS timestamptz) < frozen_before, false) AS frozen
""")

_OVER = "state IN ('refused', 'cancelled', 'expired')"
_INELIGIBLE = ", ".join(f"'{reason}'" for reason in INELIGIBLE)
_STAGE = f"""
    CASE WHEN state = 'refused' AND reason IN ({_INELIGIBLE}) THEN 'ineligible'
         WHEN state IN ('held', 'ready', 'working', 'uncertain') THEN 'waiting'
         ELSE state END
"""
_UNMATCHED = """
    CASE verdict WHEN 'ignore' THEN 'ignored' WHEN 'dropped' THEN 'dropped' WHEN 'forgotten' THEN 'forgotten'
         WHEN 'none' THEN CASE WHEN rule IS NULL THEN 'no_match' ELSE 'no_address' END
         ELSE 'other' END
"""
# Whatever is no class: texts of strangers, which could hold an address, or make as many cells as there are events.
_CLASS = "CASE WHEN reason ~ '^[A-Za-z0-9_.:/ -]{0,80}$' THEN reason ELSE 'other' END"
_COLUMNS = "stage, source, rule, account, sequence, sender, reason, known"

# Of a decided-again event the decisions that were made last are in force. An enrollment of an earlier one stands beside
# them unless it is over; that its intent is taken by it is no second "no".
#
# What is written has no column that erasing a person changes: a person who is forgotten is counted as before. Only what
# differs is written.
RECOUNT = text(f"""
    WITH event AS MATERIALIZED (
        SELECT id, source, type FROM events WHERE id >= :first AND id < :beyond
    ), decision AS MATERIALIZED (
        SELECT event_id, source, rule, verdict, enrollment_id,
               decided_at = max(decided_at) OVER (PARTITION BY event_id) AS in_force
        FROM decisions WHERE event_id >= :first AND event_id < :beyond
    ), made AS MATERIALIZED (
        SELECT id, account, sequence, sender, state, reason, ended, ended_known, replied_at, {_OVER} AS over
        FROM enrollments WHERE id = ANY(ARRAY(SELECT enrollment_id FROM decision WHERE enrollment_id IS NOT NULL))
    ), enrollment AS MATERIALIZED (
        SELECT event_id, in_force, source, rule, made.* FROM decision JOIN made ON made.id = decision.enrollment_id
        WHERE in_force OR NOT over
    ), stands AS (
        SELECT event_id FROM enrollment WHERE NOT in_force
    ), cell({_COLUMNS}) AS (
        SELECT 'verified', source, '', '', '', '', type, true FROM event
        UNION ALL
        SELECT 'undecided', source, '', '', '', '', '', true FROM event
        WHERE NOT EXISTS (SELECT FROM decision WHERE event_id = event.id)
        UNION ALL
        SELECT 'ineligible', source, rule, '', '', '', 'intent_taken', true FROM decision
        WHERE in_force AND verdict = 'duplicate'
          AND NOT EXISTS (SELECT FROM stands WHERE stands.event_id = decision.event_id)
        UNION ALL
        SELECT 'unmatched', source, COALESCE(rule, ''), '', '', '', {_UNMATCHED}, true FROM decision
        WHERE in_force AND enrollment_id IS NULL AND verdict <> 'duplicate'
        UNION ALL
        SELECT {_STAGE}, source, rule, account, sequence, COALESCE(sender, ''), COALESCE(reason, ''), true
        FROM enrollment
        UNION ALL
        SELECT 'ended', source, rule, account, sequence, COALESCE(sender, ''), ended, COALESCE(ended_known, false)
        FROM enrollment WHERE state = 'enrolled' AND ended IS NOT NULL
        UNION ALL
        SELECT 'replied', source, rule, account, sequence, COALESCE(sender, ''), '', false
        FROM enrollment WHERE state = 'enrolled' AND replied_at IS NOT NULL
    ), classed AS (
        SELECT stage, source, rule, account, sequence, sender, {_CLASS} AS reason, known, count(*) AS n FROM cell
        GROUP BY 1, 2, 3, 4, 5, 6, 7, 8
    ), placed AS (
        SELECT *, row_number() OVER (ORDER BY n DESC, {_COLUMNS}) > :most AS tail FROM classed
    ), fresh AS MATERIALIZED (
        SELECT stage, CASE WHEN tail THEN 'other' ELSE source END AS source,
               CASE WHEN tail THEN 'other' ELSE rule END AS rule,
               CASE WHEN tail THEN 'other' ELSE account END AS account,
               CASE WHEN tail THEN 'other' ELSE sequence END AS sequence,
               CASE WHEN tail THEN 'other' ELSE sender END AS sender,
               CASE WHEN tail THEN 'other' ELSE reason END AS reason,
               known, CAST(sum(n) AS bigint) AS n
        FROM placed GROUP BY 1, 2, 3, 4, 5, 6, 7, 8
    ), gone AS (
        DELETE FROM tallies WHERE hour = :hour AND NOT EXISTS (
            SELECT FROM fresh WHERE (fresh.stage, fresh.source, fresh.rule, fresh.account, fresh.sequence, fresh.sender,
                                     fresh.reason, fresh.known)
                = (tallies.stage, tallies.source, tallies.rule, tallies.account, tallies.sequence, tallies.sender,
                   tallies.reason, tallies.known))
        RETURNING 1
    ), written AS (
        INSERT INTO tallies AS kept (hour, {_COLUMNS}, n)
        SELECT :hour, {_COLUMNS}, n FROM fresh
        ON CONFLICT (hour, {_COLUMNS}) DO UPDATE SET n = excluded.n WHERE kept.n <> excluded.n
        RETURNING 1
    )
    SELECT (SELECT count(*) FROM gone) + (SELECT count(*) FROM written) AS changed
""")  # noqa: S608  # what is put in stands above

# The page of the journal is counted, and decisions up to the horizon.
ADVANCE = text("""
    UPDATE tally_state SET cursor = GREATEST(cursor, :cursor),
           decided_until = GREATEST(decided_until, CAST(:decided_until AS timestamptz))
    WHERE name = 'cells' AND turn = :turn
    RETURNING turn
""")

# The next hour from `since` on of which there are events, or cells. No row: the rebuild is over.
NEXT_HOUR = text(f"""
    SELECT LEAST(
        (SELECT {_HOUR.format(id="id")} FROM events
         WHERE id >= :first AND id < 'evt_g' AND id ~ '^evt_[0-9a-f]{{12}}' ORDER BY id LIMIT 1),
        (SELECT min(hour) FROM tallies WHERE hour >= :since)
    ) AS hour
""")  # noqa: S608  # what is put in stands above

# Not where an operator has asked for a rebuild from an earlier hour meanwhile.
REBUILT = text("""
    UPDATE tally_state SET rebuild_next = CAST(:next AS timestamptz)
    WHERE name = 'cells' AND turn = :turn AND rebuild_next = CAST(:was AS timestamptz)
""")

READ_REBUILD = text("SELECT rebuild_next FROM tally_state WHERE name = 'cells'")

ASK_REBUILD = text("""
    INSERT INTO tally_state AS mine (name, rebuild_next) VALUES ('cells', :since)
    ON CONFLICT (name) DO UPDATE SET rebuild_next = LEAST(mine.rebuild_next, excluded.rebuild_next)
    RETURNING rebuild_next, frozen_before
""")

# The totals of runs that have ended by all that is known, into one row each. A process writes no total of an hour that
# is older than a day.
FOLD = text("""
    WITH old AS (
        DELETE FROM tally_counters
        WHERE run <> '' AND hour < statement_timestamp() - interval '2 days'
        RETURNING hour, source, result, reason, n, last_at
    )
    INSERT INTO tally_counters AS kept (hour, source, result, reason, run, n, last_at)
    SELECT hour, source, result, reason, '', sum(n), max(last_at) FROM old GROUP BY hour, source, result, reason
    ON CONFLICT (hour, source, result, reason, run) DO UPDATE SET n = kept.n + excluded.n,
           last_at = GREATEST(kept.last_at, excluded.last_at)
""")

WRITE_COUNTERS = text("""
    INSERT INTO tally_counters AS kept (hour, source, result, reason, run, n, last_at)
    SELECT hour, source, result, reason, :run, n, last_at FROM jsonb_to_recordset(CAST(:counts AS jsonb)) AS count(
        hour timestamptz, source text, result text, reason text, n bigint, last_at timestamptz
    )
    ON CONFLICT (hour, source, result, reason, run) DO UPDATE SET n = excluded.n, last_at = excluded.last_at
    WHERE kept.n <> excluded.n
""")
