"""The statements of one group commit, each taking arrays: a batch of any size costs the same round trips."""

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

# Everything else of a batch in one round trip. The parts do not read each other, so their order does not matter.
INSERT_BATCH = text("""
    WITH delivery AS (
        INSERT INTO deliveries (
            id, source, provider, received_at, method, url, headers, body
        )
        SELECT
            id, source, provider, received_at, method, url, CAST(headers AS jsonb), body
        FROM unnest(
            CAST(:dlv_id AS text[]), CAST(:dlv_source AS text[]), CAST(:dlv_provider AS text[]),
            CAST(:dlv_received_at AS timestamptz[]), CAST(:dlv_method AS text[]), CAST(:dlv_url AS text[]),
            CAST(:dlv_headers AS text[]), CAST(:dlv_body AS bytea[])
        ) AS row(
            id, source, provider, received_at, method, url, headers, body
        )
    ), event AS (
        INSERT INTO events (
            id, delivery_id, source, type, provider_id, received_at, occurred_at, email, first_name, last_name, name,
            company, data
        )
        SELECT
            id, delivery_id, source, type, provider_id, received_at, occurred_at, email, first_name, last_name, name,
            company, CAST(data AS jsonb)
        FROM unnest(
            CAST(:evt_id AS text[]), CAST(:evt_delivery_id AS text[]), CAST(:evt_source AS text[]),
            CAST(:evt_type AS text[]), CAST(:evt_provider_id AS text[]), CAST(:evt_received_at AS timestamptz[]),
            CAST(:evt_occurred_at AS timestamptz[]), CAST(:evt_email AS text[]), CAST(:evt_first_name AS text[]),
            CAST(:evt_last_name AS text[]), CAST(:evt_name AS text[]), CAST(:evt_company AS text[]),
            CAST(:evt_data AS text[])
        ) AS row(
            id, delivery_id, source, type, provider_id, received_at, occurred_at, email, first_name, last_name, name,
            company, data
        )
    ), decision AS (
        INSERT INTO decisions (
            id, event_id, delivery_id, source, email, verdict, reason, rule, line, revision, facts, enrollment_id,
            decided_at
        )
        SELECT
            id, event_id, delivery_id, source, email, verdict, reason, rule, line, revision, CAST(facts AS jsonb),
            enrollment_id, clock_timestamp()
        FROM unnest(
            CAST(:dec_id AS text[]), CAST(:dec_event_id AS text[]), CAST(:dec_delivery_id AS text[]),
            CAST(:dec_source AS text[]), CAST(:dec_email AS text[]), CAST(:dec_verdict AS text[]),
            CAST(:dec_reason AS text[]), CAST(:dec_rule AS text[]), CAST(:dec_line AS integer[]),
            CAST(:dec_revision AS text[]), CAST(:dec_facts AS text[]), CAST(:dec_enrollment_id AS text[])
        ) AS row(
            id, event_id, delivery_id, source, email, verdict, reason, rule, line, revision, facts, enrollment_id
        )
    ), made AS (
        INSERT INTO enrollments (
            id, decision_id, event_id, delivery_id, source, rule, account, email, sequence, sender, sender_user_id,
            sender_email, properties, require, intent, received_at, created_at, updated_at, state, due_at
        )
        SELECT
            id, decision_id, event_id, delivery_id, source, rule, account, email, sequence, sender, sender_user_id,
            sender_email, CAST(properties AS jsonb), ARRAY(SELECT jsonb_array_elements_text(CAST(require AS jsonb))),
            intent, received_at, clock_timestamp(), clock_timestamp(), 'ready', clock_timestamp()
        FROM unnest(
            CAST(:enr_id AS text[]), CAST(:enr_decision_id AS text[]), CAST(:enr_event_id AS text[]),
            CAST(:enr_delivery_id AS text[]), CAST(:enr_source AS text[]), CAST(:enr_rule AS text[]),
            CAST(:enr_account AS text[]), CAST(:enr_email AS text[]), CAST(:enr_sequence AS text[]),
            CAST(:enr_sender AS text[]), CAST(:enr_sender_user_id AS text[]), CAST(:enr_sender_email AS text[]),
            CAST(:enr_properties AS text[]), CAST(:enr_require AS text[]), CAST(:enr_intent AS text[]),
            CAST(:enr_received_at AS timestamptz[])
        ) AS row(
            id, decision_id, event_id, delivery_id, source, rule, account, email, sequence, sender, sender_user_id,
            sender_email, properties, require, intent, received_at
        )
        RETURNING id, created_at
    ), noted AS (
        INSERT INTO journal (enrollment_id, at, after, attempt, cause)
        SELECT id, created_at, 'ready', 0, 'accepted' FROM made
    )
    SELECT count(pg_notify(CAST(:channel AS text), '')) FROM (SELECT FROM made LIMIT 1) AS any_made
""")
