"""Slack: events, slash commands and interactions.

Source: docs.slack.dev (verifying requests, Events API) and python-slack-sdk. Slack's challenge is signed like any other
delivery and is answered within its 3 seconds. Users are identified by id; few events carry an address.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from app.model import Delivery, Event, Response, SourceConfig
from app.sources.base import SignedProvider
from app.sources.fields import body_digest, find, first_text, from_digits, id_at, instant, required, text
from app.sources.forms import content_type, urlencoded
from app.sources.options import TimedOptions
from app.sources.person_fields import person_at
from app.sources.signing import Scheme
from app.sources.strict_json import parse_object


class Slack(SignedProvider):
    """`event_id` identifies an event, `trigger_id` a command or an interaction."""

    name = "slack"
    Options = TimedOptions
    scheme = Scheme(
        header="x-slack-signature",
        prefix="v0=",
        template="v0:{timestamp}:{body}",
        timestamp_header="x-slack-request-timestamp",
        tolerance=timedelta(minutes=5),
    )

    def handshake(self, delivery: Delivery, config: SourceConfig) -> Response | None:
        """Echo the challenge of `url_verification`."""
        if b"url_verification" not in delivery.body or content_type(delivery) != "application/json":
            return None
        body = parse_object(delivery.body)
        if find(body, "type") != "url_verification":
            return None
        return Response(body=required(body, "challenge").encode(), content_type="text/plain")

    def parsed(self, delivery: Delivery) -> dict[str, Any]:
        """Return the JSON of an event, the fields of a command, or the JSON in an interaction's field."""
        if content_type(delivery) != "application/x-www-form-urlencoded":
            return parse_object(delivery.body)
        fields = urlencoded(delivery.body)
        payload = text(fields, "payload")
        return parse_object(payload) if payload else fields

    def event(self, body: dict[str, Any], delivery: Delivery, config: SourceConfig) -> Event:
        """Return the one event: its inner type, the command with its slash, or the interaction's type."""
        command = text(body, "command")
        identifier = first_text(id_at(body, "event_id"), id_at(body, "trigger_id"))
        profile = find(body, "event", "user", "profile")
        return Event(
            source=config.name,
            type=command or text(body, "event", "type") or required(body, "type"),
            dedupe=(identifier or body_digest(delivery.body),),
            id=identifier,
            occurred_at=instant(body, "event_time") or _requested_at(delivery),
            data=body,
            **person_at(profile, "email", "first_name", "last_name", name="real_name"),
        )


def _requested_at(delivery: Delivery) -> Any:
    return from_digits(delivery.headers.get("x-slack-request-timestamp", ""), "s")


PROVIDER = Slack()
