# ruff: noqa: S608  # all text that is put in are expressions of ours
"""The statements that erase one person from what is found by indexes: the person's own rows.

Rows are locked in the order that all statements keep: lookups, events, enrollments, then intents, each by its id.
"""

from __future__ import annotations

from sqlalchemy import text

from app.database.fragments import ADDRESS, CONTACT, MAY_HAVE_BEEN_SENT, NEW_ID, is_forgotten, person_key

# The address in rows that must go on holding is replaced by this: found again only by one who knows the address.
PSEUDONYM = f"'forgotten:' || encode({person_key(ADDRESS, 'address')}, 'hex')"
_PEOPLE = "unnest(CAST(:emails AS text[])) AS one(address)"

REQUEST = text("""
    INSERT INTO forgettings (id, requested_by, requested_at, person)
    VALUES (:id, :by, clock_timestamp(), CAST(:person AS jsonb))
""")

# A contact is of an account whose portal HubSpot has named; of the only account, too, before that. A contact that was
# forgotten before is left out: HubSpot repeats what it did not get an answer to.
REQUEST_CONTACT = text(f"""
    INSERT INTO forgettings (id, requested_by, requested_at, person)
    SELECT :id, :by, clock_timestamp(), jsonb_build_object(
        'emails', CAST('[]' AS jsonb), 'enrollments', CAST('[]' AS jsonb),
        'portal_contacts', jsonb_build_array(CAST(:portal AS text) || ':' || CAST(:contact AS text)),
        'contacts', COALESCE((
            SELECT jsonb_agg(jsonb_build_array(account, CAST(:contact AS text)))
            FROM unnest(CAST(:accounts AS text[])) AS named(account) LEFT JOIN hubspot_accounts USING (account)
            WHERE portal_id = :portal OR (portal_id IS NULL AND cardinality(CAST(:accounts AS text[])) = 1)
        ), CAST('[]' AS jsonb))
    )
    WHERE NOT {is_forgotten(CONTACT, "(CAST(:portal AS text) || ':' || CAST(:contact AS text))")}
    RETURNING id
""")

LOCK = text("SELECT CAST(person AS text) AS person, CAST(counts AS text) AS counts, done_at FROM forgettings"
            " WHERE id = :id FOR UPDATE")  # fmt: skip

WRITE = text("UPDATE forgettings SET person = CAST(:person AS jsonb), counts = CAST(:counts AS jsonb) WHERE id = :id")

FINISH = text(
    "UPDATE forgettings SET person = NULL, counts = CAST(:counts AS jsonb), done_at = clock_timestamp() WHERE id = :id"
)

OPEN = text("SELECT id FROM forgettings WHERE done_at IS NULL ORDER BY requested_at")

LIST = text("""
    SELECT id, requested_by, requested_at, done_at, CAST(counts AS text) AS counts FROM forgettings
    WHERE CAST(:after AS text) IS NULL OR id < :after ORDER BY id DESC LIMIT :limit
""")

SHOW = text("""
    SELECT id, requested_by, requested_at, done_at, CAST(counts AS text) AS counts FROM forgettings WHERE id = :id
""")

# While this lock is held nothing is decided. A statement that waits for it takes its snapshot afterwards, and sees the
# tombstone. A backup does not wait for it, nor it for a backup. Where another transaction keeps it waiting, it gives up
# before the senders of webhooks notice, and tries again later.
LOCK_TIMEOUT = text("SET LOCAL lock_timeout = '2s'")
STOP_DECIDING = text("LOCK TABLE decisions IN SHARE ROW EXCLUSIVE MODE")

