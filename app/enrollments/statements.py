"""The statements over the enrollment row, which is the job. A transition and its journal line are one statement.

Polling statements compare due times and leases with `statement_timestamp()`: `clock_timestamp()` is volatile, and no
index serves a comparison with it. The statement's time is never later than the clock, so it errs to "not yet": a row
that becomes due, or a lease that expires, while the statement runs is found by the next poll. A row that is committed
due and then notified is found at once: a statement that begins after the notification has a later time than the row.
Times that are written come from `clock_timestamp()`.
"""

from __future__ import annotations

from sqlalchemy import text

from app.database.fragments import MAY_HAVE_BEEN_SENT
from app.enrollments.one_per_person_statements import COMPARED_COLUMNS, HEARD, blockers, first
from app.people.eligibility_store import IS_LISTED

COLUMNS = """
    id, account, email, source, rule, sequence, plan, sender, sender_user_id, sender_email, properties, require, state,
    attempt, step, tries, first_failed_at, received_at, contact_id, baseline_count, baseline_sequence, baseline_date,
    sending_at, first_sending_at, reads, resends, delivery_id, triggered_at, gave_owner
"""

# An enrollment that has started to take its contact out of a sequence is finished, however late it is: stopped halfway,
# it would leave the contact in no sequence.
_EXPIRED = "(expires_at IS NOT NULL AND expires_at <= {clock} AND triggered_at IS NULL)"
# Right before a request the clock decides, because the statement may have waited for its row. Earlier, a row that
# expires while it is claimed does no harm.
EXPIRED = _EXPIRED.format(clock="clock_timestamp()")
EXPIRED_AT_START = _EXPIRED.format(clock="statement_timestamp()")
# The row by which the person has left since. A row that an operator has cancelled does not count.
LEFT_BY = f"""
    SELECT leaves.id FROM enrollments leaves
    WHERE leaves.account = claimed.account AND leaves.email = claimed.email
      AND leaves.plan->>'action' IN ('cancel', 'unenroll') AND leaves.state <> 'cancelled'
      AND ({HEARD.format(row="leaves")}) > ({HEARD.format(row="claimed")})
    ORDER BY leaves.id DESC LIMIT 1
"""  # noqa: S608  # the only text put in are the conditions above


# An enrollment, and the key of the intent that it may hold.
HOLDER = "id, account, intent, email"


def free_intents(found: str) -> str:
    """Return the parts of a statement that free the intents of those rows in `found` that were certainly not `sent`.

    `found` has the columns of `HOLDER`: an intent is found by its key, and freed if it is still that enrollment's.
    Intents are locked in the order in which the group commit locks them, so that the two cannot deadlock.
    """
    return f"""
        intent AS MATERIALIZED (
            SELECT account, intent, email FROM intents JOIN {found} USING (account, intent, email)
            WHERE enrollment_id = id AND NOT sent ORDER BY email, intent, account FOR UPDATE OF intents
        ), freed AS (
            DELETE FROM intents USING intent
            WHERE intents.account = intent.account AND intents.intent = intent.intent AND intents.email = intent.email
        )
    """  # noqa: S608  # the only text put in is the name of a part


