"""Gravity Forms (WordPress): entries sent by its Webhooks add-on.

Source: docs.gravityforms.com (entry object, webhooks add-on) and the add-on's source. Nothing is signed: the secret is
in a header that the site's owner adds. Fields are keyed by number ("1.3" is a first name) unless the owner named them:
`map:` assigns them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from app.model import Event
from app.sources.base import ANY_METHOD, CredentialProvider, HeaderOptions
from app.sources.credentials import Credential
from app.sources.fields import id_at, instant, parse_object, query_of, tuple_or_digest
from app.sources.forms import content_type, form, urlencoded
from app.sources.person_fields import person_by_label

if TYPE_CHECKING:
    from pydantic import BaseModel

    from app.model import Delivery, SourceConfig


class GravityForms(CredentialProvider):
    """Form and entry id identify the event; `date_created` is UTC without a zone."""

    name = "gravity-forms"
    Options: type[BaseModel] = HeaderOptions
    methods = ANY_METHOD
    credential = Credential("header", "x-webhook-secret")

    def events(self, delivery: Delivery, config: SourceConfig) -> list[Event]:
        """Return the one event, of the body's fields or, by GET and DELETE, of the query's."""
        fields = _fields(delivery)
        answers = {key: value for key, value in fields.items() if isinstance(value, str)}
        known = tuple_or_digest(
            "entry", id_at(fields, "form_id"), id_at(fields, "id"), body=delivery.body or delivery.url.encode()
        )
        return [
            Event(
                source=config.name,
                type="entry",
                dedupe=known[1:],
                id=id_at(fields, "id"),
                occurred_at=instant(fields, "date_created"),
                data=fields,
                answers=answers,
                **person_by_label(list(answers.items())),
            ),
        ]


def _fields(delivery: Delivery) -> dict[str, Any]:
    if delivery.method in {"GET", "DELETE"}:
        return urlencoded(query_of(delivery.url).encode())
    return form(delivery) if content_type(delivery) != "application/json" else parse_object(delivery.body)


PROVIDER = GravityForms()
