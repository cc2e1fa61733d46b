"""`check` notes rules that can never enroll, because their events name a person by an id and no token is given."""

from __future__ import annotations

import pytest

from app.cli.rule_findings import rule_findings
from app.model import Account
from app.rules.file.documents import Document
from app.rules.load import load
from app.rules.thin_events import without_token
from app.sources import PROVIDERS

RULES = """version: 1
sources: {{tool: {{provider: {provider}, secrets: ["{secret}"]{keys}}}}}
senders: {{anna: {{user_id: "7001", email: anna@acme.example}}}}
rules:
  - id: one
    source: tool
    type: [{types}]
    {action}
"""
ENROLL = 'enroll: {sequence: "1", sender: anna}'


def notes(provider: str, types: str, *, keys: str = "", action: str = ENROLL) -> list[str]:
    secret = "an-unguessable-part" if provider == "eventbrite" else "user:password&x"  # of each kind
    text = RULES.format(secret=secret, provider=provider, types=types, keys=keys, action=action)
    documents = (Document("rules.yaml", text),)
    book = load(documents, environment={}, providers=PROVIDERS, default_account=Account("main", "x"))
    found = without_token(book, PROVIDERS)
    assert set(found) <= set(rule_findings(book))
    assert all((note.level, note.file, note.line) == ("note", "rules.yaml", 5) for note in found)
    return [note.message for note in found]


@pytest.mark.parametrize(
    ("provider", "kind", "subject"),
    [
        ("stripe", "customer.subscription.trial_will_end", "customer"),
        ("paddle", "transaction.completed", "customer"),
        ("pipedrive", "create.deal", "person"),
        ("pipedrive", "added.activity", "person"),
        ("chargebee", "invoice_generated", "customer"),
        ("intercom", "conversation.user.created", "contact"),
        ("slack", "reaction_added", "user"),
        ("eventbrite", "order.placed", "order or attendee"),
        ("surveymonkey", "response_completed", "response"),
    ],
)
def test_a_rule_that_listens_to_events_without_an_address_is_noted(provider: str, kind: str, subject: str) -> None:
    remedy = f"names its {subject} by an id only and has no address; give source 'tool' an `api_token`"
    assert notes(provider, kind) == [f"rule 'one': a {kind!r} {remedy}"]
    keys = ", api_token: made-up, site: acme" if provider == "chargebee" else ", api_token: made-up"
    assert notes(provider, kind, keys=keys) == []
    assert notes(provider, kind, keys=", map: {email: $.somewhere}") == []
    assert notes(provider, kind, action="ignore: true") == []


@pytest.mark.parametrize(
    ("provider", "kind"),
    [
        ("stripe", "checkout.session.completed"),
        ("stripe", "customer.created"),
        ("paddle", "customer.created"),
        ("pipedrive", "added.person"),
        ("chargebee", "subscription_created"),
        ("intercom", "contact.user.created"),
        ("slack", "team_join"),
        ("typeform", "form_response"),
    ],
)
def test_a_rule_whose_events_have_an_address_is_not(provider: str, kind: str) -> None:
    assert notes(provider, kind) == []
