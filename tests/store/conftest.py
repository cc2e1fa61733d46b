"""Builders for the store's tests."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Protocol

import pytest

from app.model import Decision, Delivery, EnrollRequest, Event, Intent, Sender, Verdict
from app.store.entries import Entry, Heard, Verdicted

if TYPE_CHECKING:
    from collections.abc import Callable

NOON = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)


class MakeEntry(Protocol):
    """Makes an entry of one delivery with one event that a rule enrolls."""

    def __call__(self, event_id: str, email: str = ..., **changes: Any) -> Entry: ...


@pytest.fixture
def make_entry(new_id: Callable[[str], str]) -> MakeEntry:
    def make(event_id: str, email: str = "ada@corp.example", **changes: Any) -> Entry:
        facts: dict[str, Any] = {"account": "main", "sequence": "310001", "intent": "demo"} | changes
        request = EnrollRequest(
            account=facts["account"],
            email=email,
            sequence=facts["sequence"],
            sender=Sender("anna", "7001", "anna@acme.example"),
            properties={"firstname": "Ada"},
            require=("firstname",),
            intent=Intent(facts["intent"], facts.get("period", timedelta(days=30))),
        )
        event = Event("crm", "signup", (event_id,), id=event_id, email=email, data=facts.get("data", {"plan": "pro"}))
        decision = Decision(Verdict.ENROLL, "matched", "abc123", rule="demo", line=7, enroll=request)
        heard = Heard(new_id("evt"), event, (Verdicted(new_id("dec"), new_id("enr"), decision),))
        delivery = Delivery(new_id("dlv"), "crm", NOON, "POST", "https://x.example/webhooks/crm", {"a": "b"}, b"{}")
        return Entry(delivery, "standard-webhooks", (heard,))

    return make
