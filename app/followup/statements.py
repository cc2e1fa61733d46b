"""The statements that follow enrollments to their end. A finding and its journal line are one statement.

Due times are compared with `statement_timestamp()`, which an index can serve, unlike `clock_timestamp()`. It is never
later than the clock: a look that becomes due while a statement runs is found by the next run of the loop.
"""

from __future__ import annotations

from sqlalchemy import text

# One replica at a time has an account's turn; a replica that dies loses it with the lease. It is taken only where there
# is work, so that a run with nothing due writes nothing. A minimum is one look-up in an index; for EXISTS the planner
# may scan the table until it finds a row, which is the whole table where there is none.
TAKE_TURN = text("""
    WITH first AS MATERIALIZED (
        SELECT (SELECT min(follow_at) FROM enrollments WHERE account = :account AND follow_at IS NOT NULL) AS look_at,
               (SELECT min(hinted_at) FROM enrollments WHERE account = :account AND hinted_at IS NOT NULL) AS hinted_at
    )
    INSERT INTO follow_turns AS mine (account, turn, leased_by, leased_until, search_at, since, calls)
    SELECT :account, 1, :worker, clock_timestamp() + make_interval(secs => :lease), clock_timestamp(),
           clock_timestamp(), '{}'
    FROM first WHERE look_at IS NOT NULL
    ON CONFLICT (account) DO UPDATE SET turn = mine.turn + 1, leased_by = excluded.leased_by,
           leased_until = excluded.leased_until
    WHERE (mine.leased_until IS NULL OR mine.leased_until < clock_timestamp())
      AND (mine.search_at <= clock_timestamp()
           OR EXISTS (SELECT FROM first WHERE look_at <= statement_timestamp() OR hinted_at IS NOT NULL))
    RETURNING turn, since, until, beyond, refused, clock_timestamp() AS now,
              search_at <= clock_timestamp() AS search_due
""")

# No row where nothing is followed.
NEXT_WORK = text("""
    WITH first AS MATERIALIZED (
        SELECT (SELECT min(follow_at) FROM enrollments WHERE account = :account AND follow_at IS NOT NULL) AS look_at,
               (SELECT min(hinted_at) FROM enrollments WHERE account = :account AND hinted_at IS NOT NULL) AS hinted_at,
               (SELECT search_at FROM follow_turns WHERE account = :account) AS search_at
    )
    SELECT EXTRACT(epoch FROM LEAST(hinted_at, look_at, COALESCE(search_at, look_at - interval '1 year'))
                              - clock_timestamp()) AS seconds
    FROM first WHERE look_at IS NOT NULL
""")

END_TURN = text("""
    UPDATE follow_turns SET leased_by = NULL, leased_until = NULL WHERE account = :account AND turn = :turn
""")

# The row is the lock of the budget, and the fence: no row comes back once another replica has the turn.
LOCK_CALLS = text("""
    SELECT calls, clock_timestamp() AS now FROM follow_turns WHERE account = :account AND turn = :turn FOR UPDATE
""")

SPEND_CALL = text("""
    UPDATE follow_turns SET calls = :calls, leased_until = clock_timestamp() + make_interval(secs => :lease)
    WHERE account = :account AND turn = :turn
""")

SEARCHED = text("""
    UPDATE follow_turns SET since = :since, until = :until, beyond = :beyond, refused = :refused,
           search_at = clock_timestamp() + make_interval(secs => :wait)
    WHERE account = :account AND turn = :turn
    RETURNING turn
""")

# Hinted looks come before those that are only due. A wait for a row here is at most as long as writing one look's
# findings; both lock rows in the order of their ids. A hint from another portal than the account's is about another
# contact.
HINT = text("""
    UPDATE enrollments SET hinted_at = clock_timestamp()
    WHERE id IN (
        SELECT enrollments.id FROM enrollments
        JOIN unnest(CAST(:accounts AS text[]), CAST(:portals AS text[]), CAST(:contacts AS text[]))
          AS hint(account, portal_id, contact_id)
          ON enrollments.account = hint.account AND enrollments.contact_id = hint.contact_id
        LEFT JOIN hubspot_accounts known ON known.account = hint.account
        WHERE follow_at IS NOT NULL AND hinted_at IS NULL
          AND (hint.portal_id = '' OR known.portal_id IS NULL OR known.portal_id = hint.portal_id)
        ORDER BY enrollments.id FOR UPDATE OF enrollments
    )
    RETURNING id
""")

NOTIFY = text("SELECT pg_notify(CAST(:channel AS text), '')")

