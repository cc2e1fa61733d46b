"""The statements over the rolling window of requests to HubSpot, and over the account's day."""

from __future__ import annotations

from sqlalchemy import text

# Taking the row is the lock. `clock_timestamp()` is read in the statements after it, when the lock is held: with
# `now()`, which is the transaction's start, two replicas that waited for each other would count different windows.
LOCK_WINDOW = text("""
    INSERT INTO rate_windows AS w (account, kind, maximum, window_ms) VALUES (:account, :kind, :maximum, :window_ms)
    ON CONFLICT (account, kind) DO UPDATE SET kind = excluded.kind
    RETURNING maximum, window_ms, blocked_until, blocked_by
""")

CLOCK = text("SELECT clock_timestamp()")

DELETE_EXPIRED_PERMITS = text("""
    DELETE FROM rate_grants
    WHERE account = :account AND kind = :kind
      AND (count = 0 OR granted_at <= clock_timestamp() - make_interval(secs => :window + waited))
""")

READ_PERMITS = text("""
    SELECT granted_at + make_interval(secs => :window + waited) AS until, count AS requests FROM rate_grants
    WHERE account = :account AND kind = :kind ORDER BY 1
""")

INSERT_PERMITS = text("""
    INSERT INTO rate_grants (account, kind, granted_at, count, waited)
    VALUES (:account, :kind, clock_timestamp(), :count, :waited)
    RETURNING id
""")

# How permits were used. A row that another replica has deleted meanwhile is not updated, which does no harm.
RECORD_USE = text("""
    UPDATE rate_grants SET count = used.count, waited = used.waited
    FROM unnest(CAST(:ids AS bigint[]), CAST(:counts AS integer[]), CAST(:waits AS double precision[]))
      AS used(id, count, waited)
    WHERE rate_grants.id = used.id
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
