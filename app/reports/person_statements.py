"""What a person's page reads: rows of three tables in one order, and how the person stands.

However much is stored of a person, a page reads no more than it shows, and what it counts up to a bound.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from sqlalchemy import text

from app.database.fragments import ADDRESS, MAY_HAVE_BEEN_SENT, person_key
from app.people.eligibility_store import ENROLLED, FIND_ENTRIES
from app.reports.id_times import PREFIX

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import TextClause

EVENT, DECISION, ENROLLMENT = "event", "decision", "enrollment"
KINDS: Mapping[str, str] = MappingProxyType({"evt_": EVENT, "dec_": DECISION, "enr_": ENROLLMENT})  # by the id
SHOWN: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        EVENT: ("id", "source", "type", "received_at", "email", "repeats"),
        DECISION: (
            *("id", "event_id", "source", "email", "verdict", "reason", "rule", "line", "facts", "enrollment_id"),
            "decided_at",
        ),
        ENROLLMENT: (
            *("id", "decision_id", "event_id", "source", "rule", "account", "email", "sequence", "plan", "sender"),
            *("sender_user_id", "intent", "created_at", "updated_at", "state", "reason", "detail", "due_at", "step"),
            *("sending_at", "hubspot_enrollment_id", "enrolled_at", "confirmation", "ended", "ended_at"),
            *("ended_known", "ended_why", "replied_at", "may_have_been_sent"),
        ),
    }
)
WRITTEN = {"may_have_been_sent": MAY_HAVE_BEEN_SENT}  # what is no column
NEWEST = "z"  # above all ids, which are hexadecimal
MOST_WAITING = 50
MOST_COUNTED = 10_001  # of what waits: one beyond what a page counts
MOST_INTENTS = 200
MOST_RELATED = 20
MOST_CONTACTS = 10
MOST_LOOKED_AT = 200  # newest events, newest enrollments, and enrollments of one contact

# One row, in which each part is a list. `subjects` are the address and its domain: a company keeps its sender, too. The
# enrollments of a cap are counted as the claim counts them, by the address and by the contacts that it is known by.
# All that has no index of its own is found among the newest events and enrollments; the `_cut` parts say that there may
# be more. Their ids are read first, in the order of an index that has all that is asked for: PostgreSQL, which expects
# a person to have few rows, would read all of them and sort. What is open has an index of its own.
STANDING = text(f"""
    WITH seen AS MATERIALIZED (
        SELECT id, source, first_name, last_name, name, company FROM (
            SELECT id FROM events WHERE email = :email ORDER BY id DESC LIMIT {MOST_LOOKED_AT}
        ) AS newest JOIN events USING (id)
    ), looked AS MATERIALIZED (
        SELECT id, account, source, contact_id, sequence, plan, state, reason, due_at, rule, enrolled_at, updated_at,
               first_sending_at, sending_at, ended, follow_at
        FROM (
            SELECT id FROM enrollments WHERE email = :email ORDER BY id DESC LIMIT {MOST_LOOKED_AT}
        ) AS newest JOIN enrollments USING (id)
    ), open AS MATERIALIZED (
        SELECT id, account, sequence, plan, state, reason, due_at, rule FROM enrollments
        WHERE email = :email AND state IN ('held', 'ready', 'working', 'uncertain') LIMIT {MOST_COUNTED}
    ), own AS MATERIALIZED (
        SELECT account, contact_id, max(id) AS newest FROM looked WHERE contact_id IS NOT NULL
        GROUP BY account, contact_id ORDER BY newest DESC LIMIT {MOST_CONTACTS}
    ), theirs AS MATERIALIZED (
        SELECT other.* FROM own CROSS JOIN LATERAL (
            SELECT id, account, email, state, enrolled_at, first_sending_at, sending_at FROM enrollments
            WHERE account = own.account AND contact_id = own.contact_id LIMIT {MOST_LOOKED_AT}
        ) AS other
    )
    SELECT
        (SELECT jsonb_agg(to_jsonb(found)) FROM ({FIND_ENTRIES}) AS found) AS entries,
        (SELECT max(forgotten_at) FROM forgotten WHERE key = {person_key(ADDRESS, "CAST(:email AS text)")})
            AS forgotten_at,
        (SELECT jsonb_agg(to_jsonb(taken) ORDER BY until) FROM (
             SELECT account, intent, until FROM intents
             WHERE email = :email AND until > statement_timestamp() LIMIT {MOST_INTENTS}) AS taken) AS intents,
        (SELECT jsonb_agg(jsonb_build_object(
             'account', kept.account, 'pool', kept.pool, 'sender', kept.sender, 'by_company', kept.subject <> :email)
             ORDER BY kept.subject = :email DESC)
         FROM unnest(CAST(:own_accounts AS text[])) AS account
         CROSS JOIN unnest(CAST(:pools AS text[])) AS pool CROSS JOIN unnest(CAST(:subjects AS text[])) AS subject
         JOIN sticky_senders AS kept USING (account, pool, subject)) AS stays_with,
        (SELECT jsonb_agg(jsonb_build_object('account', account, 'count', (
             SELECT count(*) FROM (
                 SELECT id FROM looked WHERE looked.account = capped.account AND {ENROLLED}
                 UNION
                 SELECT id FROM theirs WHERE theirs.account = capped.account AND {ENROLLED}
             ) AS counted)))
         FROM unnest(CAST(:capped AS text[]), CAST(:periods AS interval[])) AS capped(account, period)) AS enrolled,
        (SELECT jsonb_agg(email) FROM (
             SELECT DISTINCT email FROM theirs WHERE email NOT IN (:email, 'forgotten') ORDER BY email
             LIMIT {MOST_RELATED}) AS other) AS related,
        (SELECT jsonb_agg(jsonb_build_object(
             'account', own.account, 'contact_id', own.contact_id, 'portal_id', known.portal_id) ORDER BY newest DESC)
         FROM own LEFT JOIN hubspot_accounts AS known USING (account)) AS contacts,
        (SELECT jsonb_agg(to_jsonb(waiting)) FROM (
             SELECT * FROM open
             UNION ALL
             SELECT id, account, sequence, plan, state, reason, due_at, rule FROM looked WHERE state = 'parked'
             ORDER BY id DESC LIMIT {MOST_WAITING}) AS waiting) AS waiting,
        (SELECT count(*) FROM open WHERE state IN ('held', 'ready')) AS cancellable,
        (SELECT to_jsonb(running) FROM (
             SELECT id, account, sequence, enrolled_at, updated_at FROM looked
             WHERE state = 'enrolled' AND ended IS NULL AND follow_at IS NOT NULL
             ORDER BY id DESC LIMIT 1) AS running) AS running,
        (SELECT received_at FROM events WHERE email = :email ORDER BY id LIMIT 1) AS first_received_at,
        (SELECT to_jsonb(named) FROM (
             SELECT first_name, last_name, name, company FROM seen
             WHERE first_name <> '' OR last_name <> '' OR name <> '' ORDER BY id DESC LIMIT 1) AS named) AS named,
        (SELECT jsonb_agg(source ORDER BY newest DESC) FROM (
             SELECT source, max(substr(id, {PREFIX + 1})) AS newest FROM (
                 SELECT id, source FROM seen UNION ALL SELECT id, source FROM looked) AS received
             GROUP BY source) AS several) AS sources,
        (SELECT count(*) FROM seen) >= {MOST_LOOKED_AT} AS events_cut,
        (SELECT count(*) FROM looked) >= {MOST_LOOKED_AT} OR (SELECT count(*) FROM own) >= {MOST_CONTACTS}
            OR (SELECT count(*) FROM theirs) >= {MOST_LOOKED_AT} AS enrollments_cut
