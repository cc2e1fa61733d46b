"""Rows of what stands beside the events of the made-up week. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import orjson

from app.cli import demo_events
from app.model import Secret, SourceConfig
from app.sources import PROVIDERS

if TYPE_CHECKING:
    from collections.abc import Iterator

    Rows = Iterator[dict[str, Any]]

WEBINAR = "https://segue.acme.example/webhooks/webinar"
JSON = {"content-type": "application/json"}
PEOPLE_WHO_ACT = (("marta", "admin"), ("jonas", "operator"), ("vera", "viewer"))
DEEDS = (
    ("POST /api/v1/enrollments/release", None, {"released": 4}),
    ("POST /api/v1/senders/{sender_id}/pause", "cara", None),
    ("POST /api/v1/senders/{sender_id}/resume", "cara", None),
    ("POST /api/v1/suppressions", "rival.example", {"kind": "domain"}),
    ("POST /-/reload", "rules", {"revision": "9b1e07d2"}),
    ("GET /api/v1/audit", None, None),
)


def rejected(now: datetime) -> Rows:
    """Return the deliveries of a tool whose secret was changed, and one that cannot be read."""
    source = SourceConfig("webinar", "zoom", (Secret("another-made-up-zoom-secret"),))
    for number in range(20):
        at = now - timedelta(minutes=40 * (20 - number))
        body = orjson.dumps(demo_events.webinar(7000 + number, "kim@oakfield.example", "Kim").body)
        signed = PROVIDERS["zoom"].sign(body, source, at, method="POST", url=WEBINAR)
        yield {
            "id": f"dlv_{int(at.timestamp() * 1000):012x}{number:020x}",
            "source": "webinar",
            "at": at,
            "status": 401,
            "reason": "signature_mismatch",
            "url": WEBINAR,
            "headers": orjson.dumps({name.lower(): one for name, one in signed.items()} | JSON).decode(),
            "body": body,
        }
    at = now - timedelta(hours=7)
    yield {
        "id": f"dlv_{int(at.timestamp() * 1000):012x}{99:020x}",
        "source": "crm",
        "at": at,
        "status": 400,
        "reason": "invalid_json",
        "url": "https://segue.acme.example/webhooks/crm",
        "headers": orjson.dumps(JSON).decode(),
        "body": b'{"type": "lead.qualified", ',
    }


def audit(now: datetime) -> Rows:
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


def suppressions(now: datetime) -> Rows:
    """Return the list of suppressions."""
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


def counters(now: datetime) -> Rows:
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
