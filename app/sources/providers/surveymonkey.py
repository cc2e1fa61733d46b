"""SurveyMonkey: responses to surveys.

Source: SurveyMonkey/public_api_docs (webhooks, responses). The key is "{client_id}&{client_secret}". A webhook only
names a response: with an `api_token` the response is fetched, with the questions' headings and the options' texts
(`simple=true`): chosen options are ids otherwise. In a question of several rows `simple_text` is "row | answer".
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field, SecretStr

from app.errors import Unreadable
from app.model import Delivery, Event, SourceConfig
from app.sources.answers import Answer, by_question, choice_ids, one_or_all, without_markup
from app.sources.assurance import mistakes_of_each
from app.sources.base import Lookup, SignedProvider
from app.sources.fields import DIGITS, find, first_text, id_at, instant, list_at, required, text
from app.sources.options import TokenOptions, options_of, token_of
from app.sources.person_fields import address_in, first_of, person_at, person_by_label
from app.sources.person_lookup import bearer
from app.sources.signing import Scheme

if TYPE_CHECKING:
    from collections.abc import Iterator

OF_CONTACT = {name: f"{name}.value" for name in ("email", "first_name", "last_name")}


class SurveyMonkeyOptions(TokenOptions):
    """Keys of a SurveyMonkey source."""

    api_token: SecretStr | None = Field(
        default=None, description="An access token with View Response Details: without it no event has an address."
    )
    api_host: Literal["api.surveymonkey.com", "api.eu.surveymonkey.com", "api.surveymonkey.ca"] = Field(
        default="api.surveymonkey.com", description="Where the account's data is kept."
    )


class SurveyMonkey(SignedProvider):
    """`event_id` identifies the event."""

    name = "surveymonkey"
    hosts = frozenset({"api.surveymonkey.com", "api.eu.surveymonkey.com", "api.surveymonkey.ca"})
    thin_types = re.compile(r"response_.*")
    lookup_subject = "response"
    Options = SurveyMonkeyOptions
    scheme = Scheme(header="sm-signature", algorithm="sha1", encoding="base64")

    def check(self, config: SourceConfig) -> list[str]:
        """Return what is wrong with the secrets: each is two values in one."""
        mistake = "is no client_id&client_secret"
        return super().check(config) or mistakes_of_each(
            config.secrets, lambda value: None if "&" in value else mistake
        )

    def event(self, body: dict[str, Any], delivery: Delivery, config: SourceConfig) -> Event:
        """Return the one event."""
        return Event(
            source=config.name,
            type=required(body, "event_type"),
            dedupe=(required(body, "event_id"),),
            id=required(body, "event_id"),
            occurred_at=instant(body, "event_datetime"),
            data=body,
        )

    def lookup(self, event: Event, config: SourceConfig) -> Lookup | None:
        """Return the response's address, made of two ids of the event."""
        token, options = token_of(config), options_of(config, SurveyMonkeyOptions)
        survey, response = id_at(event.data, "resources", "survey_id"), id_at(event.data, "object_id")
        if find(event.data, "object_type") != "response" or not (_is_id(survey) and _is_id(response)):
            return None
        if token is None:
            return None
        return Lookup(options.api_host, f"/v3/surveys/{survey}/responses/{response}/details?simple=true", bearer(token))

    def enriched(self, event: Event, found: Any) -> Event:
        """Return the event with the response under `event.data.response`; an answer that is an address is taken."""
        if not isinstance(found, dict):
            raise Unreadable("malformed_body", "the response is not a JSON object")
        questions = [question for page in list_at(found, "pages") for question in list_at(page, "questions")]
        typed = [text(answer, "text") or "" for question in questions for answer in list_at(question, "answers")]
        answers = by_question([row for question in questions for row in _rows(question)])
        answered = person_by_label(answers.items())
        addresses = [address_in(value.strip()) for value in (answered["email"] or "", *typed)]
        return replace(
            event,
            data={**event.data, "response": found, **_ids(questions)},
            answers=answers,
            **first_of(
                person_at(found, "first_name", "last_name", email="email_address"),
                person_at(find(found, "metadata", "contact"), **OF_CONTACT),
                {**answered, "email": first_text(*addresses)},
            ),
        )


def _is_id(value: str | None) -> bool:
    return value is not None and DIGITS.fullmatch(value) is not None


def _rows(question: Any) -> Iterator[tuple[str | None, str | None, Answer | None]]:
    """Yield (title, id, answer) of a question and, where it has rows, (row, None, answer) of each."""
    answers = list_at(question, "answers")
    texts = [value for answer in answers if (value := _text(answer))]
    title = without_markup(text(question, "heading") or "")
    yield title, id_at(question, "id"), one_or_all(texts, several=find(question, "family") == "multiple_choice")
    for answer in answers:
        row, separator, value = (text(answer, "simple_text") or "").partition(" | ")
        if separator and find(answer, "row_id") is not None:
            yield without_markup(row), None, value


def _text(answer: Any) -> str | None:
    """Return what was typed, else the text of the chosen option."""
    chosen = text(answer, "simple_text")
    return first_text(text(answer, "text"), without_markup(chosen) if chosen else None)


def _ids(questions: list[Any]) -> dict[str, Any]:
    """Return the ids of chosen options by the question's id."""
    chosen = {id_at(question, "id"): list_at(question, "answers") for question in questions}
    return choice_ids(
        (name, [ref for row in rows if (ref := id_at(row, "choice_id"))]) for name, rows in chosen.items()
    )


PROVIDER = SurveyMonkey()
