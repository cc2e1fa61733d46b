"""The statements over outbound events, and over the recent answers of each endpoint."""

from __future__ import annotations

from sqlalchemy import text

from app.database.fragments import NEW_ID as ID

NEW_ID = f"'out_' || {ID}"

# The body is made here, in the transaction that changes the enrollment, and its bytes are stored: every retry and every
# replay sends the same bytes. A notification serialises the commits of such transactions; enrollments are sent within
# HubSpot's rate limit, far below the rate at which that matters.
NOTE = text(f"""
    WITH fact AS MATERIALIZED (
        SELECT *, COALESCE(CASE CAST(:kind AS text) WHEN 'ended' THEN ended_at WHEN 'replied' THEN replied_at END,
                           updated_at) AS happened_at
        FROM enrollments WHERE id = ANY(CAST(:ids AS text[]))
    ), message AS MATERIALIZED (
        SELECT id AS enrollment_id, convert_to(CAST(row_to_json(whole) AS text), 'UTF8') AS body
        FROM fact, LATERAL (
            SELECT 'enrollment.' || CAST(:kind AS text) AS type, fact.happened_at AS timestamp, (
                SELECT row_to_json(facts) FROM (
                    SELECT fact.id AS enrollment_id, fact.decision_id, fact.event_id, fact.delivery_id, fact.account,
                           fact.email, fact.contact_id, fact.source, fact.rule, NULLIF(fact.sequence, '') AS sequence,
                           CASE WHEN fact.sender IS NOT NULL THEN (
                               SELECT row_to_json(chosen) FROM (
                                   SELECT fact.sender AS name, fact.sender_user_id AS user_id,
                                          fact.sender_email AS email
                               ) AS chosen
                           ) END AS sender,
                           COALESCE(fact.plan ->> 'action', 'enroll') AS action, fact.state, fact.reason,
                           fact.detail, fact.hubspot_enrollment_id, fact.enrolled_at, fact.received_at, fact.ended,
                           fact.ended_at, fact.ended_known, fact.ended_why, fact.replied_at
                ) AS facts
            ) AS data
        ) AS whole
    ), written AS (
        INSERT INTO outbound (id, endpoint, kind, enrollment_id, body, state, due_at, created_at, updated_at)
        SELECT {NEW_ID}, listening.endpoint, :kind, enrollment_id, body, 'waiting', clock_timestamp(),
               clock_timestamp(), clock_timestamp()
        FROM message CROSS JOIN unnest(CAST(:endpoints AS text[])) AS listening(endpoint)
        RETURNING id
    )
    SELECT pg_notify(CAST(:channel AS text), '') FROM written LIMIT 1
""")  # noqa: S608  # the only text put in is how an id is made

NOTE_TEST = text(f"""
    INSERT INTO outbound (id, endpoint, kind, body, state, due_at, created_at, updated_at)
    VALUES ({NEW_ID}, :endpoint, 'test', :body, 'waiting', clock_timestamp(), clock_timestamp(), clock_timestamp())
    RETURNING id
""")  # noqa: S608  # as above

# A worker claims any event whose lease has run out: it is sent again, and the endpoint recognises it by its id. Each
# endpoint has its own room, so that one with many waiting events takes no other's place. Due times are also compared
# with the database's clock, by which events are noted: a worker whose clock is behind does not wait. The index serves
# `statement_timestamp()`, which is never later than that clock, so that no event is claimed within its lease.
CLAIM = text("""
    WITH wanted AS (
        SELECT * FROM unnest(CAST(:endpoints AS text[]), CAST(:rooms AS integer[])) AS wanted(endpoint, room)
    ), candidate AS MATERIALIZED (
        SELECT found.id FROM wanted, LATERAL (
            SELECT id FROM outbound
            WHERE outbound.endpoint = wanted.endpoint AND state IN ('waiting', 'sending')
              AND due_at <= GREATEST(CAST(:now AS timestamptz), statement_timestamp())
              AND (state = 'waiting' OR leased_until < statement_timestamp())
            ORDER BY due_at, id LIMIT wanted.room
            FOR UPDATE SKIP LOCKED
        ) AS found
    ), claimed AS (
        UPDATE outbound SET state = 'sending', attempt = attempt + 1, leased_by = :worker,
               leased_until = clock_timestamp() + make_interval(secs => :lease), updated_at = clock_timestamp()
        FROM candidate WHERE outbound.id = candidate.id
        RETURNING outbound.id, endpoint, kind, enrollment_id, body, attempt, tries, due_at
    )
    SELECT id, endpoint, kind, enrollment_id, body, attempt, tries FROM claimed ORDER BY due_at, id
""")

