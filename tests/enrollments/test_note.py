"""A rule that writes a note: from the rules file to HubSpot's timeline."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from app.errors import OutcomeUnknown, RulebookError
from app.hubspot.api import notes
from app.hubspot.api.replies import Reply
from app.model import Event
from app.rules.examples import run_examples
from app.rules.file.documents import Document
from app.rules.load import load
from app.rules.match import decide
from app.sources import PROVIDERS

if TYPE_CHECKING:
    from app.rules.rulebook import Rulebook
    from tests.conftest import MakeEntry
    from tests.support.road import Road

NOTE: dict[str, Any] = {"action": "note", "target": "Came to the webinar", "sequence": "", "intent": ""}
RULE = """version: 1
accounts: {main: {token: pat-sandbox}}
sources: {crm: {provider: standard-webhooks, secrets: [whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw]}}
senders: {anna: {user_id: "7001", email: anna@acme.example}}
rules:
  - id: came
    source: crm
    type: came
    note: %s
    examples:
      - {name: any, event: {type: came, email: ada@corp.example}, expect: {note: Came to the webinar}}
"""


def written(note: str) -> Rulebook:
    return load((Document("rules.yaml", RULE % note),), environment={}, providers=PROVIDERS)


def test_a_rule_that_writes_a_note_is_its_own_verdict() -> None:
    rulebook = written('{body: " Came to the webinar "}')
    (decision,) = decide(Event("crm", "came", ("1",), email="ada@corp.example"), rulebook)
    assert (decision.verdict, decision.enroll and decision.enroll.plan.target) == ("note", "Came to the webinar")
    assert [outcome.difference for outcome in run_examples(rulebook)] == [""]


@pytest.mark.parametrize("note", ["{}", '{body: ""}', '{body: "  "}', "{body: x, title: y}", "true"])
def test_a_note_without_a_body_or_with_more_is_a_mistake(note: str) -> None:
    with pytest.raises(RulebookError):
        written(note)


async def test_a_note_is_on_the_contacts_timeline(road: Road, make_entry: MakeEntry) -> None:
    await road.accept(make_entry("e1", **NOTE, period=timedelta(), properties={"company": "Acme"}))
    assert await road.enroll() == ("done", None)
    ((contact_id, detail),) = await road.run("SELECT contact_id, detail FROM enrollments")
    headers = {"authorization": "Bearer pat-sandbox"}
    async with httpx.AsyncClient(base_url=road.url, headers=headers, trust_env=False) as client:
        (note,) = (await client.get("/crm/objects/2026-03/notes")).json()["results"]
    assert detail == f"note {note['id']} was written on contact {note['contacts'][0]}"
    assert contact_id in {None, note["contacts"][0]}
    assert note["properties"]["hs_note_body"] == "Came to the webinar"
    ((received_at,),) = await road.run("SELECT received_at FROM enrollments")
    assert datetime.fromisoformat(note["properties"]["hs_timestamp"]) == received_at
    assert await road.control("ledger") == []


async def test_a_note_waits_for_hubspot_like_any_other_call(road: Road, make_entry: MakeEntry) -> None:
    await road.fault(kind="status", status=503, route="note")
    await road.accept(make_entry("e1", **NOTE, period=timedelta()))
    assert await road.enroll() == ("ready", "hubspot_no_answer")


def test_an_answer_without_an_id_is_no_yes() -> None:
    call = notes.create("501", "x", datetime(2026, 1, 5, 12))  # noqa: DTZ001  # any instant will do
    with pytest.raises(OutcomeUnknown):
        call.parse(Reply(201, {}, b"{}"))
