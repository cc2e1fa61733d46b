"""Answers are texts, by the titles and the ids of their questions, whatever form they came from."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

import app.sources
from app.errors import DeliveryRejected, Unreadable
from app.model import Delivery, Event, Secret, SourceConfig
from app.sources import PROVIDERS
from app.sources.answers import as_answer, by_question, choice_ids, one_or_all, unescaped, without_markup
from app.sources.field_map import mapped
from app.sources.form_labels import meaning

NOW = datetime(2026, 11, 3, 12, tzinfo=UTC)
FORM, JSON = "application/x-www-form-urlencoded", "application/json"


def config(provider: str, fields: dict[str, str] | None = None, options: dict[str, Any] | None = None) -> SourceConfig:
    model = PROVIDERS[provider].Options.model_validate(options or {})
    return SourceConfig("x", provider, (Secret("c2VjcmV0"),), model, fields or {})


def read(
    provider: str, body: Any, fields: dict[str, str] | None = None, options: dict[str, Any] | None = None
) -> Event:
    source = config(provider, fields, options)
    headers = {"content-type": JSON}
    delivery = Delivery("d", "x", NOW, "POST", "https://segue.example/x", headers, json.dumps(body).encode())
    [event] = PROVIDERS[provider].events(delivery, source)
    return mapped(event, source, delivery.headers)


def test_the_first_answer_to_a_question_counts_and_a_title_counts_before_an_id() -> None:
    rows = [("Company ", "q1", "Corp"), ("Company", "q2", "Other"), ("Seats", "Company", 25), (None, None, "lost")]
    assert by_question(rows) == {"Company": "Corp", "q1": "Corp", "q2": "Other", "Seats": "25"}


@pytest.mark.parametrize(
    ("value", "answer"),
    [
        ("a", "a"),
        (" ", None),
        (True, "true"),
        (2**70, str(2**70)),
        (1.5, "1.5"),
        (["a", None, "", 2, ["b"]], ["a", "2"]),
        ([], None),
        ({"a": "b"}, None),
        (None, None),
    ],
)
def test_an_answer_is_a_text_or_a_list_of_texts(value: Any, answer: Any) -> None:
    assert as_answer(value) == answer


def test_one_choice_is_a_text_and_several_are_a_list() -> None:
    assert one_or_all(["a"], several=False) == "a"
    assert one_or_all(["a"], several=True) == ["a"]
    assert one_or_all(["a", "b"], several=False) == ["a", "b"]
    assert one_or_all([], several=True) is None
    assert choice_ids([("a", None), (None, "1")]) == {}


def test_only_whole_character_references_are_replaced() -> None:
    assert unescaped(["o&#039;neil &amp; co", {"a": "&#x27;"}, 1]) == ["o'neil & co", {"a": "'"}, 1]
    assert unescaped("https://acme.example/?a=1&copy=2&amp=3; R&D") == "https://acme.example/?a=1&copy=2&amp=3; R&D"
    assert without_markup("10 < 50<br/>and > 5") == "10 < 50 and > 5"
    assert without_markup("<p>What&nbsp;is your <b>name</b>?</p>") == "What is your name?"


@pytest.mark.parametrize("label", ["Email-2", "email 2", "E-mail_3", "Email (2)", "email2", "Your e-mail 2"])
def test_a_number_at_the_end_of_a_label_does_not_count(label: str) -> None:
    assert meaning(label) == "email"


@pytest.mark.parametrize("label", ["2", "", "2 emails of friends", "Email tool 2"])
def test_a_number_makes_no_meaning(label: str) -> None:
    assert meaning(label) is None


def test_a_table_of_jotforms_stays_in_the_data() -> None:
    table = {"0": {"0": "yes"}, "1": {"0": "no"}}
    body = urlencode({"submissionID": "1", "rawRequest": json.dumps({"q3_opinions": table})}).encode()
    delivery = Delivery("d", "x", NOW, "POST", "https://segue.example/x", {"content-type": FORM}, body)
    [event] = PROVIDERS["jotform"].events(delivery, config("jotform"))
    assert (event.data["opinions"], event.answers) == (table, {})


def test_a_title_of_jotforms_is_found_between_known_answers_only() -> None:
    raw = {"q1_a": "one", "q2_b": {"first": "Ann"}, "q3_c": "three", "q4_d": "not there", "q5_e": "five"}
    pretty = "First, of all:one, Your name:Ann, From:three-ish to:three, Fifth:five"
    body = f"submissionID=1&pretty={pretty}&rawRequest={json.dumps(raw)}".encode()
    delivery = Delivery("d", "x", NOW, "POST", "https://segue.example/x", {"content-type": FORM}, body)
    [event] = PROVIDERS["jotform"].events(delivery, config("jotform"))
    assert event.answers == {
        "First, of all": "one",
        "From:three-ish to": "three",
        "Fifth": "five",
        "a": "one",
        "c": "three",
        "d": "not there",
        "e": "five",
    }


def test_an_address_that_a_site_escaped_is_the_address_that_was_typed() -> None:
    escaped = "ann.o&#039;neil@corp.example"
    entry = read("gravity-forms", {"id": "1", "form_id": "2", "7": escaped}, {"email": "7"})
    body = f"submissionID=1&rawRequest={quote(json.dumps({'q3_email': escaped}))}".encode()
    delivery = Delivery("d", "x", NOW, "POST", "https://segue.example/x", {"content-type": FORM}, body)
    [submission] = PROVIDERS["jotform"].events(delivery, config("jotform"))
    assert entry.email == submission.email == "ann.o'neil@corp.example"


def test_an_id_of_tallys_without_a_text_is_no_answer() -> None:
    fields = [{"label": "Size", "type": "DROPDOWN", "value": ["o1"]}, {"label": "Plan", "type": "RANKING", "value": 7}]
    event = read("tally", {"eventId": "1", "eventType": "FORM_RESPONSE", "data": {"fields": fields}})
    assert event.answers == {"Plan": "7"}
    assert event.data["Size"] is None
    assert event.data["choice_ids"] == {"Size": ["o1"], "Plan": 7}


def test_a_choice_fills_a_field_of_the_person_and_of_the_map() -> None:
    fields = [
        {"label": "Company", "type": "DROPDOWN", "value": ["o1"], "options": [{"id": "o1", "text": "Corp Ltd"}]},
        {"label": "Called", "type": "MULTIPLE_CHOICE", "value": "o2", "options": [{"id": "o2", "text": "Ann"}]},
    ]
    body = {"eventId": "1", "eventType": "FORM_RESPONSE", "data": {"fields": fields}}
    event = read("tally", body, {"first_name": "Called"})
    assert (event.company, event.first_name) == ("Corp Ltd", "Ann")


SURVEY = {
    "pages": [
        {
            "questions": [
                {
                    "id": "1",
                    "family": "single_choice",
                    "heading": "<b>Team&nbsp;size</b>",
                    "answers": [{"choice_id": "c1", "simple_text": "R&amp;D"}],
                },
                {
                    "id": "2",
                    "family": "multiple_choice",
                    "heading": "Topics",
                    "answers": [
                        {"choice_id": "c2", "simple_text": "Bees"},
                        {"other_id": "o", "text": "Wax", "simple_text": "Other | Wax"},
                    ],
                },
                {
                    "id": "3",
                    "family": "demographic",
                    "heading": "About you",
                    "answers": [
                        {"row_id": "r1", "text": "Ann", "simple_text": "First name | Ann"},
                        {"row_id": "r2", "text": " ann@corp.example ", "simple_text": "Mail | ann@corp.example"},
                        {"row_id": "r3", "text": "Corp", "simple_text": "Company | Corp"},
                    ],
                },
                {"id": "4", "family": "single_choice", "answers": [{"choice_id": "c4"}]},
            ]
        }
    ]
}


def test_a_survey_response_has_its_answers_by_heading_by_row_and_by_id() -> None:
    event = PROVIDERS["surveymonkey"].enriched(Event("x", "response_completed", ("1",)), SURVEY)
    assert event.answers == {
        "Team size": "R&D",
        "Topics": ["Bees", "Wax"],
        "About you": ["Ann", " ann@corp.example ", "Corp"],
        "First name": "Ann",
        "Mail": "ann@corp.example",
        "Company": "Corp",
        "1": "R&D",
        "2": ["Bees", "Wax"],
        "3": ["Ann", " ann@corp.example ", "Corp"],
    }
    assert (event.email, event.first_name, event.company) == ("ann@corp.example", "Ann", "Corp")
    assert event.data["choice_ids"] == {"1": ["c1"], "2": ["c2"], "4": ["c4"]}


def test_an_attendees_answers_are_by_question_and_by_id() -> None:
    answers = [{"question_id": "8", "question": "Team size", "answer": "50+"}, {"question": "Skipped"}, None]
    event = PROVIDERS["eventbrite"].enriched(Event("x", "attendee.updated", ("1",)), {"answers": answers})
    assert event.answers == {"Team size": "50+", "8": "50+"}


def test_answers_of_a_hubspot_form_are_the_contacts_properties() -> None:
    sent = {"vid": 1, "properties": {"email": {"value": "ann@corp.example"}, "team_size": {"value": "50+"}}}
    assert read("hubspot", sent).answers == {"email": "ann@corp.example", "team_size": "50+"}
    assert read("hubspot", {"email": "ann@corp.example", "team_size": 50}).answers["team_size"] == "50"
    action = {"callbackId": "ap-1", "object": {"objectId": 1, "properties": {"team_size": "50+"}}}
    assert read("hubspot", action).answers == {"team_size": "50+"}
    looked_up = PROVIDERS["hubspot"].enriched(
        Event("x", "contact.creation", ("1",)), {"team_size": "50+", "city": None}
    )
    assert looked_up.answers == {"team_size": "50+"}


def test_a_json_source_says_where_answers_are() -> None:
    body = {"form": {"answers": {"Team size": "50+", "Topics": ["Bees"], "Skipped": ""}}}
    open_source = {"verify": "none", "allow_unverified": True}
    answers = read("json", body, options=open_source | {"fields": {"answers": "$.form.answers"}}).answers
    assert answers == {"Team size": "50+", "Topics": ["Bees"]}
    assert read("json", body, options=open_source).answers == {}
    with pytest.raises(Unreadable, match=r"\$\.form\.answers\.Topics is no object"):
        read("json", body, options=open_source | {"fields": {"answers": "$.form.answers.Topics"}})


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
KEYS = [
    *("id", "title", "label", "key", "type", "value", "options", "text", "choice", "choices", "labels", "other", "ids"),
    *("ref", "heading", "simple_text", "row_id", "choice_id", "answer", "name", "companies", "author", "email"),
    *("response", "optionValue", "firstName", "0", "1"),
]
shaped = st.recursive(
    st.sampled_from(["DROPDOWN", "MATRIX", "choice", "ann@corp.example", "a", '["a"]', "x | y", "", 1, None, True]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=4),
    max_leaves=12,
)
FOLDER = Path(app.sources.__file__).parent / "samples"


def bodies_of(name: str) -> list[str]:
    tops = [json.loads(path.read_text()) for path in sorted((FOLDER / name).glob("*.json"))]
    cases = [case for top in tops for case in (top, *top["more_cases"])]
    return [case["body"] for case in cases if case["expected"]["valid"] and case["body"].startswith(("{", "["))]


BODIES = {name: bodies for name in PROVIDERS if (bodies := bodies_of(name))}


def places(value: Any) -> list[tuple[Any, Any]]:
    """Every (container, key) in a JSON value."""
    children = list(value.items() if isinstance(value, dict) else enumerate(value if isinstance(value, list) else []))
    return [place for key, child in children for place in ((value, key), *places(child))]


@given(st.sampled_from(sorted(BODIES)), st.data())
def test_a_sample_with_odd_values_is_read_or_refused(name: str, data: st.DataObject) -> None:
    body = json.loads(data.draw(st.sampled_from(BODIES[name])))
    for odd in data.draw(st.lists(shaped | anything, min_size=1, max_size=3)):
        if found := places(body):  # an odd value may have emptied the whole body
            container, key = data.draw(st.sampled_from(found))
            container[key] = odd
    sent = json.dumps(body).encode()
    check_all(name, Delivery("d", "x", NOW, "POST", "https://segue.example/x", {"content-type": JSON}, sent))


@given(st.dictionaries(st.sampled_from(["q1_name", "q2_a", "q3_b"]), shaped | anything), st.text())
def test_answers_of_jotforms_of_any_shape_are_read_or_refused(raw: dict[str, Any], pretty: str) -> None:
    fields = {"submissionID": "1", "rawRequest": json.dumps(raw), "pretty": pretty}
    sent = urlencode(fields, errors="replace").encode()
    check_all("jotform", Delivery("d", "x", NOW, "POST", "https://segue.example/x", {"content-type": FORM}, sent))


def check_all(name: str, delivery: Delivery) -> None:
    try:
        events = PROVIDERS[name].events(delivery, config(name))
    except DeliveryRejected:
        return
    for event in events:
        check(event)


@given(st.sampled_from(["surveymonkey", "eventbrite", "hubspot"]), st.data())
def test_a_looked_up_object_with_odd_values_is_read_or_refused(name: str, data: st.DataObject) -> None:
    found = json.loads(json.dumps(SURVEY | {"answers": [{"question": "a", "answer": "b"}], "profile": {}}))
    container, key = data.draw(st.sampled_from(places(found)))
    container[key] = data.draw(shaped | anything)
    try:
        event = PROVIDERS[name].enriched(Event("x", "response_completed", ("1",)), found)
    except DeliveryRejected:
        return
    check(event)


def check(event: Event) -> None:
    for name, answer in event.answers.items():
        assert name == name.strip() != ""
        texts = [answer] if isinstance(answer, str) else answer
        assert texts
        assert all(text.strip() for text in texts)
    known = [event.email, event.first_name, event.last_name, event.name, event.company]
    assert all(value is None or isinstance(value, str) for value in known)
