"""What a person's page reads: the rows of three tables in one order, their journal, and how the person stands."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import Boolean, Text, cast, func, literal_column, null, select, text, union_all

from app.database.fragments import ADDRESS, MAY_HAVE_BEEN_SENT, person_key
from app.database.schema import decisions, enrollments, events
from app.people.eligibility_store import ENROLLED, FIND_ENTRIES
from app.reports.id_times import PREFIX

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Select, Table

EVENT, DECISION, ENROLLMENT = "event", "decision", "enrollment"
PREFIXES = {EVENT: "evt", DECISION: "dec", ENROLLMENT: "enr"}
TABLES = {EVENT: events, DECISION: decisions, ENROLLMENT: enrollments}
NOT_SHOWN = {
    EVENT: {"data", "answers"},
    DECISION: set[str](),
    ENROLLMENT: {
        *("properties", "require", "leased_by", "leased_until", "baseline_count", "baseline_sequence", "baseline_date"),
        *("reads", "resends", "confirm_at", "hinted_at", "looks", "unclear_since", "occupied_contact_id"),
        *("restores_seen", "heard_at", "gave_owner", "triggered_until"),
    },
}
# What is no column: whether the payload is still stored, and whether a request may have worked.
MORE: dict[str, dict[str, str]] = {
    EVENT: {"readable": "events.data IS NOT NULL"},
    ENROLLMENT: {"may_have_been_sent": MAY_HAVE_BEEN_SENT},
}
MOST_LINES = 200  # of one enrollment's journal: the newest
MOST_WAITING = 50
MOST_RELATED = 20
MOST_LOOKED_AT = 200  # newest events that are looked at for a name

# Who cancelled or released an enrollment stands in the audit log, written in the same transaction; which rule cancelled
# it is that of the enrollment whose id the line holds.
JOURNAL = text(f"""
    SELECT line.id, line.enrollment_id, line.at, line.before, line.after, line.step, line.attempt, line.cause,
           line.detail, other.rule AS by_rule, act.who AS by_operator
    FROM unnest(CAST(:ids AS text[])) AS wanted(id)
    CROSS JOIN LATERAL (
        SELECT * FROM journal WHERE enrollment_id = wanted.id ORDER BY journal.id DESC LIMIT {MOST_LINES}
    ) AS line
    LEFT JOIN enrollments AS other ON line.cause = 'cancelled_by_rule' AND other.id = line.detail
    LEFT JOIN LATERAL (
        SELECT who FROM audit
        WHERE line.cause IN ('cancelled_by_operator', 'released_by_operator')
          AND audit.at BETWEEN line.at - interval '10 seconds' AND line.at + interval '10 seconds'
          AND audit.after->>'state' = line.after
          AND (audit.target = line.enrollment_id OR audit.after->'enrollments' ? line.enrollment_id)
        ORDER BY GREATEST(audit.at, line.at) - LEAST(audit.at, line.at) LIMIT 1
    ) AS act ON true
    ORDER BY line.id
