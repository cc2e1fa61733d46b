"""The statements of one group commit, each taking a whole batch: its size does not change the number of round trips."""

from __future__ import annotations

from sqlalchemy import text

# A key that a concurrent transaction has inserted but not committed makes this wait for that transaction's end; what
# is returned are exactly the events that are new.
INSERT_EVENT_KEYS = text("""
    INSERT INTO event_keys (source, key, event_id, delivery_id, seen_at)
    SELECT source, key, event_id, delivery_id, clock_timestamp()
    FROM unnest(CAST(:sources AS text[]), CAST(:keys AS bytea[]), CAST(:events AS text[]),
        CAST(:deliveries AS text[]))
         AS row(source, key, event_id, delivery_id)
    ON CONFLICT DO NOTHING
    RETURNING event_id
""")

# Runs after the insert in the same READ COMMITTED transaction: its fresh snapshot sees whoever was first.
READ_FIRST_DELIVERIES = text("""
    SELECT source, key, delivery_id FROM event_keys
    WHERE (source, key) IN (SELECT * FROM unnest(CAST(:sources AS text[]), CAST(:keys AS bytea[])))
""")

# An intent is taken over only when its period has passed by the database's clock. A row that does not come back is
# somebody else's: the conflict update locks it, so two replicas with the same person decide one after the other.
TAKE_INTENTS = text("""
    INSERT INTO intents AS held (account, intent, email, enrollment_id, until)
    SELECT account, intent, email, enrollment_id, clock_timestamp() + make_interval(secs => seconds)
    FROM unnest(CAST(:account AS text[]), CAST(:intent AS text[]), CAST(:email AS text[]),
                CAST(:enrollment_id AS text[]), CAST(:seconds AS double precision[]))
         AS row(account, intent, email, enrollment_id, seconds)
    ON CONFLICT (account, intent, email) DO UPDATE
        SET enrollment_id = excluded.enrollment_id, until = excluded.until
        WHERE held.until <= clock_timestamp()
    RETURNING enrollment_id
""")

READ_INTENT_HOLDERS = text("""
    SELECT account, intent, email, enrollment_id FROM intents
    WHERE (account, intent, email) IN (
        SELECT * FROM unnest(CAST(:account AS text[]), CAST(:intent AS text[]), CAST(:email AS text[]))
    )
""")

# Everything else of a batch in one round trip. The parts do not read each other, so their order does not matter. Each
# table's rows come as one JSON text: that is far cheaper to write than an array per column, of which there are fifty.
INSERT_BATCH = text("""
    WITH delivery AS (
        INSERT INTO deliveries (
            id, source, provider, received_at, method, url, headers, body
        )
        SELECT
            id, source, provider, received_at, method, url, headers, decode(body, 'base64')
        FROM jsonb_to_recordset(CAST(:deliveries AS jsonb)) AS row(
            id text, source text, provider text, received_at timestamptz, method text, url text, headers jsonb,
            body text
        )
    ), event AS (
        INSERT INTO events (
            id, delivery_id, source, type, provider_id, received_at, occurred_at, email, first_name, last_name, name,
            company, data
        )
        SELECT
            id, delivery_id, source, type, provider_id, received_at, occurred_at, email, first_name, last_name, name,
            company, data
        FROM jsonb_to_recordset(CAST(:events AS jsonb)) AS row(
            id text, delivery_id text, source text, type text, provider_id text, received_at timestamptz,
            occurred_at timestamptz, email text, first_name text, last_name text, name text, company text, data jsonb
        )
    ), decision AS (
        INSERT INTO decisions (
            id, event_id, delivery_id, source, email, verdict, reason, rule, line, revision, facts, enrollment_id,
            decided_at
        )
        SELECT
            id, event_id, delivery_id, source, email, verdict, reason, rule, line, revision, facts, enrollment_id,
            clock_timestamp()
        FROM jsonb_to_recordset(CAST(:decisions AS jsonb)) AS row(
            id text, event_id text, delivery_id text, source text, email text, verdict text, reason text, rule text,
            line integer, revision text, facts jsonb, enrollment_id text
        )
    ), made AS (
        INSERT INTO enrollments (
            id, decision_id, event_id, delivery_id, source, rule, account, email, sequence, sender, sender_user_id,
            sender_email, properties, require, intent, received_at, created_at, updated_at, state, due_at
        )
        SELECT
            id, decision_id, event_id, delivery_id, source, rule, account, email, sequence, sender, sender_user_id,
            sender_email, properties, ARRAY(SELECT jsonb_array_elements_text(require)), intent, received_at,
            clock_timestamp(), clock_timestamp(), 'ready', clock_timestamp()
        FROM jsonb_to_recordset(CAST(:enrollments AS jsonb)) AS row(
            id text, decision_id text, event_id text, delivery_id text, source text, rule text, account text,
            email text, sequence text, sender text, sender_user_id text, sender_email text, properties jsonb,
            require jsonb, intent text, received_at timestamptz
        )
        RETURNING id, created_at
    ), noted AS (
        INSERT INTO journal (enrollment_id, at, after, attempt, cause)
        SELECT id, created_at, 'ready', 0, 'accepted' FROM made
    )
    SELECT count(pg_notify(CAST(:channel AS text), '')) FROM (SELECT FROM made LIMIT 1) AS any_made
""")
