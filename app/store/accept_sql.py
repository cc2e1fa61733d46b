"""The statements of one group commit, each taking arrays: a batch of any size costs the same round trips."""

from __future__ import annotations

from sqlalchemy import text

# A key that a concurrent transaction has inserted but not committed makes this wait for that transaction's end; what
# is returned are exactly the events that are new.
INSERT_EVENT_KEYS = text("""
    INSERT INTO event_keys (source, key, event_id, delivery_id, seen_at)
    SELECT source, key, event_id, delivery_id, clock_timestamp()
    FROM unnest(CAST(:sources AS text[]), CAST(:keys AS bytea[]), CAST(:events AS text[]), CAST(:deliveries AS text[]))
         AS row(source, key, event_id, delivery_id)
    ON CONFLICT DO NOTHING
    RETURNING event_id
""")

# Runs after the insert in the same READ COMMITTED transaction: its fresh snapshot sees whoever was first.
READ_FIRST_DELIVERIES = text("""
    SELECT source, key, delivery_id FROM event_keys
    WHERE (source, key) IN (SELECT * FROM unnest(CAST(:sources AS text[]), CAST(:keys AS bytea[])))
""")

INSERT_DELIVERIES = text("""
    INSERT INTO deliveries (id, source, provider, received_at, method, url, headers, body)
    SELECT id, source, provider, received_at, method, url, CAST(headers AS jsonb), body
    FROM unnest(CAST(:id AS text[]), CAST(:source AS text[]), CAST(:provider AS text[]),
                CAST(:received_at AS timestamptz[]), CAST(:method AS text[]), CAST(:url AS text[]),
                CAST(:headers AS text[]), CAST(:body AS bytea[]))
         AS row(id, source, provider, received_at, method, url, headers, body)
""")

INSERT_EVENTS = text("""
    INSERT INTO events (id, delivery_id, source, type, provider_id, received_at, occurred_at, email, first_name,
                        last_name, name, company, data)
    SELECT id, delivery_id, source, type, provider_id, received_at, occurred_at, email, first_name, last_name, name,
           company, CAST(data AS jsonb)
    FROM unnest(CAST(:id AS text[]), CAST(:delivery_id AS text[]), CAST(:source AS text[]), CAST(:type AS text[]),
                CAST(:provider_id AS text[]), CAST(:received_at AS timestamptz[]), CAST(:occurred_at AS timestamptz[]),
                CAST(:email AS text[]), CAST(:first_name AS text[]), CAST(:last_name AS text[]), CAST(:name AS text[]),
                CAST(:company AS text[]), CAST(:data AS text[]))
         AS row(id, delivery_id, source, type, provider_id, received_at, occurred_at, email, first_name, last_name,
                name, company, data)
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

INSERT_DECISIONS = text("""
    INSERT INTO decisions (id, event_id, delivery_id, source, email, verdict, reason, rule, line, revision, facts,
                           enrollment_id, decided_at)
    SELECT id, event_id, delivery_id, source, email, verdict, reason, rule, line, revision, CAST(facts AS jsonb),
           enrollment_id, clock_timestamp()
    FROM unnest(CAST(:id AS text[]), CAST(:event_id AS text[]), CAST(:delivery_id AS text[]), CAST(:source AS text[]),
                CAST(:email AS text[]), CAST(:verdict AS text[]), CAST(:reason AS text[]), CAST(:rule AS text[]),
                CAST(:line AS integer[]), CAST(:revision AS text[]), CAST(:facts AS text[]),
                CAST(:enrollment_id AS text[]))
         AS row(id, event_id, delivery_id, source, email, verdict, reason, rule, line, revision, facts, enrollment_id)
""")

INSERT_ENROLLMENTS = text("""
    WITH made AS (
        INSERT INTO enrollments (
            id, decision_id, event_id, delivery_id, source, rule, account, email, sequence, sender, sender_user_id,
            sender_email, properties, require, intent, received_at, created_at, updated_at, state, due_at
        )
        SELECT id, decision_id, event_id, delivery_id, source, rule, account, email, sequence, sender, sender_user_id,
               sender_email, CAST(properties AS jsonb), ARRAY(SELECT jsonb_array_elements_text(CAST(require AS jsonb))),
               intent, received_at, clock_timestamp(), clock_timestamp(), 'ready', clock_timestamp()
        FROM unnest(
            CAST(:id AS text[]), CAST(:decision_id AS text[]), CAST(:event_id AS text[]), CAST(:delivery_id AS text[]),
            CAST(:source AS text[]), CAST(:rule AS text[]), CAST(:account AS text[]), CAST(:email AS text[]),
            CAST(:sequence AS text[]), CAST(:sender AS text[]), CAST(:sender_user_id AS text[]),
            CAST(:sender_email AS text[]), CAST(:properties AS text[]), CAST(:require AS text[]),
            CAST(:intent AS text[]), CAST(:received_at AS timestamptz[])
        ) AS row(
            id, decision_id, event_id, delivery_id, source, rule, account, email, sequence, sender, sender_user_id,
            sender_email, properties, require, intent, received_at
        )
        RETURNING id, created_at
    ), noted AS (
        INSERT INTO journal (enrollment_id, at, after, attempt, cause)
        SELECT id, created_at, 'ready', 0, 'accepted' FROM made
    )
    SELECT pg_notify(CAST(:channel AS text), '')
""")