# Rows that wait for another enrollment of the same person are excluded before the limit counts: however many there are,
# they block no other row. SKIP LOCKED lets workers claim side by side. The advisory lock closes a race: without it two
# workers could each claim another row of the same person. It is tried, never waited for; a worker that does not get it
# leaves the row for the next poll. The unique index on people with a working or uncertain row is the last guard: a
# claim that violates it is repeated.
CLAIM_READY = text(f"""
    WITH candidate AS MATERIALIZED (
        SELECT {COMPARED_COLUMNS} FROM enrollments
        WHERE state = 'ready' AND due_at <= statement_timestamp() AND account = :account
          AND NOT {EXPIRED_AT_START} AND NOT EXISTS (SELECT {blockers("enrollments")})
        ORDER BY due_at, id LIMIT :limit
        FOR UPDATE SKIP LOCKED
    ), person AS MATERIALIZED (
        SELECT DISTINCT ON (account, email) id, account, email FROM candidate
        ORDER BY account, email, {first("candidate")}
    ), free AS MATERIALIZED (
        SELECT id FROM person WHERE pg_try_advisory_xact_lock(hashtextextended(account || ' ' || email, 0))
    ), claimed AS (
        UPDATE enrollments SET state = 'working', step = 'claimed', attempt = attempt + 1, leased_by = :worker,
               leased_until = clock_timestamp() + make_interval(secs => :lease), updated_at = clock_timestamp()
        FROM free WHERE enrollments.id = free.id
        RETURNING enrollments.*
    ), noted AS (
        INSERT INTO journal (enrollment_id, at, before, after, step, attempt, cause)
        SELECT id, updated_at, 'ready', 'working', 'claimed', attempt, 'claimed' FROM claimed
    )
    SELECT {COLUMNS}, ({LEFT_BY}) AS left_by, ({IS_LISTED.format(email="email")}) AS is_listed
    FROM claimed ORDER BY due_at, id
""")  # noqa: S608  # the only text put in are the column list and the conditions above

# What a worker has to do besides claiming what it is notified of. One statement asks for all of it, so that an idle
# worker costs little; each index answers its part with one row. Leases, held rows and ends are those of all accounts.
# `next_in` is the number of seconds until there is something more to do, as far as is known now.
WHAT_IS_DUE = text(f"""
    SELECT
        EXISTS (SELECT FROM enrollments WHERE state = 'working' AND leased_until < statement_timestamp()) AS abandoned,
        EXISTS (SELECT FROM enrollments WHERE state IN ('held', 'ready') AND {EXPIRED_AT_START}) AS overdue,
        EXISTS (SELECT FROM enrollments WHERE state = 'held' AND due_at <= statement_timestamp()) AS held,
        EXISTS (SELECT FROM enrollments
                WHERE account = :account AND state = 'ready' AND due_at <= statement_timestamp()) AS ready,
        EXISTS (SELECT FROM enrollments
                WHERE account = :account AND state = 'uncertain' AND due_at <= statement_timestamp()
                  AND (leased_until IS NULL OR leased_until < statement_timestamp())) AS uncertain,
        EXISTS (SELECT FROM enrollments WHERE account = :account
                  AND confirm_at <= statement_timestamp() - make_interval(secs => :patience))
            OR EXISTS (SELECT FROM enrollments WHERE account = :account AND confirm_at <= statement_timestamp()
                       ORDER BY confirm_at OFFSET :whole - 1 LIMIT 1) AS confirming,
        EXTRACT(epoch FROM LEAST(
            (SELECT min(leased_until) FROM enrollments
             WHERE state IN ('working', 'uncertain') AND leased_until > statement_timestamp()),
            (SELECT expires_at FROM enrollments
             WHERE state IN ('held', 'ready') AND expires_at > statement_timestamp() ORDER BY expires_at LIMIT 1),
            (SELECT due_at FROM enrollments
             WHERE state = 'held' AND due_at > statement_timestamp() ORDER BY due_at LIMIT 1),
            (SELECT due_at FROM enrollments WHERE account = :account AND state = 'ready'
               AND due_at > statement_timestamp() ORDER BY due_at LIMIT 1),
            (SELECT due_at FROM enrollments WHERE account = :account AND state = 'uncertain'
               AND due_at > statement_timestamp() ORDER BY due_at LIMIT 1)
        ) - statement_timestamp()) AS next_in
""")  # noqa: S608  # the only text put in is the condition above

# An uncertain row stays `uncertain` while it is read; the lease and the attempt keep two readers apart.
CLAIM_UNCERTAIN = text(f"""
    WITH candidate AS MATERIALIZED (
        SELECT id FROM enrollments
        WHERE state = 'uncertain' AND due_at <= statement_timestamp() AND account = :account
          AND (leased_until IS NULL OR leased_until < statement_timestamp())
        ORDER BY due_at, id LIMIT :limit
        FOR UPDATE SKIP LOCKED
    ), claimed AS (
        UPDATE enrollments SET attempt = attempt + 1, leased_by = :worker,
               leased_until = clock_timestamp() + make_interval(secs => :lease), updated_at = clock_timestamp()
        FROM candidate WHERE enrollments.id = candidate.id
        RETURNING enrollments.*
    )
    SELECT {COLUMNS}, NULL AS left_by, true AS is_listed FROM claimed ORDER BY due_at, id
""")  # noqa: S608  # the only text put in is the column list above

