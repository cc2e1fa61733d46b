"""Who of one person's enrollments goes first, and who waits for whom: the conditions, and the statements that wait.

Due times are compared with `statement_timestamp()`, which an index serves; see `enrollments_sql`.
"""

from __future__ import annotations

from sqlalchemy import text

# Who is on the way out of a sequence is nobody else's to enroll: the workflow would end that, too. Whatever becomes of
# the row that set it going, the workflow may come round until `triggered_until`. A replica of before the column leaves
# it empty.
ON_THE_WAY_OUT = """
    other.plan->>'action' IS DISTINCT FROM 'workflow'
    AND (other.triggered_until > clock_timestamp()
         OR (other.triggered_at IS NOT NULL AND other.state IN ('held', 'ready')))
"""
# A person who leaves is heeded at once: such a row cancels what waits to enroll, and goes on with the way out that it
# finds. Only another one that unenrolls is waited for, since it does the same.
LEAVING = "COALESCE({row}.plan->>'action' IN ('cancel', 'unenroll'), false)"
UNENROLLS = "COALESCE({row}.plan->>'action' = 'unenroll', false)"
# What only writes the contact waits for no enrollment, whose e-mail would go out with the old facts; of two of them the
# one that was heard first goes first, however often it is tried again: or old facts would have the last word.
UPDATES = "COALESCE({row}.plan->>'action' = 'update', false)"
# What came when goes by the time at which its event was accepted, by the one clock that all replicas share: ids carry
# each replica's own, and a thin event is decided long after it came. A row of before that column has its own time.
HEARD = "COALESCE({row}.heard_at, {row}.created_at), {row}.id"
# What the conditions below look at in a row.
LOOKED_AT = "id, account, email, reason, sender_email, due_at, priority, plan, triggered_at, heard_at, created_at"


# Who may keep others of the same person waiting. Very many have ended: this is an index.
OPEN = "state IN ('held', 'ready', 'working', 'uncertain') OR triggered_until IS NOT NULL"


def blocked(row: str) -> str:
    """Return the condition under which `other`, of the same person, keeps `row` from being claimed."""
    leaving, other_leaving = LEAVING.format(row=row), LEAVING.format(row="other")
    updates, other_updates = UPDATES.format(row=row), UPDATES.format(row="other")
    heard, other_heard = HEARD.format(row=row), HEARD.format(row="other")
    return f"""
        other.state IN ('working', 'uncertain')
        OR (({ON_THE_WAY_OUT}) AND ({UNENROLLS.format(row="other")} OR NOT {leaving}))
        OR (other.state IN ('held', 'ready') AND other.priority > {row}.priority AND NOT {updates}
            AND ({row}.triggered_at IS NULL OR ({other_leaving} AND NOT {leaving})))
        OR (other.state IN ('held', 'ready') AND {updates} AND {other_updates} AND ({other_heard}) < ({heard}))
    """


def others(row: str) -> str:
    """Return the rest of a statement that looks at whatever `row` waits for, as `other`.

    The person's enrollments that may matter at all are found first, by an index of their own, and only then held
    against the condition (`OFFSET 0` keeps the two apart): a planner that knows little of a table would rather go
    through the index of one of the condition's parts from end to end.
    """
    return f"""
        FROM (
            SELECT * FROM enrollments AS open
            WHERE open.account = {row}.account AND open.email = {row}.email AND ({OPEN}) OFFSET 0
        ) AS other
        WHERE other.id <> {row}.id AND ({blocked(row)})
    """  # noqa: S608  # the only text put in are the conditions above


def first(row: str) -> str:
    """Return the order in which those of one person go that may go at all."""
    kinds = f"{LEAVING.format(row=row)} DESC, {UPDATES.format(row=row)} DESC"
    return f"{kinds}, {row}.triggered_at IS NULL, {row}.priority DESC, {row}.id"


def blocker(row: str) -> str:
    """Return a statement that tells of one that `row` waits for, and when to look again.

    Who waits is woken by the end of what it waits for. Its due time is a safety net, never further than an hour.
    """
    return f"""
        SELECT other.id AS blocker, LEAST(clock_timestamp() + interval '1 hour', GREATEST(
            clock_timestamp() + interval '1 minute', other.triggered_until,
            CASE WHEN other.state IN ('held', 'ready') THEN other.due_at END)) AS look_at
        {others(row)} LIMIT 1
    """


WAITS_FOR = "'it waits for ' || blocker || ' of the same person'"

