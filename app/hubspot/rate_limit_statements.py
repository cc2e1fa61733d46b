"""The statements over the rolling window of requests to HubSpot, and over the account's day."""

from __future__ import annotations

from sqlalchemy import text

# Taking the row is the lock. Clocks are read when the lock is held: with `now()`, which is the transaction's start, two
# replicas that waited for each other would count different windows.
LOCK_WINDOW = text("""
    INSERT INTO rate_windows AS w (account, kind, maximum, window_ms) VALUES (:account, :kind, :maximum, :window_ms)
    ON CONFLICT (account, kind) DO UPDATE SET kind = excluded.kind
    RETURNING maximum, window_ms, blocked_until, blocked_by, clock_timestamp() AS now
""")

CLOCK = text("SELECT clock_timestamp() AS now")

# Locks the window as well, so that it is enough where no other transaction gives permits at this moment. Its snapshot
# is older than its lock: where others were given in between, `locked` is a newer version of the row than `seen`, and no
# row is returned. None is returned either where the window has other limits than the caller knows, or is paused. The
# caller then locks it first. A statement that gives permits writes a new version of the row.
#
# Notes how earlier permits were used, forgets those that count no more, and gives up to `wanted` of the places that the
# window has left. Fewer are given only where `patience` seconds would bring no more: permits that are given together
# become free together, so that small blocks grow together instead of staying small for ever. Where half of the window
# stays free, `ahead` further ones are given, for the next requests of the same process. Without `give` none is given.
#
# `until` is when a permit's request can no longer be within the window. A row that another replica has deleted
# meanwhile is not updated, which does no harm. `first_in` is the number of seconds until there is one more place,
# `enough_in` until there are as many as wanted.
GIVE_PERMITS = text("""
    WITH seen AS MATERIALIZED (
        SELECT xmin AS version FROM rate_windows WHERE account = :account AND kind = :kind
    ), locked AS MATERIALIZED (
        SELECT xmin AS version FROM rate_windows
        WHERE account = :account AND kind = :kind AND maximum = :maximum AND window_ms = :window_ms
          AND (NOT :give OR blocked_until IS NULL OR blocked_until <= clock_timestamp())
        FOR UPDATE
    ), clock AS MATERIALIZED (
        SELECT clock_timestamp() AS moment FROM locked JOIN seen USING (version)
    ), used AS (
        SELECT * FROM unnest(CAST(:ids AS bigint[]), CAST(:counts AS integer[]), CAST(:waits AS double precision[]))
          AS used(id, count, waited)
    ), counted AS MATERIALIZED (
        SELECT given.id, COALESCE(used.count, given.count) AS count, used.waited,
               granted_at + make_interval(secs => :window_ms / 1000.0 + COALESCE(used.waited, given.waited)) AS until,
               moment
        FROM clock CROSS JOIN rate_grants AS given LEFT JOIN used USING (id) WHERE account = :account AND kind = :kind
    ), live AS MATERIALIZED (
        SELECT counted.*, sum(count) OVER (ORDER BY until, id ROWS UNBOUNDED PRECEDING) AS freed
        FROM counted WHERE count > 0 AND until > moment
    ), forgotten AS (
        DELETE FROM rate_grants
        WHERE id = ANY(ARRAY(SELECT id FROM counted WHERE NOT (count > 0 AND until > moment)))
    ), noted AS (
        UPDATE rate_grants SET count = live.count, waited = live.waited
        FROM live
        WHERE live.waited IS NOT NULL AND rate_grants.id = live.id
          AND rate_grants.id = ANY(ARRAY(SELECT id FROM live WHERE waited IS NOT NULL))
    ), room AS MATERIALIZED (
        SELECT CAST(:allowed - COALESCE(sum(count), 0) AS integer) AS places FROM live
    ), wait AS MATERIALIZED (
        SELECT places, moment, first_in, enough_in FROM room CROSS JOIN clock CROSS JOIN LATERAL (
            SELECT EXTRACT(epoch FROM min(until) - clock.moment) AS first_in,
                   EXTRACT(epoch FROM min(until) FILTER (WHERE freed + places >= :wanted) - clock.moment) AS enough_in
            FROM live
        ) AS free
    ), given AS (
        INSERT INTO rate_grants (account, kind, granted_at, count, waited)
        SELECT :account, :kind, moment,
               LEAST(places, :wanted + CASE WHEN places - :wanted >= :allowed / 2 THEN :ahead ELSE 0 END), :waited
        FROM wait WHERE :give AND places > 0 AND (places >= :wanted OR COALESCE(enough_in > :patience, true))
        RETURNING id, count
    ), changed AS (
        UPDATE rate_windows SET maximum = maximum FROM given WHERE account = :account AND kind = :kind
    )
    SELECT places, first_in, enough_in, given.id, given.count FROM wait LEFT JOIN given ON true
""")

INSERT_PERMITS = text("""
    INSERT INTO rate_grants (account, kind, granted_at, count, waited)
    VALUES (:account, :kind, clock_timestamp(), :count, :waited)
    RETURNING id
""")

# The row is the day's lock, for all kinds of requests. Where the day has ended, a new one begins.
COUNT_DAY = text("""
    INSERT INTO rate_days AS day (account, ends_at, used) VALUES (:account, :ends_at, 0)
    ON CONFLICT (account) DO UPDATE SET
        used = CASE WHEN day.ends_at <= clock_timestamp() THEN 0 ELSE day.used END,
        ends_at = CASE WHEN day.ends_at <= clock_timestamp() THEN excluded.ends_at ELSE day.ends_at END
    RETURNING used, ends_at
""")

SPEND_DAY = text("UPDATE rate_days SET used = used + :count WHERE account = :account")

ADOPT_LIMIT = text("""
    UPDATE rate_windows SET maximum = :maximum, window_ms = :window_ms
    WHERE account = :account AND kind = :kind AND (maximum, window_ms) <> (:maximum, :window_ms)
""")

# The code stays with the later instant: a refused burst does not replace the code of a day that is spent.
BLOCK = text("""
    UPDATE rate_windows AS w
    SET blocked_by = CASE WHEN w.blocked_until > pause.until THEN w.blocked_by ELSE :code END,
        blocked_until = GREATEST(w.blocked_until, pause.until)
    FROM (SELECT clock_timestamp() + make_interval(secs => :seconds) AS until) AS pause
    WHERE w.account = :account AND w.kind = :kind
""")
