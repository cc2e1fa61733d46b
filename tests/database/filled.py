"""A database as traffic fills it: tens of thousands of rows in each table that grows, and nothing due in `main`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import ARRAY, Boolean, DateTime, Integer, LargeBinary, Text
from sqlalchemy.dialects.postgresql import JSONB

from app.database.schema import metadata

if TYPE_CHECKING:
    from sqlalchemy import Table

ROWS = 20_000
# These have a row for each account, sender, endpoint, source, reload or job. All others grow with traffic.
SMALL = frozenset({
    "bulk_jobs", "catalogue_listings", "doctor_runs", "follow_turns", "forgettings", "hubspot_accounts", "inboxes",
    "installation", "inventories", "oauth_grants", "oauth_installs", "outbound_endpoints", "pool_turns", "rate_days",
    "rate_windows", "refused_deliveries", "rejected_rules", "restores", "rulebooks", "sender_pauses", "tally_state",
})  # fmt: skip
GROWING = frozenset(metadata.tables) - SMALL

KEY = "lpad(CAST(n AS text), 12, '0')"
HASHED = "sha256(convert_to(CAST(n AS text), 'UTF8'))"
ADDRESS = "'p' || n || '@corp.example'"
LATER = "now() + interval '1 hour' + n * interval '1 ms'"
LATELY = "now() - interval '20 hours' + n * interval '1 ms'"
HOUR = "date_trunc('hour', now()) - (n / 30) * interval '1 hour'"
# Half of them are of an account of which no test asks: what is due there must not be looked at for another one.
ACCOUNT = "CASE WHEN n % 2 = 0 THEN 'main' ELSE 'other' END"
DUE_ELSEWHERE = f"CASE WHEN n % 20 = 1 THEN {LATELY} ELSE {LATER} END"
# Out of twenty-five: two are held; one of five hundred is in hand. `bulk` has very many ready at one time.
STATE = """
    CASE WHEN n <= 3000 THEN 'ready' WHEN n % 500 = 4 THEN 'working' WHEN n % 500 = 6 THEN 'uncertain'
         WHEN n % 25 < 2 THEN 'held' WHEN n % 100 = 2 THEN 'ready' WHEN n % 100 = 3 THEN 'parked'
         WHEN n % 25 < 22 THEN 'enrolled' ELSE 'refused' END
