"""Amplitude: people that entered or left a cohort, and streamed events.

Source: amplitude-dev-center (cohort-webhooks, webhooks-streaming). Nothing is signed: the secret is in one of up to
five headers that the user adds. Streamed bodies are templates; this provider reads the default fields, a `json` source
reads others.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from app.errors import Unreadable
from app.model import Delivery, Event, SourceConfig
from app.sources.base import CredentialProvider
from app.sources.batches import each, rows
from app.sources.credentials import Credential
from app.sources.fields import body_digest, find, first_text, from_digits, id_at, instant, required, text
from app.sources.options import HeaderOptions
from app.sources.person_fields import person_in, with_address
from app.sources.strict_json import parse_object

if TYPE_CHECKING:
    from datetime import datetime


class Amplitude(CredentialProvider):
    """`message_id` is the same on every retry of a cohort's message; message and user identify a member's event."""

    name = "amplitude"
    Options = HeaderOptions
    credential = Credential("header", "x-api-token")

    def events(self, delivery: Delivery, config: SourceConfig) -> list[Event]:
        """Return `cohort.enter` or `cohort.exit` for each user, or the one streamed event."""
        body = parse_object(delivery.body)
        if find(body, "users") is None:
            return [_streamed(body, delivery, config)]
        users, message, entered = (
            rows(find(body, "users"), "/users"),
            required(body, "message_id"),
            find(body, "in_cohort"),
        )
        if not isinstance(entered, bool):
            raise Unreadable("missing_field", "/in_cohort is neither true nor false")
        cohort = {key: value for key, value in body.items() if key != "users"}

        def user(index: int) -> Event:
            user_id = required(users[index], "user_id")
            return Event(
                source=config.name,
                type="cohort.enter" if entered else "cohort.exit",
                dedupe=(message, user_id),
                id=message,
                occurred_at=_computed(body),
                data=cohort | {"user": users[index]},
                exit=not entered,
                **with_address(person_in(users[index]), text(users[index], "user_id")),
            )

        return each(users, user, delivery, config, at="/users")


def _computed(body: dict[str, Any]) -> datetime | None:
    return from_digits(text(body, "computed_time") or "") or instant(body, "computed_time")


def _streamed(body: dict[str, Any], delivery: Delivery, config: SourceConfig) -> Event:
    identifier = first_text(id_at(body, "$insert_id"), id_at(body, "insert_id"), id_at(body, "uuid"))
    return Event(
        source=config.name,
        type=required(body, "event_type"),
        dedupe=(identifier or body_digest(delivery.body),),
        id=identifier,
        occurred_at=instant(body, "event_time"),
        data=body,
        **with_address(person_in(find(body, "user_properties")), text(body, "user_id")),
    )


PROVIDER = Amplitude()
