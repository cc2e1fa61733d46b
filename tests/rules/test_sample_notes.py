"""`segue check` notes a field that no sample of the rule's provider has, and only where the samples say enough."""

from __future__ import annotations

import pytest

from app.clock import utc_now
from app.rules.sample_notes import ENVELOPES, FORMS, Known, sample_notes
from app.sources import PROVIDERS
from app.sources.sample_events import sample_events
from tests.support.rulebooks import HEAD, loaded


def notes(provider: str, rule: str) -> list[str]:
    source = f'crm: {{provider: {provider}, secrets: ["whsec_c2VndWUtbmV3LXNlY3JldA=="]}}'
    head = HEAD.replace("crm: {provider: json, verify: none, allow_unverified: true}", source)
    book = loaded(
        f'{head}  - {{id: one, source: crm, type: a, {rule}, enroll: {{sequence: "1", sender: anna}}}}\n', KEY="mine"
    )
    return [
        note.message for note in sample_notes(book, lambda name: Known.of(sample_events(PROVIDERS[name], utc_now())))
    ]


def test_a_name_that_no_sample_has_is_noted_with_those_that_are_spelled_alike() -> None:
    (note,) = notes("calendly", "when: event.data.payloda.email != null")
    assert note == "rule 'one': no sample of calendly has event.data.payloda; they have: payload, created_at, event"


def test_a_name_of_a_form_may_be_a_questions_and_the_note_says_so() -> None:
    (note,) = notes("typeform", "when: event.data.employes > 50 && event.data.employees > 1")
    assert note.startswith("rule 'one': no sample of typeform has event.data.employes; they have: employees, ")
    assert 'where a question or a hidden field of the form has this name; see event.answers["..."], too' in note


def test_values_are_looked_at_too_and_each_field_is_noted_once() -> None:
    found = notes("zoom", "when: has(event.data.paylod), contact: {set: {firstname: event.data.paylod}}")
    assert len(found) == 1


def test_a_tool_that_sends_no_form_has_no_answers() -> None:
    (note,) = notes("stripe", 'when: \'event.answers["Size"] == "50"\'')
    assert note == "rule 'one': stripe sends no form, so that event.answers[\"Size\"] is never there"
    assert notes("calendly", 'when: \'event.answers["Any question of mine"] == "50"\'') == []


@pytest.mark.parametrize(
    ("provider", "rule"),
    [
        ("standard-webhooks", "when: event.data.anything == 1"),
        ("calendly", 'when: "event.data.payload.anything == 1 && event.data[event.type] == 1"'),
        ("calendly", "when: 'event.data[\"${KEY}\"] == 1'"),
        ("typeform", "when: event.data.mine == 1, examples: [{name: e, event: {data: {mine: 1}}, expect: none}]"),
    ],
)
def test_what_samples_cannot_tell_or_an_example_has_is_not_noted(provider: str, rule: str) -> None:
    assert notes(provider, rule) == []


@pytest.mark.parametrize("provider", sorted(ENVELOPES | FORMS))
def test_each_provider_of_which_fields_are_noted_has_samples(provider: str) -> None:
    events = sample_events(PROVIDERS[provider], utc_now())
    assert Known.of(events).data
    assert provider not in FORMS or Known.of(events).answers
