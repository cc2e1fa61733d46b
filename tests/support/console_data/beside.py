"""What stands beside the events of the made-up week: rejected deliveries, senders, budgets, endpoints, audit lines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import text

from app.database.fragments import ADDRESS, person_key
from tests.support.console_data import beside_rows as rows

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncConnection

    from app.rules.rulebook import Rulebook

REJECTED = text("""
    INSERT INTO refused_deliveries (id, source, received_at, status, reason, method, url, headers, body)
    VALUES (:id, :source, :at, :status, :reason, 'POST', :url, CAST(:headers AS jsonb), :body)
""")
AUDIT = text("""
    INSERT INTO audit (id, at, who, role, origin, what, target, after, revision, outcome, status)
    VALUES ('aud_' || lpad(to_hex(CAST(EXTRACT(epoch FROM CAST(:at AS timestamptz)) * 1000 AS bigint)), 12, '0')
            || :number,
            :at, :who, :role, :origin, :what, :target, CAST(CAST(:after AS text) AS jsonb), '9b1e07d2', :outcome,
            :status)
""")
SUPPRESSIONS = text("""
    INSERT INTO suppressions (value, kind, fits, reason, created_at, added_by)
    VALUES (:value, :kind, :fits, :reason, :at, 'marta')
""")
COUNTERS = text("""
    INSERT INTO tally_counters (hour, source, result, reason, run, n, last_at)
    VALUES (date_trunc('hour', CAST(:at AS timestamptz)), :source, :result, :reason, '', :n, :at)
""")
# One that answers, and one that has not since yesterday.
ENDPOINTS = text("""
    INSERT INTO outbound_endpoints (endpoint, fingerprint, failures, openings, open_until, last_success_at, last_error,
                                    last_error_at)
    SELECT name, :fingerprint, CASE WHEN fails THEN 12 ELSE 0 END, CASE WHEN fails THEN 3 ELSE 0 END,
           CASE WHEN fails THEN at + interval '8 minutes' END,
           at - CASE WHEN fails THEN interval '2 days' ELSE interval '4 minutes' END,
           CASE WHEN fails THEN 'HTTP 503' END, CASE WHEN fails THEN at - interval '2 minutes' END
    FROM (SELECT CAST(:name AS text) AS name, CAST(:name AS text) = 'lake' AS fails, CAST(:now AS timestamptz) AS at
    ) AS one
