"""The statements over thin events: claim, see when the next is due, try later, release, count those that failed."""

from __future__ import annotations

from sqlalchemy import text

# A worker claims any row whose lease has run out: a second lookup is harmless, since it only reads, and the attempt
# lets only one answer be written. SKIP LOCKED lets workers claim side by side. `statement_timestamp()` is what the
# index serves; it is never later than the clock, so that no row is claimed before its time or within its lease.
CLAIM = text("""
    WITH candidate AS MATERIALIZED (
        SELECT event_id FROM enrichments
        WHERE due_at <= statement_timestamp()
          AND (state = 'ready' OR (state = 'working' AND leased_until < statement_timestamp()))
        ORDER BY due_at, event_id LIMIT :limit
        FOR UPDATE SKIP LOCKED
    ), claimed AS (
        UPDATE enrichments SET state = 'working', attempt = attempt + 1, leased_by = :worker,
               leased_until = clock_timestamp() + make_interval(secs => :lease), updated_at = clock_timestamp()
        FROM candidate WHERE enrichments.event_id = candidate.event_id
        RETURNING enrichments.event_id, enrichments.attempt, enrichments.tries, enrichments.first_failed_at
    )
    SELECT claimed.attempt, claimed.tries, claimed.first_failed_at, events.*
    FROM claimed JOIN events ON events.id = claimed.event_id
""")

# The first entry of the index, however many events wait. A row that a worker has claimed was due before.
NEXT_DUE = text("""
    SELECT EXTRACT(epoch FROM min(due_at) - clock_timestamp()) AS seconds FROM enrichments
    WHERE state IN ('ready', 'working')
""")

LATER = text("""
    UPDATE enrichments SET state = 'ready', reason = :reason, detail = :detail, due_at = :due_at, tries = tries + 1,
           first_failed_at = COALESCE(first_failed_at, :first_failed_at), leased_by = NULL, leased_until = NULL,
           updated_at = clock_timestamp()
    WHERE event_id = :event_id AND attempt = :attempt AND state = 'working'
    RETURNING event_id
""")

HAND_BACK = text("""
    UPDATE enrichments SET state = 'ready', leased_by = NULL, leased_until = NULL, updated_at = clock_timestamp()
    WHERE leased_by = :worker AND state = 'working'
    RETURNING event_id
""")

WAITING = text("""
    SELECT source, reason, count(*) AS events, min(created_at) AS since, max(detail) AS detail FROM enrichments
    WHERE state IN ('ready', 'working') AND reason IS NOT NULL
    GROUP BY source, reason ORDER BY source, reason
""")
