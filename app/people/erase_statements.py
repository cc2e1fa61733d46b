# ruff: noqa: S608  # all text that is put in are expressions of ours
"""The statements that erase one person from what is found by indexes, the person's own rows, and notify endpoints.

Rows are locked in the order that all statements keep: lookups, events, enrollments, then intents, each by its id.
"""

from __future__ import annotations

from sqlalchemy import text

from app.database.fragments import MAY_HAVE_BEEN_SENT, NEW_ID
from app.people.pseudonyms import PSEUDONYM, intents_renamed, suppressions_renamed

# HubSpot's own events name a contact in one of these ways.
_OF_CONTACT = """
    concat_ws(':', data->>'portalId', data->>'objectId') = ANY(CAST(:portal_contacts AS text[]))
    OR concat_ws(':', data->'origin'->>'portalId', data->'object'->>'objectId') = ANY(:portal_contacts)
    OR concat_ws(':', COALESCE(data->>'portal-id', data->>'portalId'),
                 COALESCE(data->>'vid', data->>'objectId', data->>'hs_object_id')) = ANY(:portal_contacts)
"""
FIND_EVENTS_OF_CONTACTS = text(f"""
    WITH page AS MATERIALIZED (
        SELECT max(id) AS last FROM (SELECT id FROM events WHERE id > :after ORDER BY id LIMIT :bite) AS rows_of_page
    ), found AS (
        SELECT id, delivery_id FROM events
        WHERE id > :after AND id <= (SELECT last FROM page) AND data IS NOT NULL AND ({_OF_CONTACT})
    )
    SELECT last, ARRAY(SELECT id FROM found ORDER BY id) AS events,
           ARRAY(SELECT delivery_id FROM found) AS deliveries
    FROM page
""")

FIND_EVENTS = text("""
    SELECT id, delivery_id FROM events WHERE email = ANY(CAST(:emails AS text[]))
    UNION SELECT event_id, delivery_id FROM decisions WHERE email = ANY(:emails)
    UNION SELECT event_id, delivery_id FROM enrollments WHERE email = ANY(:emails)
    UNION SELECT event_id, delivery_id
        FROM unnest(CAST(:accounts AS text[]), CAST(:contacts AS text[])) AS wanted(account, contact_id)
        JOIN enrollments USING (account, contact_id)
    ORDER BY id
""")

FIND_ENROLLMENTS = text("""
    SELECT id FROM enrollments WHERE email = ANY(CAST(:emails AS text[]))
    UNION SELECT id FROM unnest(CAST(:accounts AS text[]), CAST(:contacts AS text[])) AS wanted(account, contact_id)
        JOIN enrollments USING (account, contact_id)
    ORDER BY id
""")

# What is left after a turn: enrollments that a worker has in hand, or HubSpot may have, and events for endpoints that
# are on their way. They end first, and a later turn erases them. Until then nothing is sent any more, since the commit
# of `sending` looks for tombstones; and what says that the person is forgotten comes last. All that is left counts, in
# whatever state: what ends between two statements of the turn is left as well.
STILL_THERE = text("""
    SELECT (SELECT count(*) FROM enrollments WHERE id = ANY(CAST(:enrollments AS text[])) AND email <> 'forgotten')
         + (SELECT count(*) FROM outbound WHERE enrollment_id = ANY(:enrollments)) AS waiting
""")

_OF_EVENTS = "email, first_name, last_name, name, company, provider_id, data, answers"
_ENDED = "state NOT IN ('working', 'uncertain')"
_NOT_IN_HAND = f"""
    enrollment_id <> ALL(ARRAY(SELECT id FROM enrollments WHERE id = ANY(:enrollments) AND NOT ({_ENDED})))
"""
_CANCELLED = f"""
    WITH found AS MATERIALIZED (
        SELECT id, account, intent, email, state, attempt, {MAY_HAVE_BEEN_SENT} AS sent FROM enrollments
        WHERE id = ANY(CAST(:enrollments AS text[])) AND state IN ('held', 'ready', 'parked') ORDER BY id FOR UPDATE
    ), moved AS (
        UPDATE enrollments SET state = 'cancelled', reason = 'forgotten', updated_at = clock_timestamp()
        FROM found WHERE enrollments.id = found.id
    ), intent AS MATERIALIZED (
        SELECT account, intent, email FROM intents JOIN found USING (account, intent, email)
        WHERE enrollment_id = id AND NOT sent ORDER BY email, intent, account FOR UPDATE OF intents
    ), freed AS (
        DELETE FROM intents USING intent
        WHERE intents.account = intent.account AND intents.intent = intent.intent AND intents.email = intent.email
    )
    INSERT INTO journal (enrollment_id, at, before, after, attempt, cause)
    SELECT id, clock_timestamp(), state, 'cancelled', attempt, 'forgotten' FROM found
"""

