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

TAKE_TURN = text("UPDATE pool_turns SET turn = :turn WHERE account = :account AND pool = :pool")

READ_STICKY = text("""
    SELECT sender FROM sticky_senders WHERE account = :account AND pool = :pool AND subject = :subject
""")

WRITE_STICKY = text("""
    INSERT INTO sticky_senders AS kept (account, pool, subject, sender, chosen_at)
    VALUES (:account, :pool, :subject, :sender, clock_timestamp())
    ON CONFLICT (account, pool, subject) DO UPDATE SET sender = excluded.sender, chosen_at = excluded.chosen_at
    WHERE kept.sender <> excluded.sender
""")

READ_ASSIGNMENT = text("SELECT assignment, reason FROM enrollments WHERE id = :id")

# The reasons for each sender are stored also where none could be chosen: they say why the enrollment waits.
WRITE_ASSIGNMENT = text("""
    WITH moved AS (
        UPDATE enrollments SET sender = :sender, sender_user_id = :user_id, sender_email = :email,
               assignment = CAST(:assignment AS jsonb), step = CASE WHEN :chosen THEN 'assigned' ELSE step END,
               updated_at = clock_timestamp()
        WHERE id = :id AND attempt = :attempt AND state = 'working'
        RETURNING id, attempt, step
    ), noted AS (
        INSERT INTO journal (enrollment_id, at, before, after, step, attempt, cause, detail)
        SELECT id, clock_timestamp(), 'working', 'working', step, attempt, 'assigned', :detail FROM moved
        WHERE :chosen
    )
    SELECT id FROM moved
""")