""")
OTHERS = (
    """INSERT INTO sender_pauses (account, inbox, refusals, reason, paused_at, sender, user_id)
       VALUES ('main', 'ben@acme.example', 3, 'DISCONNECTED_INBOX', :now - interval '5 hours', 'ben', '7002')""",
    """INSERT INTO sender_reservations (enrollment_id, account, inbox, reserved_at)
       SELECT id, account, sender_email, sending_at FROM enrollments WHERE sending_at > :now - interval '24 hours'""",
    """INSERT INTO sender_reservations (enrollment_id, account, inbox, reserved_at)
       SELECT 'earlier' || n, 'main', 'anna@acme.example', :now - n * interval '21 minutes'
       FROM generate_series(1, 44) AS n""",
    """INSERT INTO inboxes (account, inbox)
       SELECT DISTINCT account, inbox FROM sender_reservations ON CONFLICT DO NOTHING""",
    """INSERT INTO hubspot_accounts (account, portal_id, timezone, learnt_at)
       VALUES ('main', '4200117', 'Europe/Berlin', :now - interval '6 days')""",
    """INSERT INTO doctor_runs (id, account, asked_by, asked_at, state, attempt, done_at, findings)
       VALUES ('doc_made_up', 'main', 'marta', :now - interval '7 hours', 'done', 1, :now - interval '7 hours',
               '[{"check": "access", "status": "ok", "told": "the token works", "do": "", "account": "main"},
                 {"check": "scopes", "status": "ok", "told": "all scopes are there", "do": "", "account": "main"},
                 {"check": "sender ben", "status": "failed", "told": "the inbox is not connected", "do":
                  "connect the inbox ben@acme.example in HubSpot", "account": "main"},
                 {"check": "sender anna", "status": "unknown", "told": "HubSpot does not tell of an inbox", "do": "",
                  "account": "main"}]')""",
    """INSERT INTO catalogue_listings (account, what, items, read_at)
       SELECT account, 'sequences', '[{"id": "310001", "name": "Demo request"},
                                      {"id": "310002", "name": "Webinar follow-up"},
                                      {"id": "310003", "name": "Trial nurture"}]', :now - interval '4 minutes'
       FROM unnest(ARRAY['main', 'emea']) AS account""",
    """INSERT INTO catalogue_listings (account, what, items, read_at)
       SELECT account, 'owners', '[{"user_id": "7001", "name": "Anna Archer", "email": "anna@acme.example"},
                                   {"user_id": "7002", "name": "Ben Brandt", "email": "ben@acme.example"},
                                   {"user_id": "7003", "name": "Cara Conti", "email": "cara@acme.example"}]',
              :now - interval '4 minutes'
       FROM unnest(ARRAY['main', 'emea']) AS account""",
    """INSERT INTO rate_windows (account, kind, maximum, window_ms)
       VALUES ('main', 'general', 180, 10000), ('main', 'search', 4, 1000)""",
    """INSERT INTO rate_grants (account, kind, granted_at, count)
       SELECT 'main', 'general', :now - n * interval '300 ms', 1 FROM generate_series(1, 31) n""",
    """INSERT INTO console_sessions (sha256, subject, name, role, way, created_at, seen_at, expires_at)
       VALUES (sha256('a session of marta'), 'link:marta', 'marta', 'operator', 'link', :now - interval '2 hours',
               :now - interval '4 minutes', :now + interval '10 hours')""",
    """INSERT INTO bulk_jobs (id, kind, state, asked_by, role, origin, reason, filter, total, done, outcomes,
                              created_at, started_at, finished_at, due_at, leased_by, leased_until, measured_from,
                              error)
       SELECT 'job_' || lpad(to_hex(CAST(EXTRACT(epoch FROM at) * 1000 AS bigint)), 12, '0') || lpad('', 20, '0'),
              kind, state, who, role, '192.0.2.14', why, CAST(filter AS jsonb), total, done,
              CAST(outcomes AS jsonb), at, at + interval '1 s',
              CASE WHEN state <> 'running' THEN at + interval '3 min' END, at,
              CASE WHEN state = 'running' THEN 'another' END,
              CASE WHEN state = 'running' THEN :now + interval '1 day' END, at + interval '1 s', error
       FROM (VALUES
           (:now - interval '42 s', 'release_parked', 'running', 'marta', 'admin', 'HubSpot is back since noon',
            '{"reason": "gave_up", "rule": "newsletter", "states": ["parked"]}', 1730, 412,
            '{"released": 409, "not_parked_any_more": 3}', CAST(NULL AS text)),
           (:now - interval '3 h', 'cancel', 'cancelled', 'olga', 'operator', NULL,
            '{"rule": "webinar-follow-up", "sender": "anna", "states": ["held", "ready"]}', 61, 20,
            '{"cancelled": 19, "in_hand_or_over": 1}', NULL),
           (:now - interval '26 h', 'release_as_rules_now', 'failed', 'olga', 'operator', 'senders named anew',
            '{"reason": "no_owner", "states": ["parked"]}', 9, 0, '{}', 'a defect (KeyError): the log says more'),
           (:now - interval '3 days', 'release_parked', 'done', 'marta', 'admin', 'inbox connected again',
            '{"reason": "DISCONNECTED_INBOX", "sender": "cara", "states": ["parked"]}', 14, 14,
            '{"released": 14}', NULL)
       ) AS job (at, kind, state, who, role, why, filter, total, done, outcomes, error)""",
    "INSERT INTO rate_days (account, ends_at, used) VALUES ('main', date_trunc('day', :now) + interval '1 day', 4121)",
    """INSERT INTO outbound (id, endpoint, kind, enrollment_id, body, state, due_at, attempt, tries, last_status,
                             last_error, delivered_at, created_at, updated_at)
       SELECT 'out_' || substr(enrollments.id, 5) || endpoint, endpoint, enrollments.state, enrollments.id,
              convert_to('{"type": "enrolled"}', 'UTF8'), CASE endpoint WHEN 'lake' THEN 'waiting' ELSE 'delivered' END,
              CASE endpoint WHEN 'lake' THEN :now + interval '1 day' ELSE updated_at END, 1, 1,
              CASE endpoint WHEN 'lake' THEN 503 ELSE 200 END, CASE endpoint WHEN 'lake' THEN 'HTTP 503' END,
              CASE endpoint WHEN 'lake' THEN NULL ELSE updated_at END, updated_at, updated_at
       FROM enrollments CROSS JOIN unnest(ARRAY['crm-back', 'lake']) AS endpoint
       WHERE enrollments.state = 'enrolled' AND enrolled_at > :now - interval '2 days'""",
    """INSERT INTO forgettings (id, requested_by, requested_at, done_at, counts)
       VALUES ('fgt_made_up', 'marta', :now - interval '3 days', :now - interval '3 days',
               '{"events": 9, "decisions": 3, "enrollments": 2, "deliveries": 4}')""",
    f"""INSERT INTO inventories (id, key, asked_by, asked_at, done_at, counts)
        VALUES ('inv_made_up', {person_key(ADDRESS, "'ada.okafor@brightmill.example'")}, 'marta',
                :now - interval '2 h', :now - interval '2 h',
                '{{"events": 5, "decisions": 5, "enrollments": 3, "journal": 15, "deliveries": 6, "waiting": 1}}')""",  # noqa: S608  # ours
)


async def fill_beside(connection: AsyncConnection, book: Rulebook, now: datetime) -> None:
    """Write what no event has made."""
    await connection.execute(
        ENDPOINTS, [{"name": one.name, "fingerprint": one.fingerprint, "now": now} for one in book.endpoints.values()]
    )
    await connection.execute(REJECTED, list(rows.rejected(now)))
    await connection.execute(AUDIT, list(rows.audit(now)))
    await connection.execute(SUPPRESSIONS, list(rows.suppressions(now)))
    await connection.execute(COUNTERS, list(rows.counters(now)))
    for statement in OTHERS:
        await connection.execute(text(statement.replace(":now", "CAST(:now AS timestamptz)")), {"now": now})
