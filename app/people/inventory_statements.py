# ruff: noqa: S608  # all text that is put in are expressions of ours
"""The statements over inventories: what stands under a person's own keys, and the work of looking through the rest.

The fence of that work is id and `attempt`: asking anew gives the row another id, each turn raises `attempt`.
"""

from __future__ import annotations

from sqlalchemy import text

from app.database.fragments import ADDRESS, person_key
from app.people.pseudonyms import PEOPLE, PSEUDONYM


def _count(table: str, condition: str) -> str:
    return f"(SELECT count(*) FROM (SELECT FROM {table} WHERE {condition} LIMIT :most) AS few) AS {table}"


_OF_CONTACTS = "unnest(CAST(:accounts AS text[]), CAST(:contacts AS text[])) AS wanted(account, contact_id)"
_OWN_EVENTS, _OWN_ENROLLMENTS = "ANY(ARRAY(SELECT id FROM own_events))", "ANY(ARRAY(SELECT id FROM own_enrollments))"
# Each part is answered by an index, and reads `most` rows of a table. Senders that stayed with the person are not
# counted: no index begins with their subject.
OWN_ROWS = text(f"""
    WITH own_events AS MATERIALIZED (
        SELECT id, delivery_id FROM (
            (SELECT id, delivery_id FROM events WHERE email = ANY(CAST(:emails AS text[])) LIMIT :most)
            UNION (SELECT event_id, delivery_id FROM decisions WHERE email = ANY(:emails) LIMIT :most)
            UNION (SELECT event_id, delivery_id FROM enrollments WHERE email = ANY(:emails) LIMIT :most)
            UNION (SELECT event_id, delivery_id FROM {_OF_CONTACTS} JOIN enrollments USING (account, contact_id)
                   LIMIT :most)
        ) AS found LIMIT CAST(:most AS bigint)
    ), own_enrollments AS MATERIALIZED (
        SELECT id FROM (
            (SELECT id FROM enrollments WHERE email = ANY(:emails) LIMIT :most)
            UNION (SELECT id FROM {_OF_CONTACTS} JOIN enrollments USING (account, contact_id) LIMIT :most)
        ) AS found LIMIT :most
    )
    SELECT (SELECT count(*) FROM own_events) AS events, (SELECT count(*) FROM own_enrollments) AS enrollments,
           {_count("deliveries", "id = ANY(ARRAY(SELECT delivery_id FROM own_events))")},
           {_count("enrichments", f"event_id = {_OWN_EVENTS}")},
           {_count("decisions", f"event_id = {_OWN_EVENTS}")},
           {_count("journal", f"enrollment_id = {_OWN_ENROLLMENTS}")},
           {_count("outbound", f"enrollment_id = {_OWN_ENROLLMENTS}")},
           {_count("intents", "email = ANY(:emails)")},
           {_count("suppressions", "value = ANY(:emails)")},
           EXISTS (SELECT FROM {PEOPLE} JOIN forgotten ON key = {person_key(ADDRESS, "address")}) AS forgotten
""")

# What holds of a person who was forgotten: it counts for the address again where that is lifted.
BY_HASH = text(f"""
    WITH names AS MATERIALIZED (SELECT {PSEUDONYM} AS name FROM {PEOPLE})
    SELECT {_count("intents", "email = ANY(ARRAY(SELECT name FROM names))")},
           {_count("suppressions", "value = ANY(ARRAY(SELECT name FROM names))")}
""")

# One inventory for each person: asked for again, it begins anew, unless it is not done yet.
ASK = text(f"""
    INSERT INTO inventories AS kept (id, key, asked_by, asked_at, person)
    VALUES (:id, {person_key(ADDRESS, "CAST(:address AS text)")}, :by, clock_timestamp(), CAST(:person AS jsonb))
    ON CONFLICT (key) DO UPDATE SET
        id = excluded.id, asked_by = excluded.asked_by, asked_at = excluded.asked_at, person = excluded.person,
        attempt = 0, leased_until = NULL, found = '{{}}', counts = '{{}}', done_at = NULL, error = NULL
    WHERE kept.done_at IS NOT NULL
    RETURNING id
""")

# The lease is for one turn, and ends with it: any worker takes the next one.
CLAIM = text("""
    UPDATE inventories SET attempt = attempt + 1, leased_until = clock_timestamp() + make_interval(secs => :lease)
    WHERE id = (
        SELECT id FROM inventories
        WHERE done_at IS NULL AND (leased_until IS NULL OR leased_until <= statement_timestamp())
        ORDER BY asked_at LIMIT 1 FOR UPDATE SKIP LOCKED
    )
    RETURNING id, attempt, CAST(person AS text) AS person, CAST(found AS text) AS found
""")

MOVE_ON = text("""
    UPDATE inventories SET found = found || CAST(:found AS jsonb), leased_until = NULL
    WHERE id = :id AND attempt = :attempt AND done_at IS NULL RETURNING id
""")

FINISH = text("""
    UPDATE inventories SET person = NULL, found = '{}', counts = CAST(:counts AS jsonb), error = :error,
           leased_until = NULL, done_at = clock_timestamp()
    WHERE id = :id AND attempt = :attempt AND done_at IS NULL RETURNING id
""")

SHOW = text(f"""
    SELECT asked_by, asked_at, done_at, CAST(found AS text) AS found, CAST(counts AS text) AS counts, error
    FROM inventories WHERE key = {person_key(ADDRESS, "CAST(:address AS text)")}
""")

# What is counted of a person who is erased is not true any more, and no row may go on naming the person.
DROP = text(f"DELETE FROM inventories WHERE key = ANY(ARRAY(SELECT {person_key(ADDRESS, 'address')} FROM {PEOPLE}))")