# The loser of two enrollments of one person waits until the other is through: the one in hand, or one that waits itself
# and has a higher priority. Only what a claim would come to is looked at. That one may just be ending, and not see who
# waits: so the first look comes soon.
HOLD_OTHERS = text(f"""
    WITH waiting AS MATERIALIZED (
        SELECT {LOOKED_AT} FROM enrollments
        WHERE state = 'ready' AND due_at <= statement_timestamp() AND account = :account
        ORDER BY due_at, id LIMIT 1000
    ), behind AS MATERIALIZED (
        SELECT waiting.id, blocker FROM waiting CROSS JOIN LATERAL ({blocker("waiting")}) AS one
    ), found AS MATERIALIZED (
        SELECT enrollments.id, blocker FROM enrollments JOIN behind USING (id)
        WHERE state = 'ready' FOR UPDATE OF enrollments SKIP LOCKED
    ), moved AS (
        UPDATE enrollments SET state = 'held', reason = 'other_enrollment', detail = {WAITS_FOR},
               updated_at = clock_timestamp(), due_at = clock_timestamp() + interval '1 minute'
        FROM found WHERE enrollments.id = found.id
        RETURNING enrollments.id, attempt, enrollments.detail
    )
    INSERT INTO journal (enrollment_id, at, before, after, attempt, cause, detail)
    SELECT id, clock_timestamp(), 'ready', 'held', attempt, 'other_enrollment', detail FROM moved
""")  # noqa: S608  # the only text put in are the conditions above

# Whoever waits for another enrollment still goes on waiting, without a word: nothing has changed. Who waited for one
# full sender goes one after the other: where HubSpot still calls it full, the first is told so, and the others find it
# written.
RELEASE_DUE = text(f"""
    WITH found AS MATERIALIZED (
        SELECT {LOOKED_AT} FROM enrollments
        WHERE state = 'held' AND due_at <= statement_timestamp()
        ORDER BY due_at LIMIT 500 FOR UPDATE SKIP LOCKED
    ), behind AS MATERIALIZED (
        SELECT found.id, blocker, look_at FROM found CROSS JOIN LATERAL ({blocker("found")}) AS one
        WHERE found.reason = 'other_enrollment'
    ), waits AS (
        UPDATE enrollments SET due_at = look_at, detail = {WAITS_FOR} FROM behind WHERE enrollments.id = behind.id
    ), ranked AS (
        SELECT id, reason, due_at,
               row_number() OVER (PARTITION BY account, sender_email, reason ORDER BY due_at, id) - 1 AS before
        FROM found WHERE id NOT IN (SELECT id FROM behind)
    ), turns AS (
        SELECT id, CASE WHEN reason = 'quota' THEN clock_timestamp() + before * interval '100 milliseconds'
                        ELSE due_at END AS due_at FROM ranked
    ), moved AS (
        UPDATE enrollments SET state = 'ready', reason = NULL, detail = NULL, due_at = turns.due_at,
               updated_at = clock_timestamp()
        FROM turns WHERE enrollments.id = turns.id
        RETURNING enrollments.id, attempt
    ), noted AS (
        INSERT INTO journal (enrollment_id, at, before, after, attempt, cause)
        SELECT id, clock_timestamp(), 'held', 'ready', attempt, 'due' FROM moved
    )
    SELECT id FROM moved
""")  # noqa: S608  # the only text put in are the conditions above

# When some of a person's enrollments have ended, or are no longer in hand, the first one that waited for them may go,
# unless it waits for yet another. Nobody is waited for here: whose row is locked is looked at again when it is due.
RELEASE_PEOPLE = text(f"""
    WITH person AS MATERIALIZED (
        SELECT DISTINCT account, email FROM enrollments WHERE id = ANY(CAST(:ids AS text[]))
    ), next AS MATERIALIZED (
        SELECT waits.id FROM person CROSS JOIN LATERAL (
            SELECT waiting.id FROM enrollments waiting
            WHERE waiting.account = person.account AND waiting.email = person.email
              AND waiting.state = 'held' AND waiting.reason = 'other_enrollment'
              AND NOT EXISTS (SELECT {others("waiting")})
            ORDER BY {first("waiting")} LIMIT 1 FOR UPDATE SKIP LOCKED
        ) AS waits
    ), moved AS (
        UPDATE enrollments SET state = 'ready', reason = NULL, detail = NULL, due_at = clock_timestamp(),
               updated_at = clock_timestamp()
        FROM next WHERE enrollments.id = next.id
        RETURNING enrollments.id, attempt
    ), noted AS (
        INSERT INTO journal (enrollment_id, at, before, after, attempt, cause)
        SELECT id, clock_timestamp(), 'held', 'ready', attempt, 'other_enrollment_ended' FROM moved
    )
    SELECT pg_notify(CAST(:channel AS text), '') FROM moved
""")  # noqa: S608  # the only text put in are the conditions above
