"""Zoom: webinar and meeting registrations and attendance.

Source: developers.zoom.us/docs/api/webhooks and Zoom's webhook-sample and rivet-javascript repositories. Zoom documents
no tolerance for the timestamp: the default is 5 minutes both ways, and `tolerance` changes it. The URL challenge is
signed like any event, is repeated every 72 hours and must be answered within 3 seconds.
"""

from __future__ import annotations

import hmac
import json
from datetime import timedelta
from typing import Any

from app.model import Delivery, Event, Response, SourceConfig
from app.sources.answers import Answer, answers_in, by_question
from app.sources.base import SignedProvider
from app.sources.fields import body_digest, find, first_text, id_at, instant, list_at, required, text
from app.sources.options import TimedOptions
from app.sources.person_fields import person_at
from app.sources.signing import Scheme, octets
from app.sources.strict_json import parse_object

EXITS = frozenset({"webinar.registration_cancelled", "meeting.registration_cancelled"})
PERSON_IDS = ("id", "registrant_id", "participant_uuid", "participant_user_id", "user_id", "email")


class Zoom(SignedProvider):
    """Zoom sends no event id: event, time, account, object and person together identify it."""

    name = "zoom"
    Options = TimedOptions
    scheme = Scheme(
        header="x-zm-signature",
        prefix="v0=",
        template="v0:{timestamp}:{body}",
        timestamp_header="x-zm-request-timestamp",
        tolerance=timedelta(minutes=5),
    )

    def handshake(self, delivery: Delivery, config: SourceConfig) -> Response | None:
        """Answer `endpoint.url_validation` with the token hashed by the secret that signed the challenge."""
        if b"endpoint.url_validation" not in delivery.body:
            return None
        body = parse_object(delivery.body)
        if find(body, "event") != "endpoint.url_validation":
            return None
        token = required(body, "payload", "plainToken")
        signer = self.authentication(config).verify(delivery, config.secrets, delivery.received_at)
        answer = hmac.digest(octets(signer.value), token.encode(), "sha256").hex()
        return Response(body=json.dumps({"plainToken": token, "encryptedToken": answer}).encode())

    def event(self, body: dict[str, Any], delivery: Delivery, config: SourceConfig) -> Event:
        """Return the one event; an empty address (a participant without a registration) reads as None."""
        subject = find(body, "payload", "object")
        person = find(subject, "registrant") or find(subject, "participant")
        return Event(
            source=config.name,
            type=required(body, "event"),
            dedupe=_dedupe_key(body, subject, person, delivery.body),
            occurred_at=instant(body, "event_ts"),
            data=body,
            exit=required(body, "event") in EXITS,
            answers=_answers(find(subject, "registrant")),
            **person_at(person, "email", "first_name", "last_name", name="user_name", company="org"),
        )


def _answers(registrant: Any) -> dict[str, Answer]:
    """Return what was asked at registration: custom questions by their titles, Zoom's own by the field's name."""
    rows = list_at(registrant, "custom_questions")
    return answers_in(registrant) | by_question((text(row, "title"), None, find(row, "value")) for row in rows)


def _dedupe_key(body: dict[str, Any], subject: Any, person: Any, raw: bytes) -> tuple[str, ...]:
    """Return the tuple that identifies an event; one without a time (deauthorisation) has the digest of its body."""
    return (
        required(body, "event"),
        id_at(body, "event_ts") or body_digest(raw),
        id_at(body, "payload", "account_id") or "",
        first_text(id_at(subject, "uuid"), id_at(subject, "id")) or "",
        first_text(*[id_at(person, key) for key in PERSON_IDS]) or "",
    )


PROVIDER = Zoom()
