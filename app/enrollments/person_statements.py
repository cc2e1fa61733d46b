"""Which enrollments concern the same contact under another address, and what follows for one that is about to be sent.

Enrollments of one address exclude each other by their address, from the commit of their event on. That two addresses
belong to one contact is known only after HubSpot has answered. So these statements run after the contact was read.
"""

from __future__ import annotations

from sqlalchemy import text

from app.enrollments.one_per_person_statements import OCCUPIES_CONTACT, UNENROLLING

RELATED_COLUMNS = f"""
    other.id, other.email, other.plan->>'action' AS action, other.state,
    COALESCE(other.heard_at, other.created_at) AS heard,
    ({OCCUPIES_CONTACT}) AS occupies,
    ({UNENROLLING}) AS unenrolls,
    other.first_sending_at IS NULL AND other.state NOT IN ('enrolled', 'done')
        AND NOT (other.plan->>'action' IS NOT DISTINCT FROM 'workflow' AND other.triggered_at IS NOT NULL) AS unsent
"""

# `duplicate`: of two enrollments with one intent the one that may have been sent goes first, else the one that was
# heard first. This order is total, so that two enrollments never refuse each other. An intent whose period is over
# does not count. `busy`: another row occupies the contact, or a workflow of another row takes it out of its sequence.
# Two rows that both wait for such a workflow do not wait for each other.
_CONFLICT = f"""
    own AS MATERIALIZED (
        SELECT id, account, email, intent, COALESCE(heard_at, created_at) AS heard, first_sending_at IS NULL AS unsent,
               triggered_at FROM enrollments
        WHERE id = :id AND attempt = :attempt AND state = 'working'
    ), related AS MATERIALIZED (
        SELECT {RELATED_COLUMNS} FROM own JOIN enrollments other ON other.account = own.account
        WHERE other.contact_id = ANY(CAST(:contact_ids AS text[])) AND other.email <> own.email
        UNION
        SELECT {RELATED_COLUMNS} FROM own JOIN enrollments other ON other.account = own.account
        WHERE other.email = ANY(CAST(:others AS text[])) AND other.email <> own.email
    ), leaves AS (
        SELECT related.id FROM related, own
        WHERE action IN ('cancel', 'unenroll') AND state <> 'cancelled'
          AND (related.heard, related.id) > (own.heard, own.id)
        ORDER BY related.id DESC LIMIT 1
    ), duplicate AS (
        SELECT related.id FROM related CROSS JOIN own JOIN intents USING (account, intent)
        WHERE intents.email = related.email AND enrollment_id = related.id AND until > statement_timestamp()
          AND (related.unsent, related.heard, related.id) < (own.unsent, own.heard, own.id)
        ORDER BY related.unsent, related.heard, related.id LIMIT 1
    ), busy AS (
        SELECT related.id FROM related, own WHERE occupies OR (unenrolls AND own.triggered_at IS NULL) LIMIT 1
    )
"""  # noqa: S608  # the only text put in are the columns above
_FOUND = """
    (SELECT id FROM leaves) AS left_by, (SELECT id FROM duplicate) AS duplicate_of, (SELECT id FROM busy) AS busy
"""

READ_CONFLICT = text(f"WITH {_CONFLICT} SELECT {_FOUND} FROM own")  # noqa: S608  # the only text put in are the parts above

# The check and the checkpoint are one statement. Two workers that check two rows of one contact at the same time see
# neither row prepared; then the unique index lets one of them write, and the other one raises.
CHECKPOINT_PREPARED = text(f"""
    WITH {_CONFLICT}, moved AS (
        UPDATE enrollments SET step = 'prepared', contact_id = :contact_id, occupied_contact_id = :contact_id,
               baseline_count = :count, baseline_sequence = :sequence, baseline_date = :date, gave_owner = :owner,
               updated_at = clock_timestamp()
        WHERE enrollments.id = :id AND enrollments.attempt = :attempt AND enrollments.state = 'working'
          AND NOT EXISTS (SELECT FROM leaves) AND NOT EXISTS (SELECT FROM duplicate) AND NOT EXISTS (SELECT FROM busy)
        RETURNING enrollments.id, enrollments.attempt
    ), noted AS (
        INSERT INTO journal (enrollment_id, at, before, after, step, attempt, cause)
        SELECT id, clock_timestamp(), 'working', 'working', 'prepared', attempt, 'prepared' FROM moved
    )
    SELECT EXISTS (SELECT FROM moved) AS moved, {_FOUND} FROM own
""")  # noqa: S608  # the only text put in are the parts above