# Rows are locked in the order of their ids: a transaction that cancels many may have found some of them still waiting.
RENEW_LEASES = text("""
    WITH ours AS MATERIALIZED (
        SELECT enrollments.id FROM enrollments
        JOIN unnest(CAST(:ids AS text[]), CAST(:attempts AS integer[])) AS held(id, attempt)
          ON enrollments.id = held.id AND enrollments.attempt = held.attempt
        WHERE enrollments.state IN ('working', 'uncertain')
        ORDER BY enrollments.id FOR UPDATE OF enrollments
    )
    UPDATE enrollments SET leased_until = clock_timestamp() + make_interval(secs => :lease)
    FROM ours WHERE enrollments.id = ours.id
    RETURNING enrollments.id
""")

# A row that was `sending` without an outcome becomes `uncertain`: HubSpot may have processed the request. Before
# `sending` nothing has reached HubSpot that must not be repeated, so the row is ready again; but a row whose workers
# die every time is given up like any other failure.
RECLAIM_EXPIRED = text("""
    WITH expired AS MATERIALIZED (
        SELECT id, step = 'sending' AS sent, first_failed_at < clock_timestamp() - CAST(:span AS interval) AS tired
        FROM enrollments
        WHERE state = 'working' AND (leased_until < statement_timestamp() OR leased_by = CAST(:leaving AS text))
        ORDER BY id LIMIT 500
        FOR UPDATE SKIP LOCKED
    ), moved AS (
        UPDATE enrollments
        SET state = CASE WHEN sent THEN 'uncertain' WHEN tired THEN 'parked' ELSE 'ready' END,
            reason = CASE WHEN sent THEN 'no_outcome' WHEN tired THEN 'gave_up' END,
            tries = CASE WHEN CAST(:leaving AS text) IS NULL THEN tries + 1 ELSE tries END,
            first_failed_at = CASE WHEN CAST(:leaving AS text) IS NULL THEN COALESCE(first_failed_at, clock_timestamp())
                                   ELSE first_failed_at END,
            step = CASE WHEN sent THEN step END,
            reads = 0, leased_by = NULL, leased_until = NULL, updated_at = clock_timestamp(),
            due_at = CASE WHEN sent THEN sending_at + make_interval(secs => :first_read) ELSE clock_timestamp() END
        FROM expired WHERE enrollments.id = expired.id
        RETURNING enrollments.id, account, state, step, attempt
    ), noted AS (
        INSERT INTO journal (enrollment_id, at, before, after, step, attempt, cause)
        SELECT id, clock_timestamp(), 'working', state, step, attempt, 'lease_expired' FROM moved
    )
    SELECT id, account, state FROM moved
""")

# The driver prepares a statement and sends it in two steps. A process that freezes between the two, in the middle of a
# transaction, leaves its session `active` and waiting for its client: PostgreSQL before 17 has no timeout that ends it,
# and the locks of the transaction stay. Any running worker terminates it; the application name spares other sessions.
TERMINATE_STUCK_SESSIONS = text("""
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND usename = current_user
      AND application_name = current_setting('application_name')
      AND state = 'active' AND wait_event_type = 'Client' AND wait_event = 'ClientRead'
      AND state_change < clock_timestamp() - make_interval(secs => :lease) AND pid <> pg_backend_pid()
""")

