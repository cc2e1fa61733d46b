"""What all providers' events have in common once they are read: their `map:`, name parts, and when they arrived."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from app.model import Delivery, Event, Secret, SourceConfig
from app.sources import PROVIDERS
from app.sources.normalised import LONGEST, normalised

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


def test_fields_that_are_too_long_are_cut_and_the_payload_has_them_whole() -> None:
    event = read("calendly", invitee(first_name="F" * 2000, uri="https://api.calendly.com/invitees/" + "9" * 2000))
    assert len(event.first_name or "") == LONGEST
    assert "first_name" in event.cut
    assert len(event.data["payload"]["first_name"]) == 2000


def test_an_address_that_is_too_long_is_none_and_not_the_beginning_of_one() -> None:
    event = read("calendly", invitee(email="ada@corp.co" + "\u200b" * 2000 + "m"))
    assert event.email is None
    assert event.lacking == "its address is longer than 1,024 characters"


def test_an_event_whose_type_is_too_long_is_recorded_as_dropped() -> None:
    event = read("calendly", invitee() | {"event": "x" * 2000})
    assert event.dropped == "its type is longer than 1,024 characters"
    assert len(event.type) == LONGEST