# The number of looks is the fence of a look: a look that a later one has overtaken writes nothing. A look without
# findings is due again after ten minutes.
CLAIM_LOOKS = text("""
    WITH hinted AS MATERIALIZED (
        SELECT id FROM enrollments WHERE account = :account AND hinted_at IS NOT NULL
        ORDER BY hinted_at, id LIMIT :limit FOR UPDATE SKIP LOCKED
    ), due AS MATERIALIZED (
        SELECT id FROM enrollments
        WHERE account = :account AND follow_at <= statement_timestamp() AND hinted_at IS NULL
        ORDER BY follow_at, id LIMIT :limit - (SELECT count(*) FROM hinted) FOR UPDATE SKIP LOCKED
    )
    UPDATE enrollments SET looks = looks + 1, hinted_at = NULL, follow_at = clock_timestamp() + interval '10 minutes'
    WHERE id = ANY(ARRAY(SELECT id FROM hinted UNION ALL SELECT id FROM due))
    RETURNING id, contact_id, sequence, looks, unclear_since, ended_seen_at, replied_at, clock_timestamp() AS now,
              COALESCE(enrolled_at, first_sending_at, sending_at, updated_at) AS began,
              COALESCE(enrolled_at, sending_at, updated_at) AS begun_by
""")

LOCK_LOOKED_AT = text("""
    SELECT id FROM enrollments WHERE id = ANY(CAST(:ids AS text[])) ORDER BY id FOR UPDATE
""")

_FOUND = """
    FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS found(
        id text, looks integer, how text, ended_at timestamptz, known boolean, why text,
        replied_at timestamptz, replied_why text, unclear_since timestamptz, follow_at timestamptz
    )
    WHERE enrollments.id = found.id AND enrollments.looks = found.looks AND state = 'enrolled'
"""

ENDED = text(f"""
    WITH moved AS (
        UPDATE enrollments SET ended = found.how, ended_at = found.ended_at, ended_known = found.known,
               ended_why = found.why, ended_seen_at = clock_timestamp(), updated_at = clock_timestamp()
        {_FOUND} AND found.how IS NOT NULL AND enrollments.ended IS NULL
        RETURNING enrollments.id, enrollments.attempt, enrollments.ended_why
    )
    INSERT INTO journal (enrollment_id, at, before, after, attempt, cause, detail)
    SELECT id, clock_timestamp(), 'enrolled', 'enrolled', attempt, 'ended', ended_why FROM moved
    RETURNING enrollment_id
""")  # noqa: S608  # the only text put in is the one above

REPLIED = text(f"""
    WITH moved AS (
        UPDATE enrollments SET replied_at = found.replied_at, updated_at = clock_timestamp()
        {_FOUND} AND found.replied_at IS NOT NULL AND enrollments.replied_at IS NULL
        RETURNING enrollments.id, enrollments.attempt, found.replied_why
    )
    INSERT INTO journal (enrollment_id, at, before, after, attempt, cause, detail)
    SELECT id, clock_timestamp(), 'enrolled', 'enrolled', attempt, 'replied', replied_why FROM moved
    RETURNING enrollment_id
""")  # noqa: S608  # as above

LOOKED = text(f"""
    UPDATE enrollments SET unclear_since = found.unclear_since, follow_at = found.follow_at,
           hinted_at = CASE WHEN found.follow_at IS NOT NULL THEN enrollments.hinted_at END
    {_FOUND}
""")  # noqa: S608  # as above

# Only the rows whose looks come next are considered. Very many may be due where few calls are allowed; the others are
# considered before a call is spent on them.
GIVE_UP = text("""
    WITH given_up AS (
        UPDATE enrollments SET follow_at = NULL, hinted_at = NULL, updated_at = clock_timestamp()
        WHERE id = ANY(ARRAY(
            SELECT id FROM enrollments
            WHERE id = ANY(ARRAY(
                SELECT id FROM enrollments WHERE account = :account AND follow_at <= statement_timestamp()
                ORDER BY follow_at, id LIMIT 500
            )) AND follow_at IS NOT NULL AND ended IS NULL
              AND COALESCE(enrolled_at, sending_at, updated_at) < statement_timestamp() - CAST(:span AS interval)
            ORDER BY id FOR UPDATE SKIP LOCKED
        ))
        RETURNING id, attempt
    )
    INSERT INTO journal (enrollment_id, at, before, after, attempt, cause, detail)
    SELECT id, clock_timestamp(), 'enrolled', 'enrolled', attempt, 'follow_given_up', :detail FROM given_up
    RETURNING enrollment_id
""")

# One look-up in the index for each account, however many enrollments it follows.
OVERDUE = text("""
    SELECT account, GREATEST(COALESCE(EXTRACT(epoch FROM clock_timestamp() - (
        SELECT min(follow_at) FROM enrollments
        WHERE enrollments.account = in_force.account AND follow_at IS NOT NULL
    )), 0), 0) AS overdue FROM unnest(CAST(:accounts AS text[])) AS in_force(account)
""")
