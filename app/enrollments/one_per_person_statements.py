"""Which of one person's enrollments goes first, and which waits for which: the conditions and their statements.

Due times are compared with `statement_timestamp()`, which an index serves; see `statements`.
"""

from __future__ import annotations

from sqlalchemy import text

# While a workflow takes a contact out of a sequence, no other row enrolls it: the workflow would end that sequence as
# well. The workflow may act until `triggered_until`, whatever becomes of the row that started it. Replicas of an older
# version leave that column empty.
UNENROLLING = """
    other.plan->>'action' IS DISTINCT FROM 'workflow'
    AND (other.triggered_until > clock_timestamp()
         OR (other.triggered_at IS NOT NULL AND other.state IN ('held', 'ready')))
"""
# A row whose request may go out, or may have gone out: the contact is this row's alone, by whatever address. The unique
# index on `occupied_contact_id` has the same condition. A claim sets another step, so that it never violates the index.
OCCUPIES_CONTACT = "other.state IN ('working', 'uncertain') AND other.step IN ('prepared', 'sending')"
# An exit is handled at once: its row cancels the person's waiting enrollments, and continues a running unenroll
# workflow. It waits only for another row that unenrolls, since that does the same.
LEAVING = "COALESCE({row}.plan->>'action' IN ('cancel', 'unenroll'), false)"
UNENROLLS = "COALESCE({row}.plan->>'action' = 'unenroll', false)"
# An update waits for no enrollment, whose e-mail would be sent with the old facts. Of two updates the one that was
# heard first goes first, however often it is retried: otherwise old facts would overwrite new ones.
UPDATES = "COALESCE({row}.plan->>'action' = 'update', false)"
# The order of rows is the order in which their events were accepted, by the database's clock: ids carry each replica's
# own clock, and a thin event is decided long after it came. A row older than the column has its creation time.
HEARD = "COALESCE({row}.heard_at, {row}.created_at), {row}.id"
# The columns that the conditions below read of a row.
COMPARED_COLUMNS = (
    "id, account, email, reason, sender_email, due_at, priority, plan, triggered_at, heard_at, created_at"
)
# Rows that may block others of the same person. Most rows have ended: an index has this condition.
OPEN = "state IN ('held', 'ready', 'working', 'uncertain') OR triggered_until IS NOT NULL"


def blocked(row: str) -> str:
    """Return the condition under which `other`, a row of the same person, blocks the claim of `row`."""
    leaving, other_leaving = LEAVING.format(row=row), LEAVING.format(row="other")
    updates, other_updates = UPDATES.format(row=row), UPDATES.format(row="other")
    heard, other_heard = HEARD.format(row=row), HEARD.format(row="other")
    return f"""
        other.state IN ('working', 'uncertain')
        OR (({UNENROLLING}) AND ({UNENROLLS.format(row="other")} OR NOT {leaving}))
        OR (other.state IN ('held', 'ready') AND other.priority > {row}.priority AND NOT {updates}
            AND ({row}.triggered_at IS NULL OR ({other_leaving} AND NOT {leaving})))
        OR (other.state IN ('held', 'ready') AND {updates} AND {other_updates} AND ({other_heard}) < ({heard}))
    """


def blockers(row: str) -> str:
    """Return the rest of a statement that selects the rows that block `row`, as `other`.

    The person's open rows are found first, by their own index, and then compared with the condition (`OFFSET 0` keeps
    the two apart): a planner with few statistics would rather scan the whole index of one part of the condition.
    """
    return f"""
        FROM (
            SELECT * FROM enrollments AS open
            WHERE open.account = {row}.account AND open.email = {row}.email AND ({OPEN}) OFFSET 0
        ) AS other
        WHERE other.id <> {row}.id AND ({blocked(row)})
    """  # noqa: S608  # the only text put in are the conditions above


def first(row: str) -> str:
    """Return the order of one person's rows that are not blocked."""
    kinds = f"{LEAVING.format(row=row)} DESC, {UPDATES.format(row=row)} DESC"
    return f"{kinds}, {row}.triggered_at IS NULL, {row}.priority DESC, {row}.id"


def blocker(row: str) -> str:
    """Return a statement that selects one row that blocks `row`, and when to check again.

    The end of the blocking row releases the blocked one. Its due time is a safety net, at most an hour away.
    """
    return f"""
        SELECT other.id AS blocker, LEAST(clock_timestamp() + interval '1 hour', GREATEST(
            clock_timestamp() + interval '1 minute', other.triggered_until,
            CASE WHEN other.state IN ('held', 'ready') THEN other.due_at END)) AS check_at
        {blockers(row)} LIMIT 1
    """


def occupants(row: str) -> str:
    """Return a statement that selects the rows that keep `row` from its contact, each under another address."""
    return f"""
        SELECT FROM enrollments AS other
        WHERE other.account = {row}.account AND other.contact_id = {row}.contact_id AND other.email <> {row}.email
          AND (({OCCUPIES_CONTACT}) OR ({UNENROLLING}))
    """  # the only text put in are the conditions above


WAITS_FOR = "'it waits for ' || blocker || ' of the same person'"

# Of two enrollments of one person the blocked one waits until the other has ended: one that is working, or one that
# waits itself and has a higher priority. Only rows that a claim would reach are checked. The blocking row may be ending
# just now and not see the blocked one: so the first check comes soon.
HOLD_BLOCKED = text(f"""
    WITH waiting AS MATERIALIZED (
        SELECT {COMPARED_COLUMNS} FROM enrollments
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

# A row that is still blocked stays held, without a journal line: nothing has changed. Rows that waited for one full
# sender become ready one after the other: if HubSpot still calls it full, the first learns it and the others find it
# recorded.
RELEASE_DUE = text(f"""
    WITH found AS MATERIALIZED (
        SELECT {COMPARED_COLUMNS} FROM enrollments
        WHERE state = 'held' AND due_at <= statement_timestamp()
        ORDER BY due_at LIMIT 500 FOR UPDATE SKIP LOCKED
    ), behind AS MATERIALIZED (
        SELECT found.id, blocker, check_at FROM found CROSS JOIN LATERAL ({blocker("found")}) AS one
        WHERE found.reason = 'other_enrollment'
    ), waits AS (
        UPDATE enrollments SET due_at = check_at, detail = {WAITS_FOR} FROM behind WHERE enrollments.id = behind.id
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

# When enrollments of a person have ended, or are working no longer, the first row that they blocked becomes ready,
# unless another row blocks it. So does the first row of each other address that waited for the same contact. Locked
# rows are skipped, not waited for: they are checked again when they are due.
RELEASE_PEOPLE = text(f"""
    WITH ended AS MATERIALIZED (
        SELECT account, email, contact_id FROM enrollments WHERE id = ANY(CAST(:ids AS text[]))
    ), person AS MATERIALIZED (
        SELECT account, email FROM ended
        UNION
        SELECT waiting.account, waiting.email FROM ended JOIN enrollments waiting
            ON waiting.account = ended.account AND waiting.contact_id = ended.contact_id
        WHERE waiting.state = 'held' AND waiting.reason = 'other_enrollment'
    ), next AS MATERIALIZED (
        SELECT waits.id FROM person CROSS JOIN LATERAL (
            SELECT waiting.id FROM enrollments waiting
            WHERE waiting.account = person.account AND waiting.email = person.email
              AND waiting.state = 'held' AND waiting.reason = 'other_enrollment'
              AND waiting.id <> ALL(CAST(:ids AS text[]))
              AND NOT EXISTS (SELECT {blockers("waiting")}) AND NOT EXISTS ({occupants("waiting")})
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
