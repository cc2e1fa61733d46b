# ruff: noqa: S608  # all text that is put in are expressions of ours
"""The statements over requests to forget someone, over tombstones, and over who is meant."""

from __future__ import annotations

from sqlalchemy import text

from app.database.fragments import ADDRESS, CONTACT, is_forgotten, person_key
from app.people.pseudonyms import PEOPLE, PSEUDONYM, intents_renamed, suppressions_renamed

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

LIST_ABOVE = text("""
    SELECT id, requested_by, requested_at, done_at, CAST(counts AS text) AS counts FROM forgettings
    WHERE id > :above ORDER BY id LIMIT :limit
""")

SHOW = text("""
    SELECT id, requested_by, requested_at, done_at, CAST(counts AS text) AS counts FROM forgettings WHERE id = :id
""")

# While this lock is held nothing is decided, and no refused request is kept. A statement that waits for it takes its
# snapshot afterwards, and sees the tombstone. A backup does not wait for it, nor it for a backup. Where another
# transaction keeps it waiting, it gives up before the senders of webhooks notice, and tries again later.
LOCK_TIMEOUT = text("SET LOCAL lock_timeout = '2s'")
STOP_DECIDING = text("LOCK TABLE decisions, refused_deliveries IN SHARE ROW EXCLUSIVE MODE")

# Addresses of one contact are of one person: an address leads to contacts, and a contact to addresses, until no new
# one is found. A row is one of them. `portal` is null until HubSpot has named it. What was forgotten before has neither
# address nor contact any more. Of each address and contact `most` enrollments are read, null for all.
RELATED = text("""
    WITH RECURSIVE known(email, account, contact_id) AS (
        SELECT * FROM (
            SELECT email, NULL, NULL FROM unnest(CAST(:emails AS text[])) AS named(email)
            UNION ALL SELECT NULL, account, contact_id
            FROM unnest(CAST(:accounts AS text[]), CAST(:contacts AS text[])) AS wanted(account, contact_id)
        ) AS given
        UNION
        SELECT found.* FROM known CROSS JOIN LATERAL (
            (SELECT NULL, account, contact_id FROM enrollments
             WHERE email = known.email AND contact_id IS NOT NULL LIMIT CAST(:most AS bigint))
            UNION ALL
            (SELECT email, NULL, NULL FROM enrollments
             WHERE account = known.account AND contact_id = known.contact_id AND email <> 'forgotten' LIMIT :most)
        ) AS found
    )
    SELECT email, account, contact_id, portal_id AS portal FROM known LEFT JOIN hubspot_accounts USING (account)
""")

BURY = text(f"""
    INSERT INTO forgotten (key, kind, forgetting_id, forgotten_at)
    SELECT {person_key(ADDRESS, "address")}, '{ADDRESS}', CAST(:id AS text), clock_timestamp() FROM {PEOPLE}
    UNION
    SELECT {person_key(CONTACT, "contact")}, '{CONTACT}', :id, clock_timestamp()
    FROM unnest(CAST(:portal_contacts AS text[])) AS one(contact)
    ON CONFLICT (key) DO NOTHING
""")

NOTIFY = text("SELECT pg_notify(CAST(:channel AS text), '')")

IS_FORGOTTEN = text(f"""
    SELECT forgetting_id, forgotten_at,
           EXISTS (SELECT FROM forgettings WHERE id = forgetting_id AND done_at IS NULL) AS open
    FROM {PEOPLE} JOIN forgotten ON key = {person_key(ADDRESS, "address")}
""")

# The ledger and the suppression hold again under the address, which the operator names who lifts the tombstone.
_AGAIN = {"when": "EXISTS (SELECT FROM lifted)"}
_INTENT_TAKEN, _INTENT_PUT = intents_renamed(PSEUDONYM, "address", **_AGAIN)
_SUPPRESSION_TWICE, _SUPPRESSION_PUT = suppressions_renamed(PSEUDONYM, "address", **_AGAIN)
LIFT = text(f"""
    WITH lifted AS (
        DELETE FROM forgotten USING {PEOPLE} WHERE key = {person_key(ADDRESS, "address")} RETURNING forgetting_id
    ), contacts AS (
        DELETE FROM forgotten WHERE kind = '{CONTACT}' AND forgetting_id IN (SELECT forgetting_id FROM lifted)
    ), {_INTENT_TAKEN}, ledger AS ({_INTENT_PUT}), {_SUPPRESSION_TWICE}, suppressed AS ({_SUPPRESSION_PUT})
    SELECT forgetting_id FROM lifted
""")
