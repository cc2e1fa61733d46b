"""What stands beside the events of the made-up week: rejected deliveries, senders, budgets, endpoints, audit lines."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import orjson
from sqlalchemy import text

from app.cli import demo_events

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy.ext.asyncio import AsyncConnection

Rows = list[dict[str, Any]]

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
    """INSERT INTO rate_windows (account, kind, maximum, window_ms)
       VALUES ('main', 'general', 180, 10000), ('main', 'search', 4, 1000)""",
    """INSERT INTO rate_grants (account, kind, granted_at, count)
       SELECT 'main', 'general', :now - n * interval '300 ms', 1 FROM generate_series(1, 31) n""",
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
)
PEOPLE_WHO_ACT = (("marta", "admin"), ("jonas", "operator"), ("vera", "viewer"))
DEEDS = (
    ("POST /api/v1/enrollments/release", None, {"released": 4}),
    ("POST /api/v1/senders/{name}/pause", "cara", None),
    ("POST /api/v1/senders/{name}/resume", "cara", None),
    ("POST /api/v1/suppressions", "rival.example", {"kind": "domain"}),
    ("POST /-/reload", "rules", {"revision": "9b1e07d2"}),
    ("GET /api/v1/people/{email}", "p***@brightmill.example", None),
)


async def fill_beside(connection: AsyncConnection, now: datetime) -> None:
    """Write what no event has made."""
    await connection.execute(REJECTED, list(_rejected(now)))
    await connection.execute(AUDIT, list(_audit(now)))
    await connection.execute(SUPPRESSIONS, list(_suppressions(now)))
    await connection.execute(COUNTERS, list(_counters(now)))
    for statement in OTHERS:
        await connection.execute(text(statement.replace(":now", "CAST(:now AS timestamptz)")), {"now": now})


def _rejected(now: datetime) -> Iterator[dict[str, Any]]:
    """Return the deliveries of a tool whose secret was changed, and one that cannot be read."""
    headers = orjson.dumps({"content-type": "application/json", "user-agent": "Zoom Marketplace/1.0a"}).decode()
    for number in range(20):
        at = now - timedelta(minutes=40 * (20 - number))
        yield {
            "id": f"dlv_{int(at.timestamp() * 1000):012x}{number:020x}",
            "source": "webinar",
            "at": at,
            "status": 401,
            "reason": "signature_mismatch",
            "url": "https://segue.acme.example/webhooks/webinar",
            "headers": headers,
            "body": orjson.dumps(demo_events.webinar(7000 + number, "kim@oakfield.example", "Kim").body),
        }
    at = now - timedelta(hours=7)
    yield {
        "id": f"dlv_{int(at.timestamp() * 1000):012x}{99:020x}",
        "source": "crm",
        "at": at,
        "status": 400,
        "reason": "invalid_json",
        "url": "https://segue.acme.example/webhooks/crm",
        "headers": headers,
        "body": b'{"type": "lead.qualified", ',
    }


def _audit(now: datetime) -> Iterator[dict[str, Any]]:
    """Return a week of acts, more than one page has."""
    for number in range(70):
        who, role = PEOPLE_WHO_ACT[number % 7 % 3]
        what, target, after = DEEDS[number % len(DEEDS)]
        refused = role == "viewer"
        yield {
            "number": f"{number:020}",
            "at": now - timedelta(minutes=11 + 140 * number),
            "who": who,
            "role": role,
            "origin": "192.0.2.14",
            "what": what,
            "target": target,
            "after": None if after is None or refused else orjson.dumps(after).decode(),
            "outcome": "refused" if refused else "done",
            "status": 403 if refused else None,
        }


def _suppressions(now: datetime) -> Iterator[dict[str, Any]]:
    for number, (value, kind, fits, reason) in enumerate(
        (
            ("rival.example", "domain", None, "asked by legal"),
            ("tara.klein@oakfield.example", "address", None, "asked on the telephone"),
            ("*@jobs.*", "pattern", "address", "applicants"),
            ("northgate.example", "domain", None, None),
        )
    ):
        yield {"value": value, "kind": kind, "fits": fits, "reason": reason, "at": now - timedelta(days=3 * number + 1)}


SILENT_HOURS = 30  # in which one source sends nothing
HEARD = (("demo-form", 9), ("product", 190), ("crm", 8), ("webinar", 6), ("meetings", 3), ("billing", 3))


def _counters(now: datetime) -> Iterator[dict[str, Any]]:
    """Return deliveries and events that leave no row, by the hour, for four weeks: fewer at night."""
    for hours in range(28 * 24):
        at = now - timedelta(hours=hours)
        busy = 1.0 if 8 <= at.hour < 18 else 0.15  # a working day
        for source, most in HEARD:
            if source == "meetings" and hours < SILENT_HOURS:
                continue
            silenced = source == "webinar" and hours < 14  # since the secret was changed
            n = round(most * busy * (0.8 + 0.1 * (hours % 5)))
            for result, reason, count in (
                ("rejected", "signature_mismatch", n if silenced else 0),
                ("accepted", "", 0 if silenced else n),
                ("filtered", "", 0 if silenced else n * 2),
                ("no_rule", "", 0 if silenced else n * 2),
                ("repeated", "", 1 if hours % 9 == 0 and not silenced else 0),
            ):
                if count:
                    yield {"at": at, "source": source, "result": result, "reason": reason, "n": count}