# The first entry of the index for each endpoint, however many events wait. A claimed event was due before.
NEXT_DUE = text("""
    SELECT EXTRACT(epoch FROM min(first.due_at) - clock_timestamp()) AS seconds
    FROM unnest(CAST(:endpoints AS text[])) AS wanted(endpoint), LATERAL (
        SELECT due_at FROM outbound WHERE outbound.endpoint = wanted.endpoint AND state IN ('waiting', 'sending')
        ORDER BY due_at LIMIT 1
    ) AS first
""")

# The fence: the attempt that was claimed. The last twenty answers are kept. What says that a person was forgotten is
# itself erased with its delivery, and with it the answers, which may quote it.
RECORD = text("""
    UPDATE outbound SET state = :after, tries = :tries, due_at = COALESCE(CAST(:due_at AS timestamptz), due_at),
           last_status = :status, last_error = :error, leased_by = NULL, leased_until = NULL,
           delivered_at = CASE WHEN :after = 'delivered' THEN CAST(:now AS timestamptz) ELSE delivered_at END,
           body = CASE WHEN kind = 'forgotten' AND :after = 'delivered' THEN CAST('' AS bytea) ELSE body END,
           attempts = CASE WHEN kind = 'forgotten' AND :after = 'delivered' THEN '[]'
                           WHEN jsonb_array_length(attempts) >= 20 THEN attempts - 0 ELSE attempts END
                      || jsonb_build_array(CAST(:line AS jsonb)
                             - CASE WHEN kind = 'forgotten' THEN 'answer' ELSE '' END),
           updated_at = clock_timestamp()
    WHERE id = :id AND attempt = :attempt AND state = 'sending'
    RETURNING id
""")

HAND_BACK = text("""
    UPDATE outbound SET state = 'waiting', leased_by = NULL, leased_until = NULL, updated_at = clock_timestamp()
    WHERE leased_by = :worker AND state = 'sending'
""")

# The last to answer comes last.
READ_ENDPOINTS = text("""
    SELECT * FROM outbound_endpoints WHERE endpoint = ANY(CAST(:endpoints AS text[]))
    ORDER BY GREATEST(last_success_at, last_error_at) NULLS FIRST
""")

# Taking the row is the lock: answers are counted one after the other. Another URL or secret has a row of its own, since
# its answers say nothing about this one: while replicas have different rules, none overwrites the others' counts.
LOCK_ENDPOINT = text("""
    INSERT INTO outbound_endpoints (endpoint, fingerprint) VALUES (:endpoint, :fingerprint)
    ON CONFLICT (endpoint, fingerprint) DO UPDATE SET fingerprint = excluded.fingerprint
    RETURNING *
""")

WRITE_ENDPOINT = text("""
    UPDATE outbound_endpoints SET failures = :failures, openings = :openings, open_until = :open_until,
           probing_until = :probing_until,
           disabled_at = CASE WHEN :gone THEN COALESCE(disabled_at, CAST(:now AS timestamptz)) ELSE disabled_at END,
           last_success_at = CASE WHEN CAST(:error AS text) IS NULL THEN :now ELSE last_success_at END,
           last_error = COALESCE(:error, last_error),
           last_error_at = CASE WHEN CAST(:error AS text) IS NULL THEN last_error_at ELSE :now END
    WHERE endpoint = :endpoint AND fingerprint = :fingerprint
""")

TAKE_PROBE = text("""
    UPDATE outbound_endpoints SET probing_until = :until WHERE endpoint = :endpoint AND fingerprint = :fingerprint
""")

# For all URLs and secrets under which replicas know the endpoint.
# `was` is how it stood before, for the audit log: an endpoint has a row for each URL and secrets of it.
ENABLE = text("""
    WITH found AS MATERIALIZED (
        SELECT endpoint, fingerprint, disabled_at, open_until FROM outbound_endpoints
        WHERE endpoint = :endpoint AND (disabled_at IS NOT NULL OR open_until IS NOT NULL)
        FOR UPDATE
    ), enabled AS (
        UPDATE outbound_endpoints SET failures = 0, openings = 0, open_until = NULL, probing_until = NULL,
               disabled_at = NULL
        FROM found
        WHERE outbound_endpoints.endpoint = found.endpoint AND outbound_endpoints.fingerprint = found.fingerprint
        RETURNING found.disabled_at, found.open_until
    )
    SELECT jsonb_build_object('disabled_at', max(disabled_at), 'open_until', max(open_until)) AS was
    FROM enabled HAVING count(*) > 0
""")

