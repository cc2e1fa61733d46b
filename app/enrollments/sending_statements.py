"""The statements that commit `sending`, for many enrollments at once."""

from __future__ import annotations

from sqlalchemy import text

from app.enrollments.person_statements import RELATED_COLUMNS
from app.enrollments.statements import EXPIRED
from app.people.eligibility_store import FIND_ENTRIES

# The inbox rows are the locks of the senders' ledgers: two transactions that count and reserve places in one inbox run
# one after the other. They are locked in the order of their names, so that two batches never wait for each other.
# COMMIT_SENDING locks them itself where that is enough.
LOCK_INBOXES = text("""
    INSERT INTO inboxes (account, inbox)
    SELECT :account, inbox FROM unnest(CAST(:inboxes AS text[])) AS wanted(inbox) ORDER BY inbox
    ON CONFLICT (account, inbox) DO UPDATE SET inbox = excluded.inbox
""")

# Its snapshot must see what the transactions before it reserved, and is older than the locks that it takes. A
# transaction that reserves places writes a new version of the inbox's row: where `locked` is a newer one than `seen`,
# or where there is no row yet, nothing is written and no row is returned. Then the inboxes are locked by a statement
# before this one.
#
# The row locks are the fence: a row that another attempt has claimed is not among `ours`. The clock is read once, or
# the first sending of a row would be microseconds after its `sending_at`. A repeated commit of one attempt writes no
# second journal row.
#
# A row that is sent occupies its contact from now on. What other enrollments of the same contact mean for it, under
# other addresses, is found as in `person_statements`. The addresses and contact ids of one person are joined by blanks,
# which neither contains. Of two rows of one contact that are committed together, the one whose turn is later waits. Two
# workers that commit two rows of one contact at the same time see neither occupy it; then the unique index lets one of
# them write, and the other one raises.
#
# Each row counts the places that other enrollments have taken, and the rows of its own batch before it; a row that
# holds a place already (the commit is repeated, or a lost answer is sent again) comes first and takes no second one.
#
# Most of what it costs for one row is to set up its parts: related rows are looked at once, for all three questions.
COMMIT_SENDING = text(f"""
    WITH seen AS MATERIALIZED (
        SELECT inbox, xmin AS version FROM inboxes
        WHERE account = :account AND inbox = ANY(CAST(:inboxes AS text[]))
    ), locked AS MATERIALIZED (
        SELECT inbox, xmin AS version FROM inboxes
        WHERE account = :account AND inbox = ANY(CAST(:inboxes AS text[])) ORDER BY inbox FOR UPDATE
    ), clock AS MATERIALIZED (
        SELECT clock_timestamp() AS moment FROM locked JOIN seen USING (inbox, version)
        HAVING count(*) = cardinality(CAST(:inboxes AS text[]))
    ), suppressed AS MATERIALIZED ({FIND_ENTRIES}), wanted AS MATERIALIZED (
        SELECT * FROM jsonb_to_recordset(CAST(:requests AS jsonb)) AS row(
            turn integer, id text, attempt integer, inbox text, places integer, detail text, known boolean,
            contact_ids text, others text, contact_id text, count integer, sequence text, date timestamptz, owner text
        )
    ), ours AS MATERIALIZED (
        SELECT enrollments.id, account, email, intent, COALESCE(heard_at, created_at) AS heard,
               first_sending_at IS NULL AS unsent, triggered_at, wanted.inbox, places, turn, contact_ids, others,
               {EXPIRED} AS expired, step IS NOT DISTINCT FROM 'sending' AS again, moment
        FROM clock CROSS JOIN enrollments
        JOIN wanted ON enrollments.id = wanted.id AND enrollments.attempt = wanted.attempt
        WHERE state = 'working' ORDER BY enrollments.id FOR UPDATE OF enrollments
    ), related AS MATERIALIZED (
        SELECT ours.id AS own_id, {RELATED_COLUMNS} FROM ours JOIN enrollments AS other ON other.account = ours.account
        WHERE other.contact_id = ANY(string_to_array(contact_ids, ' ')) AND other.email <> ours.email
        UNION ALL
        SELECT ours.id AS own_id, {RELATED_COLUMNS} FROM ours JOIN enrollments AS other ON other.account = ours.account
        WHERE other.email = ANY(string_to_array(others, ' ')) AND other.email <> ours.email
    ), requested AS MATERIALIZED (
        SELECT ours.id, ours.inbox, places, turn, moment, expired, again, paused_at, reason, held.inbox AS held_in,
               left_by, duplicate_of, busy, suppressions,
               CASE WHEN full_until > moment THEN full_until END AS full_until,
               suppressions IS NOT NULL OR expired OR paused_at IS NOT NULL OR COALESCE(full_until > moment, false)
                   OR COALESCE(left_by, duplicate_of, busy) IS NOT NULL AS stopped
        FROM ours
        LEFT JOIN sender_pauses ON sender_pauses.account = :account AND sender_pauses.inbox = ours.inbox
        LEFT JOIN sender_reservations AS held ON enrollment_id = ours.id AND held.account = :account
            AND reserved_at > moment - CAST(:period AS interval)
        CROSS JOIN LATERAL (
            SELECT max(related.id) FILTER (
                       WHERE action IN ('cancel', 'unenroll') AND state <> 'cancelled'
                         AND (related.heard, related.id) > (ours.heard, ours.id)
                   ) AS left_by,
                   (array_agg(related.id ORDER BY related.unsent, related.heard, related.id) FILTER (
                       WHERE (related.unsent, related.heard, related.id) < (ours.unsent, ours.heard, ours.id)
                         AND EXISTS (
                             SELECT FROM intents WHERE intents.account = ours.account AND intents.intent = ours.intent
                               AND intents.email = related.email AND enrollment_id = related.id
                               AND until > statement_timestamp()
                         )
                   ))[1] AS duplicate_of,
                   min(related.id) FILTER (
                       WHERE occupies OR (unenrolls AND ours.triggered_at IS NULL)
                          OR (together.turn < ours.turn AND NOT ours.again)
                   ) AS busy
            FROM related LEFT JOIN ours AS together USING (id) WHERE own_id = ours.id
        ) AS conflict
        CROSS JOIN LATERAL (
            SELECT jsonb_agg(suppressed) AS suppressions FROM suppressed
            WHERE suppressed.email = ours.email OR suppressed.email = ANY(string_to_array(others, ' '))
        ) AS found
    ), taken AS MATERIALIZED (
        SELECT wanted.inbox, (
                   SELECT count(*) FROM sender_reservations AS place
                   WHERE place.account = :account AND place.inbox = wanted.inbox
                     AND reserved_at > (SELECT moment FROM clock) - CAST(:period AS interval)
               ) - (SELECT count(*) FROM requested WHERE held_in = wanted.inbox AND NOT stopped) AS places
        FROM unnest(CAST(:inboxes AS text[])) AS wanted(inbox)
    ), judged AS MATERIALIZED (
        SELECT requested.*, taken.places + row_number() OVER (
                   PARTITION BY requested.inbox, stopped
                   ORDER BY held_in IS NOT NULL DESC, requested.places DESC, turn
               ) <= requested.places AS has_place
        FROM requested JOIN taken USING (inbox)
    ), admitted AS MATERIALIZED (
        SELECT moment, again, wanted.* FROM judged JOIN wanted USING (id) WHERE has_place AND NOT stopped
    ), reserved AS (
        INSERT INTO sender_reservations (enrollment_id, account, inbox, reserved_at)
        SELECT id, :account, inbox, moment FROM admitted ORDER BY id
        ON CONFLICT (enrollment_id) DO UPDATE SET reserved_at = excluded.reserved_at, inbox = excluded.inbox
    ), moved AS (
        UPDATE enrollments SET
               step = 'sending', sending_at = moment, updated_at = moment,
               first_sending_at = COALESCE(first_sending_at, moment),
               contact_id = CASE WHEN known THEN admitted.contact_id ELSE enrollments.contact_id END,
               occupied_contact_id = CASE WHEN known THEN admitted.contact_id ELSE occupied_contact_id END,
               baseline_count = CASE WHEN known THEN count ELSE baseline_count END,
               baseline_sequence = CASE WHEN known THEN admitted.sequence ELSE baseline_sequence END,
               baseline_date = CASE WHEN known THEN date ELSE baseline_date END,
               gave_owner = CASE WHEN known THEN owner ELSE gave_owner END
        FROM admitted WHERE enrollments.id = admitted.id
    ), noted AS (
        INSERT INTO journal (enrollment_id, at, before, after, step, attempt, cause, detail)
        SELECT id, moment, 'working', 'working', 'sending', attempt, 'sending', detail FROM admitted WHERE NOT again
    ), changed AS (
        UPDATE inboxes SET inbox = inboxes.inbox
        WHERE account = :account AND inbox = ANY(ARRAY(SELECT inbox FROM admitted))
    )
    SELECT id, suppressions, expired, paused_at, reason, full_until, left_by, duplicate_of, busy, has_place, moment,
           moment + CAST(:recheck_after AS interval) AS recheck_at
    FROM judged
""")  # noqa: S608  # what is put in are conditions of this room