# An enrollment that was not sent in time is not sent any more; this frees the intent, unless a request may have worked.
EXPIRE = text(f"""
    WITH found AS MATERIALIZED (
        SELECT {HOLDER}, state, attempt, {MAY_HAVE_BEEN_SENT} AS sent FROM enrollments
        WHERE state IN ('held', 'ready') AND {EXPIRED_AT_START}
        ORDER BY expires_at LIMIT 500 FOR UPDATE SKIP LOCKED
    ), moved AS (
        UPDATE enrollments SET state = 'expired', reason = 'expired', updated_at = clock_timestamp()
        FROM found WHERE enrollments.id = found.id
        RETURNING enrollments.id, sequence
    ), {free_intents("found")}, noted AS (
        INSERT INTO journal (enrollment_id, at, before, after, attempt, cause)
        SELECT id, clock_timestamp(), state, 'expired', attempt, 'expired' FROM found
    )
    SELECT id, sequence FROM moved
""")  # noqa: S608  # the only text put in are the parts above

# Reading again is no transition: the row stays uncertain, and only its next read is due later.
READ_LATER = text("""
    WITH moved AS (
        UPDATE enrollments SET reads = :reads, tries = :tries, first_failed_at = :first_failed_at, due_at = :due_at,
               leased_by = NULL, leased_until = NULL, updated_at = clock_timestamp()
        WHERE id = :id AND attempt = :attempt AND state = 'uncertain'
        RETURNING id, attempt, step
    )
    INSERT INTO journal (enrollment_id, at, before, after, step, attempt, cause, detail)
    SELECT id, clock_timestamp(), 'uncertain', 'uncertain', step, attempt, :cause, :detail FROM moved
    RETURNING enrollment_id
""")

REMARK = text("""
    INSERT INTO journal (enrollment_id, at, before, after, step, attempt, cause, detail)
    SELECT id, clock_timestamp(), state, state, step, attempt, :cause, :detail FROM enrollments
    WHERE id = :id AND attempt = :attempt AND state = 'working'
    RETURNING enrollment_id
""")

# A workflow is started for this row. After a crash the next attempt finds that, and reads instead of repeating it.
CHECKPOINT_WORKFLOW_STARTED = text("""
    WITH moved AS (
        UPDATE enrollments SET triggered_at = clock_timestamp(), updated_at = clock_timestamp(),
               triggered_until = clock_timestamp() + CAST(:within AS interval),
               contact_id = COALESCE(CAST(:contact_id AS text), contact_id)
        WHERE id = :id AND attempt = :attempt AND state = 'working'
        RETURNING id, attempt, triggered_at, step
    ), noted AS (
        INSERT INTO journal (enrollment_id, at, before, after, step, attempt, cause, detail)
        SELECT id, triggered_at, 'working', 'working', step, attempt, 'triggered', :detail FROM moved
    )
    SELECT triggered_at FROM moved
""")

# Once the contact is out of its sequence (`removed`) to make place for another one, it is enrolled, however late it is.
CHECKPOINT_WORKFLOW_ENDED = text("""
    WITH moved AS (
        UPDATE enrollments SET triggered_at = NULL, triggered_until = NULL, updated_at = clock_timestamp(),
               expires_at = CASE WHEN NOT :removed THEN expires_at END
        WHERE id = :id AND attempt = :attempt AND state = 'working' AND triggered_at IS NOT NULL
        RETURNING id, attempt, step
    )
    INSERT INTO journal (enrollment_id, at, before, after, step, attempt, cause, detail)
    SELECT id, clock_timestamp(), 'working', 'working', step, attempt, 'untriggered', :detail FROM moved
""")

