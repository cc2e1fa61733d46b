"""What all providers' events have in common once they are read: their `map:`, name parts, and when they arrived."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from app.model import Delivery, Event, Secret, SourceConfig
from app.sources import PROVIDERS
from app.sources.normalised import normalised

ARRIVED = datetime(2026, 11, 28, 11, 0, 2, tzinfo=UTC)


def read(provider: str, body: dict[str, Any], **fields: str) -> Event:
    config = SourceConfig("s", provider, (Secret("caly-report-secret-1"),), fields=fields)
    delivery = Delivery("d", "s", ARRIVED, "POST", "https://x.example/webhooks/s", {}, json.dumps(body).encode())
    (event,) = PROVIDERS[provider].events(delivery, config)
    return normalised(event, config, delivery.headers, delivery.received_at)


def invitee(**payload: Any) -> dict[str, Any]:
    return {
        "event": "invitee.created",
        "created_at": "2026-11-28T11:00:00Z",
        "payload": {"uri": "https://api.calendly.com/invitees/9", "email": "cleo@corp.example", **payload},
    }


def test_one_name_gives_the_first_and_the_last_name() -> None:
    event = read("calendly", invitee(name="Cleo Ray", first_name=None, last_name=None))
    assert (event.first_name, event.last_name, event.name) == ("Cleo", "Ray", "Cleo Ray")


def test_a_name_that_map_finds_is_parted_too() -> None:
    event = read("calendly", invitee(who="Ray, Cleo"), name="$.payload.who")
    assert (event.first_name, event.last_name) == ("Cleo", "Ray")


def test_an_event_keeps_when_it_arrived() -> None:
    assert read("calendly", invitee()).received_at == ARRIVED