"""
ENROLLED = f"({STATE}) = 'enrolled'"
# What is not named here, and must not be empty, has the value that USUAL has for its type.
COLUMNS = {
    "deliveries": {
        "id": f"'dlv_' || lpad(to_hex(CAST(EXTRACT(epoch FROM {LATELY}) * 1000 AS bigint)), 12, '0') || {KEY}",
        "received_at": LATELY, "body": "convert_to(repeat(md5(CAST(n AS text)), 20), 'UTF8')",
    },
    "events": {
        "id": KEY, "email": ADDRESS,
        "received_at": f"CASE WHEN n <= 10000 THEN now() - interval '90 days' ELSE {LATELY} END",
        "data": "CASE WHEN n > 10000 THEN jsonb_build_object('payload', repeat(md5(CAST(n AS text)), 20)) END",
    },
    "event_keys": {"key": HASHED, "seen_at": LATELY},
    "enrichments": {
        "event_id": KEY, "due_at": LATER, "created_at": LATELY,
        "state": "CASE WHEN n % 50 = 0 THEN 'ready' ELSE 'done' END",
    },
    "decisions": {"id": KEY, "event_id": KEY, "email": ADDRESS},
    "enrollments": {
        "id": KEY, "account": f"CASE WHEN n <= 3000 THEN 'bulk' ELSE {ACCOUNT} END", "email": ADDRESS, "state": STATE,
        "event_id": KEY, "intent": "'demo'", "contact_id": "CAST(n AS text)", "sender_email": "'s' || n % 50",
        "reason": f"CASE WHEN ({STATE}) = 'held' THEN 'window' END", "expires_at": "now() + interval '3 days'",
        "due_at": f"CASE WHEN n <= 3000 THEN now() - interval '1 minute' ELSE {LATER} END",
        "leased_until": f"CASE WHEN ({STATE}) = 'working' THEN now() + interval '1 hour' END",
        "confirm_at": f"CASE WHEN {ENROLLED} AND n % 20 < 3 THEN {DUE_ELSEWHERE} END",
        "follow_at": f"CASE WHEN {ENROLLED} THEN {DUE_ELSEWHERE} END", "enrolled_at": LATELY,
    },
    "journal": {"enrollment_id": KEY},
    "forgotten": {"key": HASHED, "forgetting_id": KEY},
    "intents": {"account": ACCOUNT, "email": ADDRESS, "enrollment_id": KEY, "until": "now() + n * interval '1 hour'"},
    # The window of one account in a hundred.
    "rate_grants": {
        "account": "CASE WHEN n % 100 = 0 THEN 'main' ELSE 'a' || n % 100 END", "kind": "'general'",
        "granted_at": LATER, "count": "1",
    },
    "sender_reservations": {
        "enrollment_id": KEY, "account": ACCOUNT, "inbox": "'s' || n % 50", "reserved_at": LATELY,
    },
    "sticky_senders": {"subject": ADDRESS},
    "suppressions": {"value": ADDRESS},
    "audit": {"id": "'aud_' || " + KEY, "at": LATELY},
    "console_sessions": {
        "sha256": HASHED, "subject": "'oidc:' || n % 500", "seen_at": LATELY, "expires_at": LATER,
    },
    "console_logins": {"state_sha256": HASHED, "created_at": LATELY},
    "console_forms": {"sha256": HASHED, "sent_at": LATELY},
    "console_links": {"sha256": HASHED, "expires_at": LATER},
    "tallies": {
        "hour": HOUR, "stage": "(ARRAY['verified', 'waiting', 'enrolled'])[1 + n % 3]", "rule": "'r' || n % 30",
    },
    "tally_counters": {"hour": HOUR, "source": "'s' || n % 30", "result": "'accepted'", "run": "''"},
    "outbound": {
        "id": KEY, "endpoint": "'e' || n % 4", "enrollment_id": KEY, "due_at": LATER,
        "created_at": f"CASE WHEN n % 50 < 2 THEN now() - interval '5 days' ELSE {LATELY} END",
        "body": "convert_to(repeat(md5(CAST(n AS text)), 20), 'UTF8')",
        "state": "CASE WHEN n % 50 = 0 THEN 'failed' WHEN n % 50 = 1 THEN 'waiting' ELSE 'delivered' END",
    },
}  # fmt: skip
USUAL = {
    Text: "'main'",
    DateTime: "now()",
    Integer: "0",
    Boolean: "false",
    JSONB: "CAST('{}' AS jsonb)",
    LargeBinary: "CAST('' AS bytea)",
    ARRAY: "CAST('{}' AS text[])",
}
OTHERS = """
    INSERT INTO oauth_grants (account, hub_id, scopes, access_token, refresh_token, expires_in, expires_at, state,
                              version, updated_at)
    VALUES ('main', '1', '{}', '', '', 1800, now() + interval '1 hour', 'active', 1, now() - interval '3 days');
    INSERT INTO follow_turns (account, turn, search_at, since, calls)
    VALUES ('main', 1, now() + interval '1 hour', now(), '{}');
"""


# Pages that VACUUM could not mark: a session of another test that starts at that moment has no database yet, and its
# snapshot holds back every database.
NOT_ALL_VISIBLE = "SELECT count(*) FROM pg_class WHERE relkind = 'r' AND relname = ANY($1) AND relallvisible < relpages"


def filling() -> list[str]:
    """Return the statements that fill a migrated database."""
    return [*(_filling(metadata.tables[name]) for name in sorted(GROWING)), OTHERS]


def _filling(table: Table) -> str:
    named = COLUMNS.get(table.name, {})
    values = {
        f'"{column.name}"': named.get(column.name) or _usual(column.type)
        for column in table.columns
        if column.name in named or not (column.nullable or column.server_default or column.identity)
    }
    rows = f"generate_series(1, {ROWS}) AS n"
    return f"INSERT INTO {table.name} ({', '.join(values)}) SELECT {', '.join(values.values())} FROM {rows}"  # noqa: S608  # our own tables


def _usual(kind: object) -> str:
    return next(value for known, value in USUAL.items() if isinstance(kind, known))
