"""Slack: events, slash commands and interactions.

Source: docs.slack.dev (verifying requests, Events API) and python-slack-sdk. Slack's challenge is signed like any other
delivery and is answered within its 3 seconds. Users are identified by id; few events carry an address.

docs.slack.dev/reference/methods/users.info: GET slack.com/api/users.info?user={id} with a bearer token; the address
needs the scopes `users:read` and `users:read.email`. A refusal is a 200 with `ok: false`. Tier 4: 100 requests a
minute.
"""

from __future__ import annotations

import re
from datetime import timedelta
from functools import partial
from typing import Any

from pydantic import Field, SecretStr

from app.errors import LookupFailed, LookupNotFound
from app.model import Delivery, Event, Response, SourceConfig
from app.sources.base import SignedProvider
from app.sources.fields import body_digest, find, first_text, from_digits, id_at, instant, required, text
from app.sources.forms import content_type, urlencoded
from app.sources.options import TimedOptions, TokenOptions
from app.sources.person_fields import person_at
from app.sources.person_lookup import PersonLookup, PersonProvider, bearer, by_id
from app.sources.signing import Scheme
from app.sources.strict_json import parse_object

ERROR = re.compile(r"[a-z_]{1,60}")
UNKNOWN_USER = frozenset({"user_not_found", "user_not_visible"})
PERSON = {
    "email": "profile.email",
    "first_name": "profile.first_name",
    "last_name": "profile.last_name",
    "name": "profile.real_name",
}


class SlackOptions(TimedOptions, TokenOptions):
    """Keys of a Slack source."""

    api_token: SecretStr | None = Field(
        default=None,
        description="A bot token with users:read and users:read.email: it finds the address of a user's id.",
    )


class Slack(PersonProvider, SignedProvider):
    """`event_id` identifies an event, `trigger_id` a command or an interaction."""

    name = "slack"
    header_prefixes = ("x-slack-",)
    Options = SlackOptions
    hosts = frozenset({"slack.com"})
    lookup_subject = "user"
    thin_types = re.compile(r"(?!team_join$).*")
    person = PersonLookup(
        path=by_id("/api/users.info?user={}", ("event", "user"), ("event", "user", "id"), ("user_id",), ("user", "id")),
        headers=bearer,
        within=("user",),
        read=partial(person_at, **PERSON),
        per_minute=90,
    )
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
        return Response(body=required(body, "challenge").encode(), content_type="text/plain; charset=utf-8")

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

    def enriched(self, event: Event, found: Any) -> Event:
        """Return the event with the user. Raises LookupFailed and LookupNotFound for an answer that is a refusal."""
        if find(found, "ok") is not True:
            error = text(found, "error") or ""
            if error in UNKNOWN_USER:
                raise LookupNotFound("slack.com answered that it shows no such user")
            reason = error if ERROR.fullmatch(error) else "no reason"
            raise LookupFailed(LookupFailed.TOKEN_REFUSED, f"slack.com refused: {reason}")
        return super().enriched(event, found)


def _requested_at(delivery: Delivery) -> Any:
    return from_digits(delivery.headers.get("x-slack-request-timestamp", ""), "s")


PROVIDER = Slack()
