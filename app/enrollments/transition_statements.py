"""The statements that write transitions, each for many enrollments at once."""

from __future__ import annotations

from sqlalchemy import text

# The fence: the attempt that the writer has claimed, and the state that it expects. A row of which either has changed
# is not returned, and then the writer drops its work. Rows are locked in the order of their ids, as everywhere.
#
# A success ends its sender's row of refusals, and a full state that is over. An enrollment that was sent just before
# HubSpot called the sender full does not end that. These rows, too, are locked in an order.
#
# `awaited` says whether enrollments wait for this one's end. One that begins to wait by this statement is in `moved`.
# One that another transaction writes just now is not seen, and is checked when it is due.
MOVE = text("""
    WITH wanted AS MATERIALIZED (
        SELECT * FROM jsonb_to_recordset(CAST(:moves AS jsonb)) AS row(
            id text, attempt integer, before text, after text, step text, cause text, reason text, detail text,
            due_at timestamptz, tries integer, first_failed_at timestamptz, reads integer, resends integer,
            hubspot_enrollment_id text, enrolled_at timestamptz, confirm_in double precision, unsent boolean,
            contact_id text, gave_owner text, returns_place boolean, releases_person boolean
        )
    ), locked AS MATERIALIZED (
        SELECT enrollments.id FROM enrollments JOIN wanted
            ON enrollments.id = wanted.id AND enrollments.attempt = wanted.attempt AND enrollments.state = wanted.before
        ORDER BY enrollments.id FOR UPDATE OF enrollments
    ), moved AS (
        UPDATE enrollments SET
               state = after, reason = wanted.reason, detail = wanted.detail, updated_at = clock_timestamp(),
               due_at = COALESCE(wanted.due_at, enrollments.due_at), leased_by = NULL, leased_until = NULL,
               step = CASE WHEN after = 'uncertain' THEN enrollments.step END,
               tries = wanted.tries, first_failed_at = wanted.first_failed_at, reads = wanted.reads,
               resends = wanted.resends,
               triggered_at = CASE WHEN after NOT IN ('enrolled', 'done', 'refused') THEN triggered_at END,
               sending_at = CASE WHEN NOT unsent THEN sending_at END,
               first_sending_at = CASE WHEN NOT unsent THEN first_sending_at END,
               hubspot_enrollment_id = COALESCE(wanted.hubspot_enrollment_id, enrollments.hubspot_enrollment_id),
               enrolled_at = COALESCE(wanted.enrolled_at, enrollments.enrolled_at),
               contact_id = COALESCE(wanted.contact_id, enrollments.contact_id),
               gave_owner = COALESCE(wanted.gave_owner, enrollments.gave_owner),
               confirm_at = COALESCE(clock_timestamp() + make_interval(secs => confirm_in), confirm_at),
               follow_at = CASE WHEN after = 'enrolled' THEN clock_timestamp() + interval '1 hour' ELSE follow_at END
        FROM wanted JOIN locked USING (id) WHERE enrollments.id = locked.id
        RETURNING enrollments.id, account, email, enrollments.contact_id, lower(sender_email) AS inbox, before, after,
                  wanted.step, enrollments.attempt, cause, wanted.reason, wanted.detail, returns_place, releases_person
    ), noted AS (
        INSERT INTO journal (enrollment_id, at, before, after, step, attempt, cause, detail)
        SELECT id, clock_timestamp(), before, after, step, attempt, cause, detail FROM moved
    ), returned AS (
        DELETE FROM sender_reservations USING moved WHERE returns_place AND enrollment_id = moved.id
    ), successful AS MATERIALIZED (
        SELECT kept.account, kept.inbox, COALESCE(full_until > clock_timestamp(), false) AS is_full
        FROM sender_pauses AS kept
        WHERE paused_at IS NULL AND (account, inbox) IN (SELECT account, inbox FROM moved WHERE after = 'enrolled')
        ORDER BY account, inbox FOR UPDATE
    ), ended AS (
        DELETE FROM sender_pauses AS kept USING successful
        WHERE kept.account = successful.account AND kept.inbox = successful.inbox AND NOT is_full
    ), reset AS (
        UPDATE sender_pauses AS kept SET refusals = 0 FROM successful
        WHERE kept.account = successful.account AND kept.inbox = successful.inbox AND is_full
    )
    SELECT id, releases_person AND (
               EXISTS (SELECT FROM enrollments AS waiting
                       WHERE waiting.account = moved.account AND waiting.email = moved.email
                         AND waiting.state = 'held' AND waiting.reason = 'other_enrollment')
               OR EXISTS (SELECT FROM enrollments AS waiting
                          WHERE waiting.account = moved.account AND waiting.contact_id = moved.contact_id
                            AND waiting.state = 'held' AND waiting.reason = 'other_enrollment')
               OR EXISTS (SELECT FROM moved AS waiting WHERE waiting.after = 'held'
                            AND waiting.reason = 'other_enrollment' AND waiting.account = moved.account
                            AND waiting.id <> moved.id
                            AND (waiting.email = moved.email OR waiting.contact_id = moved.contact_id))
           ) AS awaited
    FROM moved
""")

# Intents are locked in the order in which the group commit locks them, so that the two cannot deadlock.
RELEASE_INTENTS = text("""
    WITH intent AS MATERIALIZED (
        SELECT account, intent, email FROM intents JOIN enrollments USING (account, intent, email)
        WHERE enrollments.id = ANY(CAST(:ids AS text[])) AND enrollment_id = enrollments.id
        ORDER BY email, intent, account FOR UPDATE OF intents
    )
    DELETE FROM intents USING intent
    WHERE intents.account = intent.account AND intents.intent = intent.intent AND intents.email = intent.email
""")
