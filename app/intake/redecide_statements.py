"""The statements that decide a stored event again. All of one event's run in one transaction.

The row of the event is the lock: two transactions that decide one event again run one after the other, and the second
one sees what the first has made. A thin event's lookup is locked first, since a worker that finishes it holds that row
when it writes the event. The event's enrollments are locked in the order of their ids, and intents after them, as
everywhere. What is read after a lock is a statement of its own, so that its snapshot is later than the lock.
"""

from __future__ import annotations

from sqlalchemy import text

from app.database.fragments import ADDRESS, MAY_HAVE_BEEN_SENT, is_forgotten
from app.intake.statements import OUTCOME, decided

LOCK_LOOKUP = text("SELECT state, created_at FROM enrichments WHERE event_id = :event_id FOR UPDATE")

LOCK_EVENT = text("SELECT * FROM events WHERE id = :event_id FOR UPDATE")

# HubSpot's own refusal of a request settles every earlier one, too: only then the journal has `refused` at `sending`.
_REFUSED_BY_HUBSPOT = """
    (state = 'refused' AND EXISTS (
        SELECT FROM journal WHERE enrollment_id = enrollments.id AND after = 'refused' AND journal.step = 'sending'
    ))
"""

# The enrollments of an event are those that its decisions made.
MADE = "ARRAY(SELECT enrollment_id FROM decisions WHERE event_id = :event_id)"

# A row that is claimed, released or cancelled at this moment is waited for, and read as it is then.
LOCK_ENROLLMENTS = text(f"""
    SELECT id, rule, account, intent, COALESCE(plan->>'action', 'enroll') AS action, state, reason,
           {MAY_HAVE_BEEN_SENT} AND NOT {_REFUSED_BY_HUBSPOT} AS sent,
           COALESCE(triggered_until > clock_timestamp(), false) AS unenrolling
    FROM enrollments WHERE id = ANY({MADE}) ORDER BY id FOR UPDATE
""")  # noqa: S608  # what is put in are the conditions above

# When the event was accepted, by the database's clock: an exit that came since ends what is made of it now, too. Beside
# it the decisions that were made last, which replace those before; a row without a verdict where there are none.
READ_LATEST = text(f"""
    SELECT statement_timestamp() AS now, heard_at, verdict, reason, rule, revision, enrollment_id
    FROM (SELECT COALESCE(LEAST(
        (SELECT min(COALESCE(heard_at, created_at)) FROM enrollments WHERE id = ANY({MADE})),
        (SELECT created_at FROM enrichments WHERE event_id = :event_id),
        (SELECT min(decided_at) FROM decisions WHERE event_id = :event_id)
    ), statement_timestamp()) AS heard_at) AS heard
    LEFT JOIN decisions ON event_id = :event_id
      AND decided_at = (SELECT max(decided_at) FROM decisions WHERE event_id = :event_id)
    ORDER BY decisions.id
""")  # noqa: S608  # what is put in is the condition above

FREE = "held.enrollment_id IN (SELECT old FROM pair WHERE new = excluded.enrollment_id)"

# `old` and `new` are pairs: an earlier enrollment, and one that takes its place if it is made. The intent of an earlier
# one moves over; where the new one has another intent, the earlier one's is freed. Only a parked enrollment changes its
# state: the others are final already.
DECIDE_AGAIN = text(f"""
    WITH pair AS MATERIALIZED (
        SELECT * FROM unnest(CAST(:old AS text[]), CAST(:new AS text[])) AS row(old, new)
    ), fresh AS MATERIALIZED (
        SELECT CAST(:event_id AS text) AS event_id, CAST(:delivery_id AS text) AS delivery_id,
               CAST(:heard_at AS timestamptz) AS heard_at
    ), gone AS MATERIALIZED (
        SELECT id AS event_id FROM events WHERE id = :event_id AND {is_forgotten(ADDRESS, "email")}
    ), {decided(free=FREE, detail="CAST(:detail AS text)")}, successor AS MATERIALIZED (
        SELECT DISTINCT ON (old) old, new FROM pair JOIN made ON made.id = pair.new ORDER BY old, new
    ), replaced AS (
        UPDATE enrollments SET state = 'cancelled', reason = 'replaced', detail = 'replaced by ' || new,
               updated_at = statement_timestamp()
        FROM successor WHERE enrollments.id = successor.old AND enrollments.state = 'parked'
        RETURNING enrollments.id, account, intent, email, attempt, enrollments.detail, new
    ), replaced_noted AS (
        INSERT INTO journal (enrollment_id, at, before, after, attempt, cause, detail)
        SELECT id, statement_timestamp(), 'parked', 'cancelled', attempt, 'replaced', detail FROM replaced
    ), freed AS (
        DELETE FROM intents USING replaced
        WHERE intents.account = replaced.account AND intents.intent = replaced.intent
          AND intents.email = replaced.email AND enrollment_id = replaced.id
          AND (intents.account, intents.intent, intents.email) NOT IN (SELECT account, intent, email FROM holder)
    )
    {OUTCOME}, ARRAY(SELECT id FROM replaced ORDER BY id) AS replaced,
        ARRAY(SELECT new FROM replaced ORDER BY id) AS successors
""")  # noqa: S608  # what is put in are the parts above

# A lookup that found nothing begins anew, and so does one that was not made because no rule listened then; the worker
# that finishes it decides the event. `created_at` is when the event was accepted.
LOOK_UP = text("""
    INSERT INTO enrichments AS lookup (event_id, delivery_id, source, state, due_at, created_at, updated_at)
    VALUES (:event_id, :delivery_id, :source, 'ready', statement_timestamp(), :heard_at, statement_timestamp())
    ON CONFLICT (event_id) DO UPDATE SET
        state = 'ready', reason = NULL, detail = NULL, tries = 0, first_failed_at = NULL,
        due_at = excluded.due_at, updated_at = excluded.updated_at
    WHERE lookup.state = 'failed'
""")

# Ids begin with the time at which a replica made them, so that the index over them finds where a time begins; the
# clocks of replicas may differ by less than `first_id` allows for.
LIST_HEARD_BY_RULE = text("""
    SELECT id FROM events
    WHERE source = :source AND type = ANY(CAST(:types AS text[])) AND received_at >= :since
      AND id > GREATEST(CAST(:first_id AS text), CAST(:after AS text))
    ORDER BY id LIMIT :limit
""")

READ_ENROLLMENT = text("SELECT event_id, account, state FROM enrollments WHERE id = :id")