NOTIFY = text("SELECT pg_notify(CAST(:channel AS text), '')")

# Due at once, with all its tries again; the same bytes under the same id. An event whose worker died is free again.
# One whose bytes were erased is not sent again.
REPLAY = text("""
    WITH found AS MATERIALIZED (
        SELECT id, state, tries FROM outbound
        WHERE id = :id AND (state <> 'sending' OR leased_until < clock_timestamp())
          AND NOT (kind = 'forgotten' AND state = 'delivered')
        FOR UPDATE
    )
    UPDATE outbound SET state = 'waiting', due_at = clock_timestamp(), tries = 0, updated_at = clock_timestamp()
    FROM found WHERE outbound.id = found.id
    RETURNING jsonb_build_object('state', found.state, 'tries', found.tries) AS was
""")

REPLAY_MANY = text("""
    WITH found AS MATERIALIZED (
        SELECT id, state FROM outbound
        WHERE endpoint = :endpoint AND state = ANY(CAST(:states AS text[])) AND created_at >= :since
          AND (CAST(:until AS timestamptz) IS NULL OR created_at < :until) AND id > :after
          AND NOT (kind = 'forgotten' AND state = 'delivered')
        ORDER BY id LIMIT :batch_size
        FOR UPDATE
    ), moved AS (
        UPDATE outbound SET state = 'waiting', due_at = clock_timestamp(), tries = 0, updated_at = clock_timestamp()
        FROM found WHERE outbound.id = found.id
        RETURNING outbound.id
    )
    SELECT count(*) AS replayed, max(id) AS last,
           (SELECT jsonb_object_agg(state, rows)
            FROM (SELECT state, count(*) AS rows FROM found GROUP BY state) AS of_state) AS was
    FROM moved
""")

# Those of a job's chunk that are still in one of its states. An endpoint receives a person who was forgotten once.
REPLAY_THESE = text("""
    WITH found AS MATERIALIZED (
        SELECT id FROM outbound
        WHERE id = ANY(CAST(:ids AS text[])) AND state = ANY(CAST(:states AS text[]))
          AND NOT (kind = 'forgotten' AND state = 'delivered')
        ORDER BY id FOR UPDATE
    )
    UPDATE outbound SET state = 'waiting', due_at = clock_timestamp(), tries = 0, updated_at = clock_timestamp()
    FROM found WHERE outbound.id = found.id
    RETURNING outbound.id
""")

# How many REPLAY_MANY would send again, counted up to a limit. Each half has an index of its own, which a state that is
# a parameter would not be served by.
COUNT_REPLAY = text("""
    SELECT (
        SELECT count(*) FROM (
            SELECT FROM outbound
            WHERE endpoint = :endpoint AND state = 'failed' AND created_at >= :since
              AND (CAST(:until AS timestamptz) IS NULL OR created_at < :until)
            LIMIT CASE WHEN 'failed' = ANY(CAST(:states AS text[])) THEN CAST(:most AS bigint) ELSE 0 END
        ) AS found
    ) AS failed, (
        SELECT count(*) FROM (
            SELECT FROM outbound
            WHERE endpoint = :endpoint AND state = 'delivered' AND kind <> 'forgotten' AND created_at >= :since
              AND (CAST(:until AS timestamptz) IS NULL OR created_at < :until)
            LIMIT CASE WHEN 'delivered' = ANY(CAST(:states AS text[])) THEN CAST(:most AS bigint) ELSE 0 END
        ) AS found
    ) AS delivered
""")

# This runs at every scrape of the metrics. An index alone answers each half, without the rows and their bodies.
FIRST_WAITING = text("""
    SELECT id, kind, state, enrollment_id, created_at FROM outbound
    WHERE endpoint = :endpoint AND state IN ('waiting', 'sending') ORDER BY due_at LIMIT :most
""")

BACKLOG = text("""
    SELECT endpoint, CAST(sum(waiting) AS bigint) AS waiting, CAST(sum(failed) AS bigint) AS failed,
           COALESCE(EXTRACT(epoch FROM clock_timestamp() - min(oldest)), 0) AS oldest
    FROM (
        SELECT endpoint, count(*) AS waiting, 0 AS failed, min(created_at) AS oldest
        FROM outbound WHERE state IN ('waiting', 'sending') GROUP BY endpoint
        UNION ALL
        SELECT endpoint, 0, count(*), NULL FROM outbound WHERE state = 'failed' GROUP BY endpoint
    ) AS half GROUP BY endpoint
""")