""")  # noqa: S608  # the only text put in is a number

# One row, in which each part is a list. `subjects` are the address and its domain: a company keeps its sender, too. The
# enrollments of a cap are counted as the claim counts them, by the address and by the contacts that it is known by.
STANDING = text(f"""
    WITH own AS MATERIALIZED (
        SELECT DISTINCT account, contact_id FROM enrollments WHERE email = :email AND contact_id IS NOT NULL
    )
    SELECT
        (SELECT jsonb_agg(to_jsonb(found)) FROM ({FIND_ENTRIES}) AS found) AS entries,
        (SELECT max(forgotten_at) FROM forgotten WHERE key = {person_key(ADDRESS, "CAST(:email AS text)")})
            AS forgotten_at,
        (SELECT jsonb_agg(jsonb_build_object('account', account, 'intent', intent, 'until', until) ORDER BY until)
         FROM intents WHERE email = :email AND until > statement_timestamp()) AS intents,
        (SELECT jsonb_agg(jsonb_build_object(
             'account', kept.account, 'pool', kept.pool, 'sender', kept.sender, 'by_company', kept.subject <> :email)
             ORDER BY kept.subject = :email DESC)
         FROM unnest(CAST(:own_accounts AS text[])) AS account
         CROSS JOIN unnest(CAST(:pools AS text[])) AS pool CROSS JOIN unnest(CAST(:subjects AS text[])) AS subject
         JOIN sticky_senders AS kept USING (account, pool, subject)) AS stays_with,
        (SELECT jsonb_agg(jsonb_build_object('account', account, 'count', (
             SELECT count(*) FROM (
                 SELECT other.id FROM enrollments AS other
                 WHERE other.account = capped.account AND other.email = :email AND {ENROLLED}
                 UNION
                 SELECT other.id FROM enrollments AS other JOIN own USING (account, contact_id)
                 WHERE other.account = capped.account AND {ENROLLED}
             ) AS counted)))
         FROM unnest(CAST(:capped AS text[]), CAST(:periods AS interval[])) AS capped(account, period)) AS enrolled,
        (SELECT jsonb_agg(DISTINCT other.email) FROM (
             SELECT other.email FROM own JOIN enrollments AS other USING (account, contact_id)
             WHERE other.email NOT IN (:email, 'forgotten') LIMIT {MOST_RELATED}) AS other) AS related,
        (SELECT jsonb_agg(jsonb_build_object(
             'account', own.account, 'contact_id', own.contact_id, 'portal_id', known.portal_id))
         FROM own LEFT JOIN hubspot_accounts AS known USING (account)) AS contacts,
        (SELECT jsonb_agg(to_jsonb(waiting)) FROM (
             SELECT id, account, sequence, plan, state, reason, due_at, rule FROM enrollments
             WHERE email = :email AND state IN ('held', 'ready', 'working', 'uncertain', 'parked')
             ORDER BY id DESC LIMIT {MOST_WAITING}) AS waiting) AS waiting,
        (SELECT to_jsonb(running) FROM (
             SELECT id, account, sequence, enrolled_at, updated_at FROM enrollments
             WHERE email = :email AND state = 'enrolled' AND ended IS NULL AND follow_at IS NOT NULL
             ORDER BY id DESC LIMIT 1) AS running) AS running,
        (SELECT received_at FROM events WHERE email = :email ORDER BY id LIMIT 1) AS first_received_at,
        (SELECT to_jsonb(named) FROM (
             SELECT first_name, last_name, name, company FROM (
                 SELECT id, first_name, last_name, name, company FROM events
                 WHERE email = :email ORDER BY id DESC LIMIT {MOST_LOOKED_AT}
             ) AS newest WHERE first_name <> '' OR last_name <> '' OR name <> '' ORDER BY id DESC LIMIT 1) AS named
        ) AS named
""")  # noqa: S608  # what is put in are numbers and conditions of ours


def story(email: str, *, before: str | None, limit: int) -> Select[Any]:
    """Return the statement for a person's events, decisions and enrollments, newest first, from below the id `before`.

    `before` is an id without its prefix. Each table is read in the order of its index on the address, `limit` rows at
    most. A row has the columns of all three tables, of which its own are filled.
    """
    shown = {kind: _shown(kind) for kind in TABLES}
    types = {name: column.type for columns in shown.values() for name, column in columns.items()}
    branches = []
    for kind, columns in shown.items():
        table: Table = TABLES[kind]
        values = [columns.get(name, cast(null(), types[name])).label(name) for name in types]
        rows = select(literal_column(f"'{kind}'", Text).label("kind"), *values).where(table.c.email == email)
        if before is not None:
            rows = rows.where(table.c.id < f"{PREFIXES[kind]}_{before}")
        branches.append(select(rows.order_by(table.c.id.desc()).limit(limit).subquery()))
    whole = union_all(*branches).subquery()
    return select(whole).order_by(func.substr(whole.c.id, PREFIX + 1).desc()).limit(limit)


def own_columns(kind: str) -> list[str]:
    """Return the names of the columns that rows of this kind have."""
    return list(_shown(kind))


def _shown(kind: str) -> dict[str, ColumnElement[Any]]:
    shown: dict[str, ColumnElement[Any]] = {
        column.name: column for column in TABLES[kind].c if column.name not in NOT_SHOWN[kind]
    }
    for name, written in MORE.get(kind, {}).items():
        shown[name] = cast(literal_column(written), Boolean)
    return shown
