"""Gravity Forms (WordPress): entries sent by its Webhooks add-on.

Source: docs.gravityforms.com (entry object, webhooks add-on) and the add-on's source. Nothing is signed: the secret is
in a header that the site's owner adds. Fields are keyed by number ("1.3" is a first name) unless the owner named them:
`map:` assigns them. WordPress may escape what was typed as HTML does.
"""

from __future__ import annotations

from typing import Any

from app.errors import Unreadable
from app.model import Delivery, Event, SourceConfig
from app.sources.answers import Answer, answers_in, unescaped
from app.sources.base import ANY_METHOD, CredentialProvider
from app.sources.credentials import Credential
from app.sources.fields import body_digest, id_at, instant, query_of, tuple_or_digest
from app.sources.forms import content_type, form, urlencoded
from app.sources.options import HeaderOptions
from app.sources.person_fields import person_by_label
from app.sources.strict_json import parse, parse_object


class GravityForms(CredentialProvider):
    """Form, entry id and content identify the event: an entry is sent again when it was changed.

    `date_created` is UTC without a zone.
    """

    name = "gravity-forms"
    Options = HeaderOptions
    methods = ANY_METHOD
    credential = Credential("header", "x-webhook-secret")

    def parsed(self, delivery: Delivery) -> dict[str, Any]:
        """Return the body's fields or, by GET and DELETE, the query's."""
        if delivery.method in {"GET", "DELETE"}:
            return urlencoded(query_of(delivery.url).encode())
        return form(delivery) if content_type(delivery) != "application/json" else parse_object(delivery.body)

    def event(self, body: dict[str, Any], delivery: Delivery, config: SourceConfig) -> Event:
        """Return the one event."""
        answers = _answers(body)
        raw = delivery.body or delivery.url.encode()
        known = tuple_or_digest("entry", id_at(body, "form_id"), id_at(body, "id"), body=raw)
        return Event(
            source=config.name,
            type="entry",
            dedupe=(*known[1:], body_digest(raw)),
            id=id_at(body, "id"),
            occurred_at=instant(body, "date_created"),
            data=body,
            answers=answers,
            **person_by_label(answers.items()),
        )


def _answers(body: dict[str, Any]) -> dict[str, Answer]:
    """Return the entry's fields as texts. Of parts ("5.1", "5.2": checkboxes) the whole ("5") is the list."""
    answers = answers_in({key: unescaped(_value(value)) for key, value in body.items()})
    whole: dict[str, list[str]] = {}
    for key, value in answers.items():
        number, point, _ = key.partition(".")
        if point and number.isdecimal() and isinstance(value, str):
            whole.setdefault(number, []).append(value)
    return {**whole, **answers}


def _value(value: Any) -> Any:
    """Return a field's value; a field of several choices is stored as JSON in a text."""
    if isinstance(value, str) and value.startswith('["') and value.endswith('"]'):
        try:
            return parse(value.encode())
        except Unreadable:
            return value
    return value


PROVIDER = GravityForms()