# Cancels the person's rows that were heard before this one and have not been sent: those of its addresses, and those
# whose contact is known to be the same. No worker can claim any row of the same address meanwhile: this row is working.
# A row of another address that a worker has claimed goes on. The rows are locked in the order of their ids. A running
# unenroll workflow goes on: if this row unenrolls, too (`takes_over`), the workflow belongs to this row from then on.
CANCEL_EARLIER = text(f"""
    WITH own_address AS MATERIALIZED (
        SELECT id, contact_id FROM enrollments WHERE account = :account AND email = ANY(CAST(:emails AS text[]))
    ), person AS MATERIALIZED (
        SELECT id FROM own_address
        UNION
        SELECT id FROM enrollments WHERE account = :account AND contact_id = ANY(CAST(:contact_ids AS text[]) || ARRAY(
            SELECT contact_id FROM own_address WHERE contact_id IS NOT NULL))
    ), locked AS MATERIALIZED (
        SELECT {HOLDER}, state, attempt, triggered_at, triggered_until, heard_at, created_at,
               {MAY_HAVE_BEEN_SENT} AS sent, plan->>'action' IS DISTINCT FROM 'workflow' AS leads_out FROM enrollments
        WHERE id IN (SELECT id FROM person) AND (id = :id OR (
              state IN ('held', 'ready', 'parked') AND plan->>'action' IS DISTINCT FROM 'unenroll'))
        ORDER BY id FOR UPDATE
    ), found AS MATERIALIZED (
        SELECT locked.* FROM locked JOIN locked AS own ON own.id = :id
        WHERE ({HEARD.format(row="locked")}) < ({HEARD.format(row="own")})
    ), begun AS (
        SELECT id AS earlier, triggered_at, triggered_until FROM found
        WHERE :takes_over AND leads_out AND triggered_at IS NOT NULL AND triggered_until > clock_timestamp()
        ORDER BY triggered_at DESC LIMIT 1
    ), taken AS (
        UPDATE enrollments SET triggered_at = begun.triggered_at, triggered_until = begun.triggered_until
        FROM begun WHERE id = :id AND attempt = :attempt AND enrollments.triggered_at IS NULL
        RETURNING enrollments.triggered_at, earlier
    ), moved AS (
        UPDATE enrollments SET state = 'cancelled', reason = 'by_rule', updated_at = clock_timestamp(),
               detail = CASE WHEN found.state = 'parked' THEN detail END,  -- what it waited for is over
               triggered_at = CASE WHEN taken.earlier IS NULL THEN enrollments.triggered_at END,
               triggered_until = CASE WHEN taken.earlier IS NULL THEN enrollments.triggered_until END
        FROM found LEFT JOIN taken ON taken.earlier = found.id WHERE enrollments.id = found.id
    ), {free_intents("found")}, noted AS (
        INSERT INTO journal (enrollment_id, at, before, after, attempt, cause, detail)
        SELECT id, clock_timestamp(), state, 'cancelled', attempt, 'cancelled_by_rule', :id FROM found
    )
    SELECT (SELECT count(*) FROM found) AS cancelled,
           COALESCE((SELECT triggered_at FROM taken), (SELECT triggered_at FROM enrollments WHERE id = :id))
               AS triggered_at
""")  # noqa: S608  # the only text put in are the parts above

# One call reads a hundred. Fewer wait for more, but not for long: replicas that each claim what is due every few
# seconds would otherwise split one call's worth among them.
CLAIM_CONFIRMATIONS = text("""
    WITH due AS MATERIALIZED (
        SELECT id, confirm_at FROM enrollments WHERE confirm_at <= statement_timestamp() AND account = :account
        ORDER BY confirm_at LIMIT :whole FOR UPDATE SKIP LOCKED
    )
    UPDATE enrollments SET confirm_at = clock_timestamp() + interval '5 minutes'
    FROM due
    WHERE enrollments.id = due.id AND (
        (SELECT count(*) FROM due) = :whole
        OR (SELECT min(due.confirm_at) FROM due) < clock_timestamp() - make_interval(secs => :patience)
    )
    RETURNING enrollments.id, contact_id, sequence, COALESCE(first_sending_at, sending_at) AS sending_at
""")

# Rows are locked in the order of their ids, as in `app.followup`: two statements that write many rows cannot deadlock.
CONFIRM = text("""
    WITH locked AS MATERIALIZED (
        SELECT id FROM enrollments WHERE id = ANY(CAST(:ids AS text[])) ORDER BY id FOR UPDATE
    )
    UPDATE enrollments SET confirmation = row.confirmation, confirm_at = NULL
    FROM unnest(CAST(:ids AS text[]), CAST(:confirmations AS text[])) AS row(id, confirmation) JOIN locked USING (id)
    WHERE enrollments.id = row.id
""")