# In their order. Each is counted under its name. A look at a followed enrollment that is under way writes nothing: the
# number of looks is its fence.
ERASE = {
    "enrichments": "DELETE FROM enrichments WHERE event_id = ANY(CAST(:events AS text[]))",
    "events": f"""
        UPDATE events SET email = NULL, first_name = NULL, last_name = NULL, name = NULL, company = NULL,
               provider_id = NULL, data = NULL, answers = NULL
        WHERE id IN (
            SELECT id FROM events
            WHERE id = ANY(CAST(:events AS text[])) AND num_nonnulls({_OF_EVENTS}) > 0
            ORDER BY id FOR UPDATE
        )
    """,
    "cancelled": _CANCELLED,
    "enrollments": f"""
        UPDATE enrollments SET email = 'forgotten', detail = NULL, properties = '{{}}', assignment = NULL,
               plan = CASE WHEN plan ? 'action' THEN jsonb_build_object('action', plan->'action') ELSE '{{}}' END,
               contact_id = NULL, occupied_contact_id = NULL, hubspot_enrollment_id = NULL, baseline_count = NULL,
               baseline_sequence = NULL, baseline_date = NULL, confirm_at = NULL, follow_at = NULL, hinted_at = NULL,
               looks = looks + 1
        WHERE id IN (
            SELECT id FROM enrollments WHERE id = ANY(:enrollments) AND {_ENDED} AND email <> 'forgotten'
            ORDER BY id FOR UPDATE
        )
    """,
    "journal": f"""
        UPDATE journal SET detail = NULL WHERE detail IS NOT NULL AND enrollment_id IN (
            SELECT id FROM enrollments WHERE id = ANY(:enrollments) AND {_ENDED})
    """,
    "decisions": """
        UPDATE decisions SET email = NULL, facts = '[]', reason = 'the person was forgotten'
        WHERE event_id = ANY(:events) AND (email IS NOT NULL OR facts <> '[]')
    """,
    # What a worker has in hand may still free its intent, which it finds by the address.
    "intents": "WITH {} {}".format(*intents_renamed("address", PSEUDONYM, when=_NOT_IN_HAND)),
    # A company has its sender under its domain, and keeps it.
    "sticky_senders": "DELETE FROM sticky_senders WHERE subject = ANY(:emails) AND subject LIKE '%@%'",
    "suppressions": "WITH {} {}".format(*suppressions_renamed("address", PSEUDONYM)),
    "outbound": """
        DELETE FROM outbound WHERE enrollment_id = ANY(:enrollments)
          AND NOT (state = 'sending' AND leased_until > statement_timestamp())
    """,
    "deliveries": "DELETE FROM deliveries WHERE id = ANY(CAST(:deliveries AS text[]))",
}  # fmt: skip
ERASING = {name: text(statement) for name, statement in ERASE.items()}

# The endpoints that may know the person: an endpoint that has ever accepted an event.
NOTIFY_ENDPOINTS = text(f"""
    WITH written AS (
        INSERT INTO outbound (id, endpoint, kind, body, state, due_at, created_at, updated_at)
        SELECT 'out_' || {NEW_ID}, endpoint, 'forgotten', :body, 'waiting', clock_timestamp(), clock_timestamp(),
               clock_timestamp()
        FROM (SELECT DISTINCT endpoint FROM outbound_endpoints WHERE last_success_at IS NOT NULL) AS knowing
        RETURNING endpoint
    )
    SELECT endpoint, pg_notify(CAST(:channel AS text), '') FROM written
""")

KNOWING = text("SELECT DISTINCT endpoint FROM outbound_endpoints WHERE last_success_at IS NOT NULL ORDER BY endpoint")
