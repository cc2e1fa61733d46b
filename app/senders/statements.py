"""The statements over the pools' turns, sticky choices and assignments."""

from __future__ import annotations

from sqlalchemy import text

# Updating the rows locks the pools: each choice sees the choices before it. Otherwise a hundred enrollments that are
# assigned at once would all find the same sender with most left. All pools that a choice may reach are locked before
# it, in the order of their names: two of them may be each other's fallback.
LOCK_POOLS = text("""
    INSERT INTO pool_turns (account, pool)
    SELECT :account, pool FROM unnest(CAST(:pools AS text[])) AS wanted(pool) ORDER BY pool
    ON CONFLICT (account, pool) DO UPDATE SET turn = pool_turns.turn
    RETURNING pool, turn
""")

TAKE_TURNS = text("""
    UPDATE pool_turns SET turn = taken.turn
    FROM unnest(CAST(:pools AS text[]), CAST(:turns AS bigint[])) AS taken(pool, turn)
    WHERE account = :account AND pool_turns.pool = taken.pool
""")

READ_STICKY = text("""
    SELECT pool, subject, sender FROM sticky_senders JOIN unnest(CAST(:pools AS text[]), CAST(:subjects AS text[]))
        AS wanted(pool, subject) USING (pool, subject) WHERE account = :account
""")

# The rows are written in one order, and under the locks of their pools.
WRITE_STICKY = text("""
    INSERT INTO sticky_senders AS kept (account, pool, subject, sender, chosen_at)
    SELECT :account, pool, subject, sender, clock_timestamp()
    FROM unnest(CAST(:pools AS text[]), CAST(:subjects AS text[]), CAST(:senders AS text[]))
        AS wanted(pool, subject, sender) ORDER BY pool, subject
    ON CONFLICT (account, pool, subject) DO UPDATE SET sender = excluded.sender, chosen_at = excluded.chosen_at
    WHERE kept.sender <> excluded.sender
""")

# The row locks are the fence: a row that another attempt has claimed is not returned. A place of an enrollment's own is
# not in its way: it may have one from an attempt before.
LOCK_OURS = text("""
    SELECT enrollments.id, assignment, reason, inbox AS own_place
    FROM enrollments JOIN unnest(CAST(:ids AS text[]), CAST(:attempts AS integer[])) AS wanted(id, attempt)
        ON enrollments.id = wanted.id AND enrollments.attempt = wanted.attempt
    LEFT JOIN sender_reservations
        ON enrollment_id = enrollments.id AND reserved_at > statement_timestamp() - CAST(:period AS interval)
    WHERE state = 'working' ORDER BY enrollments.id FOR UPDATE OF enrollments
""")

_ASSIGNED = """
    UPDATE enrollments SET sender = wanted.sender, sender_user_id = user_id, sender_email = wanted.email,
           assignment = considered, step = CASE WHEN chosen THEN 'assigned' ELSE step END,
           updated_at = clock_timestamp()
    FROM jsonb_to_recordset(CAST(:assignments AS jsonb)) AS wanted(
        id text, sender text, user_id text, email text, places integer, considered jsonb, detail text, chosen boolean
    )
"""
_NOTED = """
    INSERT INTO journal (enrollment_id, at, before, after, step, attempt, cause, detail)
    SELECT id, clock_timestamp(), 'working', 'working', step, attempt, 'assigned', detail FROM moved WHERE chosen
"""
_RETURNED = "RETURNING enrollments.id, enrollments.attempt, step, wanted.detail, chosen"

# The rows are locked. The reasons for each sender are stored also where none could be chosen: they say why the
# enrollment waits.
WRITE_ASSIGNMENTS = text(f"""
    WITH moved AS ({_ASSIGNED} WHERE enrollments.id = wanted.id {_RETURNED}) {_NOTED}
""")

# Writes the assignments whose sender can send, as READ_INBOXES would say of it, and returns their ids.
ASSIGN_WHO_CAN_SEND = text(f"""
    WITH taken AS MATERIALIZED (
        SELECT inbox, EXISTS (
                   SELECT FROM sender_pauses AS kept WHERE kept.account = :account AND kept.inbox = wanted.inbox
                     AND (paused_at IS NOT NULL OR full_until > clock_timestamp())
               ) AS paused, (
                   SELECT count(*) FROM sender_reservations AS used
                   WHERE used.account = :account AND used.inbox = wanted.inbox
                     AND reserved_at > statement_timestamp() - CAST(:period AS interval)
               ) AS places
        FROM unnest(CAST(:inboxes AS text[])) AS wanted(inbox)
    ), moved AS (
        {_ASSIGNED} JOIN taken ON taken.inbox = wanted.email
        WHERE enrollments.id = wanted.id AND NOT taken.paused AND taken.places < wanted.places {_RETURNED}
    ), noted AS ({_NOTED})
    SELECT id FROM moved
""")  # noqa: S608  # the only text put in are the parts above