""")  # noqa: S608  # what is put in are numbers and conditions of ours


def kind_of(id_: str) -> str:
    """Return which kind of row an id names."""
    return KINDS[id_[:PREFIX]]


def _story(beyond: str, order: str) -> TextClause:
    """Return the statement for a person's events, decisions and enrollments beyond the id `edge`, in one order.

    `edge` is an id without its prefix. Of each table the index on the address is read, up to as many rows as are asked
    for of it; only the rows of the page are then read themselves. The columns of a row are those of all three tables,
    of which its own are filled.
    """
    tables = {f"{kind}s": prefix for prefix, kind in KINDS.items()}
    found = " UNION ALL ".join(
        f"(SELECT id FROM {table} WHERE email = :email AND id {beyond} '{prefix}' || CAST(:edge AS text)"  # noqa: S608  # ours
        f" ORDER BY id {order} LIMIT :{table})"
        for table, prefix in tables.items()
    )
    columns = ", ".join(
        f"{WRITTEN.get(name, f'{kind}s.{name}')} AS {kind}_{name}" for kind, names in SHOWN.items() for name in names
    )
    return text(f"""
        WITH page AS MATERIALIZED (
            SELECT id, substr(id, {PREFIX + 1}) AS place FROM ({found}) AS found ORDER BY place {order} LIMIT :limit
        )
        SELECT page.id, {columns}
        FROM page {" ".join(f"LEFT JOIN {table} ON {table}.id = page.id" for table in tables)}
        ORDER BY place {order}
    """)  # noqa: S608  # as above


STORY_OLDER = _story("<", "DESC")
STORY_NEWER = _story(">", "ASC")
