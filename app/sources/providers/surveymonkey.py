"""SurveyMonkey: responses to surveys.

Source: SurveyMonkey/public_api_docs (webhooks, responses). The key is "{client_id}&{client_secret}". A webhook only
names a response: with an `api_token` the response is fetched. Its answers have their questions' ids as keys, so `map:
{first_name: "319352786"}` names other fields than the address.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Literal

from pydantic import Field, SecretStr

from app.errors import Unreadable
from app.model import Delivery, Event, SourceConfig
from app.sources.assurance import mistakes_of_each
from app.sources.base import Lookup, SignedProvider
from app.sources.fields import DIGITS, find, first_text, id_at, instant, list_at, required, text
from app.sources.options import StrictOptions, options_of
from app.sources.person_fields import address_in
from app.sources.signing import Scheme


class SurveyMonkeyOptions(StrictOptions):
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
    Options = SurveyMonkeyOptions
    scheme = Scheme(header="sm-signature", algorithm="sha1", encoding="base64")

    def check(self, config: SourceConfig) -> list[str]:
        """Return what is wrong with the secrets: each is two values in one."""
        mistake = "is no client_id&client_secret"
        return super().check(config) or mistakes_of_each(
            config.secrets, lambda value: None if "&" in value else mistake
        )

    def event(self, body: dict[str, Any], delivery: Delivery, config: SourceConfig) -> Event:
        """Return the one event, thin where its response can be fetched."""
        event = Event(
            source=config.name,
            type=required(body, "event_type"),
            dedupe=(required(body, "event_id"),),
            id=required(body, "event_id"),
            occurred_at=instant(body, "event_datetime"),
            data=body,
        )
        return replace(event, thin=self.lookup(event, config) is not None)

    def lookup(self, event: Event, config: SourceConfig) -> Lookup | None:
        """Return the response's address, made of two ids of the event."""
        options = options_of(config, SurveyMonkeyOptions)
        survey, response = id_at(event.data, "resources", "survey_id"), id_at(event.data, "object_id")
        if find(event.data, "object_type") != "response" or not (_is_id(survey) and _is_id(response)):
            return None
        if options.api_token is None:
            return None
        headers = {"authorization": f"Bearer {options.api_token.get_secret_value()}"}
        return Lookup(options.api_host, f"/v3/surveys/{survey}/responses/{response}/details", headers)

    def enriched(self, event: Event, found: Any) -> Event:
        """Return the event with the response under `event.data.response`; an answer that is an address is taken."""
        if not isinstance(found, dict):
            raise Unreadable("malformed_body", "the response is not a JSON object")
        answers = dict(_answers(found))
        addresses = [address for value in answers.values() if (address := address_in(value.strip()))]
        contact = find(found, "metadata", "contact")
        return replace(
            event,
            email=first_text(text(found, "email_address"), text(contact, "email", "value"), *addresses),
            first_name=first_text(text(found, "first_name"), text(contact, "first_name", "value")),
            last_name=first_text(text(found, "last_name"), text(contact, "last_name", "value")),
            data={**event.data, "response": found},
            answers=answers,
        )


def _is_id(value: str | None) -> bool:
    return value is not None and DIGITS.fullmatch(value) is not None


def _answers(found: dict[str, Any]) -> list[tuple[str, str]]:
    """Return (question's id, text) of every answer in words; chosen options have only ids."""
    questions = [question for page in list_at(found, "pages") for question in list_at(page, "questions")]
    return [
        (id_at(question, "id") or "", value)
        for question in questions
        for answer in list_at(question, "answers")
        if (value := text(answer, "text"))
    ]


PROVIDER = SurveyMonkey()
