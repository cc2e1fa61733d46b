"""Slack: events, slash commands and interactions.

Source: docs.slack.dev (verifying requests, Events API) and python-slack-sdk. Slack's challenge is signed like any other
delivery and is answered within its 3 seconds. Users are identified by id; few events carry an address.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from app.model import Event, Response
from app.sources.base import SignedProvider, TimedOptions
from app.sources.fields import (
    body_digest,
    find,
    first_text,
    from_digits,
    id_at,
    instant,
    parse_object,
    required,
    text,
)
from app.sources.forms import content_type, urlencoded
from app.sources.signing import Scheme

if TYPE_CHECKING:
    from pydantic import BaseModel

    from app.model import Delivery, SourceConfig


class Slack(SignedProvider):
    """`event_id` identifies an event, `trigger_id` a command or an interaction."""

    name = "slack"
    Options: type[BaseModel] = TimedOptions
    scheme = Scheme(
        header="x-slack-signature",
        prefix="v0=",
        template="v0:{timestamp}:{body}",
        timestamp_header="x-slack-request-timestamp",
        tolerance=timedelta(minutes=5),
    )

    def handshake(self, delivery: Delivery, config: SourceConfig) -> Response | None:  # noqa: ARG002  # the protocol's
        """Echo the challenge of `url_verification`."""
        if b"url_verification" not in delivery.body or content_type(delivery) != "application/json":
            return None
        body = parse_object(delivery.body)
        if find(body, "type") != "url_verification":
            return None
        return Response(body=required(body, "challenge").encode(), content_type="text/plain")

    def events(self, delivery: Delivery, config: SourceConfig) -> list[Event]:
        """Return the one event: its inner type, the command with its slash, or the interaction's type."""
        body = _body(delivery)
        command = text(body, "command")
        identifier = first_text(id_at(body, "event_id"), id_at(body, "trigger_id"))
        profile = find(body, "event", "user", "profile")
        return [
            Event(
                source=config.name,
                type=command or text(body, "event", "type") or required(body, "type"),
                dedupe=(identifier or body_digest(delivery.body),),
                id=identifier,
                occurred_at=instant(body, "event_time") or _requested_at(delivery),
                email=text(profile, "email"),
                first_name=text(profile, "first_name"),
                last_name=text(profile, "last_name"),
                name=text(profile, "real_name"),
                data=body,
            ),
        ]


def _body(delivery: Delivery) -> dict[str, Any]:
    """Return the JSON of an event, the fields of a command, or the JSON in an interaction's field."""
    if content_type(delivery) != "application/x-www-form-urlencoded":
        return parse_object(delivery.body)
    fields = urlencoded(delivery.body)
    payload = text(fields, "payload")
    return parse_object(payload) if payload else fields


def _requested_at(delivery: Delivery) -> Any:
    return from_digits(delivery.headers.get("x-slack-request-timestamp", ""), "s")


PROVIDER = Slack()
