"""The SQL of jobs. A job's fence is `attempt`, which each claim and each move of an operator raises."""

from __future__ import annotations

from sqlalchemy import text

NOTIFY = text("SELECT pg_notify(CAST(:channel AS text), '')")
NOW = text("SELECT clock_timestamp() AS now")

# A form that is sent twice asks twice at once: the second waits for the commit of the first, and then finds it.
LOCK_ASKING = text("SELECT pg_advisory_xact_lock(hashtextextended('bulk_jobs', 0))")
UNDER_WAY = text("""
    SELECT id FROM bulk_jobs
    WHERE state IN ('waiting', 'running', 'paused') AND kind = :kind
      AND filter = CAST(CAST(:filter AS text) AS jsonb) LIMIT 1
""")

ASK = text("""
    INSERT INTO bulk_jobs (id, kind, state, asked_by, role, origin, reason, filter, total, created_at, due_at)
    VALUES (:id, :kind, 'waiting', :asked_by, :role, :origin, :reason, CAST(CAST(:filter AS text) AS jsonb), :total,
            :asked_at, clock_timestamp())
""")

# A worker goes on with its own jobs; those of another one it takes over once their lease has run out. Kinds that this
# version does not know are left to a newer one.
_CLAIMABLE = """
    state IN ('waiting', 'running') AND kind = ANY(CAST(:kinds AS text[])) AND due_at <= statement_timestamp()
    AND (state = 'waiting' OR leased_by = :worker OR leased_until <= statement_timestamp())
"""
# The rate is measured from when this worker began: a job that waited for one, or was paused, was not slow.
CLAIM = text(f"""
    UPDATE bulk_jobs SET
        state = 'running', attempt = attempt + 1, leased_by = :worker,
        leased_until = clock_timestamp() + make_interval(secs => :lease),
        started_at = COALESCE(started_at, clock_timestamp()),
        measured_from = CASE WHEN state = 'running' AND leased_by = :worker THEN measured_from
                             ELSE clock_timestamp() END,
        done_before = CASE WHEN state = 'running' AND leased_by = :worker THEN done_before ELSE done END
    WHERE id = (SELECT id FROM bulk_jobs WHERE {_CLAIMABLE} ORDER BY due_at LIMIT 1 FOR UPDATE SKIP LOCKED)
    RETURNING id, kind, attempt
""")  # noqa: S608  # the only text put in is the condition above

NEXT_DUE = text("""
    SELECT EXTRACT(epoch FROM min(CASE WHEN state = 'waiting' OR leased_by = :worker THEN due_at
                                       ELSE GREATEST(due_at, leased_until) END) - statement_timestamp()) AS seconds
    FROM bulk_jobs WHERE state IN ('waiting', 'running') AND kind = ANY(CAST(:kinds AS text[]))
""")

HAND_BACK = text("""
    UPDATE bulk_jobs SET leased_until = clock_timestamp() WHERE state = 'running' AND leased_by = :worker
""")

# The lock holds until the chunk is committed: an operator who pauses the job waits for that, and then it is paused.
LOCK_MINE = text("SELECT * FROM bulk_jobs WHERE id = :id AND attempt = :attempt AND state = 'running' FOR UPDATE")

# What was about to commit when the rows were counted is one of them: there may be a few more than were counted.
MOVE_ON = text("""
    UPDATE bulk_jobs SET
        state = :state, cursor = :cursor, done = :done,
        total = GREATEST(total, CAST(:done AS bigint)), outcomes = CAST(CAST(:outcomes AS text) AS jsonb),
        due_at = clock_timestamp() + make_interval(secs => :pause),
        leased_until = CASE WHEN :ends THEN NULL ELSE clock_timestamp() + make_interval(secs => :pause + :lease) END,
        leased_by = CASE WHEN :ends THEN NULL ELSE leased_by END,
        finished_at = CASE WHEN :ends THEN clock_timestamp() END
    WHERE id = :id
""")

LOCK = text("SELECT * FROM bulk_jobs WHERE id = :id FOR UPDATE")

MOVE = text("""
    UPDATE bulk_jobs SET
        state = :state, attempt = attempt + 1, leased_by = NULL, leased_until = NULL, due_at = clock_timestamp(),
        finished_at = CASE WHEN :ends THEN clock_timestamp() END, error = :error
    WHERE id = :id
""")

SHOW = text("SELECT *, clock_timestamp() AS now FROM bulk_jobs WHERE id = :id")

LIST = text("""
    SELECT *, clock_timestamp() AS now FROM bulk_jobs
    WHERE (CAST(:after AS text) IS NULL OR id < :after) AND (CAST(:state AS text) IS NULL OR state = :state)
    ORDER BY id DESC LIMIT :limit
""")

NEWER = text("""
    SELECT *, clock_timestamp() AS now FROM bulk_jobs
    WHERE id > :after AND (CAST(:state AS text) IS NULL OR state = :state)
    ORDER BY id LIMIT :limit
""")