# Addresses of one contact are of one person. `portal` is null until HubSpot has named it. What was forgotten before has
# neither address nor contact any more.
RELATED = text("""
    SELECT DISTINCT enrollments.account, email, contact_id, portal_id AS portal
    FROM enrollments LEFT JOIN hubspot_accounts ON hubspot_accounts.account = enrollments.account
    WHERE email = ANY(CAST(:emails AS text[]))
    UNION
    SELECT DISTINCT enrollments.account, email, enrollments.contact_id, portal_id
    FROM unnest(CAST(:accounts AS text[]), CAST(:contacts AS text[])) AS wanted(account, contact_id)
    JOIN enrollments ON enrollments.account = wanted.account AND enrollments.contact_id = wanted.contact_id
    LEFT JOIN hubspot_accounts ON hubspot_accounts.account = enrollments.account
""")

BURY = text(f"""
    INSERT INTO forgotten (key, kind, forgetting_id, forgotten_at)
    SELECT {person_key(ADDRESS, "address")}, '{ADDRESS}', CAST(:id AS text), clock_timestamp() FROM {_PEOPLE}
    UNION
    SELECT {person_key(CONTACT, "contact")}, '{CONTACT}', :id, clock_timestamp()
    FROM unnest(CAST(:portal_contacts AS text[])) AS one(contact)
    ON CONFLICT (key) DO NOTHING
""")

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

# What a worker has in hand, or HubSpot may have: it ends first. Until then nothing is sent any more, since the commit
# of `sending` looks for tombstones. An outbound event on its way ends, too, so that `forgotten` comes after it.
STILL_OPEN = text("""
    SELECT (SELECT count(*) FROM enrollments
            WHERE id = ANY(CAST(:enrollments AS text[])) AND state IN ('working', 'uncertain'))
         + (SELECT count(*) FROM outbound WHERE enrollment_id = ANY(:enrollments) AND state = 'sending'
              AND leased_until > statement_timestamp()) AS waiting
""")

_OF_EVENTS = "email, first_name, last_name, name, company, provider_id, data, answers"
_ENDED = "state NOT IN ('working', 'uncertain')"
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
    # A row of an earlier forgetting, that was lifted and is forgotten again, has the pseudonym already. What a worker
    # has in hand may still free its intent, which it finds by the address.
    "intents": f"""
        UPDATE intents SET email = {PSEUDONYM} FROM {_PEOPLE}
        WHERE email = address AND NOT EXISTS (
            SELECT FROM intents AS kept WHERE kept.account = intents.account AND kept.intent = intents.intent
              AND kept.email = {PSEUDONYM})
          AND enrollment_id <> ALL(ARRAY(SELECT id FROM enrollments WHERE id = ANY(:enrollments) AND NOT ({_ENDED})))
    """,
    "sticky_senders": "DELETE FROM sticky_senders WHERE subject = ANY(:emails)",
    "suppressions": f"""
        UPDATE suppressions SET value = {PSEUDONYM}, reason = NULL FROM {_PEOPLE} WHERE value = address
    """,
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

NOTIFY = text("SELECT pg_notify(CAST(:channel AS text), '')")

IS_FORGOTTEN = text(f"""
    SELECT forgetting_id, forgotten_at,
           EXISTS (SELECT FROM forgettings WHERE id = forgetting_id AND done_at IS NULL) AS open
    FROM {_PEOPLE} JOIN forgotten ON key = {person_key(ADDRESS, "address")}
""")

# The ledger and the suppression hold again under the address, which the operator names who lifts the tombstone.
LIFT = text(f"""
    WITH lifted AS (
        DELETE FROM forgotten USING {_PEOPLE} WHERE key = {person_key(ADDRESS, "address")} RETURNING forgetting_id
    ), contacts AS (
        DELETE FROM forgotten WHERE kind = '{CONTACT}' AND forgetting_id IN (SELECT forgetting_id FROM lifted)
    ), ledger AS (
        UPDATE intents SET email = address FROM {_PEOPLE}
        WHERE email = {PSEUDONYM} AND EXISTS (SELECT FROM lifted)
    ), suppressed AS (
        UPDATE suppressions SET value = address FROM {_PEOPLE}
        WHERE value = {PSEUDONYM} AND EXISTS (SELECT FROM lifted)
    )
    SELECT forgetting_id FROM lifted
""")
