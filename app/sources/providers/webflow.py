"""Webflow: form submissions.

Source: developers.webflow.com/data/docs/working-with-webhooks and Webflow's js-webflow-api. The timestamp is in
milliseconds. Webhooks created in Webflow's dashboard carry no signature: create them with the API, whose response
contains their secret key.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from app.model import Delivery, Event, SourceConfig
from app.sources.answers import answers_in
from app.sources.base import SignedProvider
from app.sources.fields import body_digest, find, id_at, instant, required
from app.sources.options import TimedOptions
from app.sources.person_fields import person_by_label
from app.sources.signing import Scheme


class Webflow(SignedProvider):
    """A submission's id identifies the event; of any other trigger the whole body does, for its id is an object's."""

    name = "webflow"
    Options = TimedOptions
    scheme = Scheme(
        header="x-webflow-signature",
        template="{timestamp}:{body}",
        timestamp_header="x-webflow-timestamp",
        timestamp_unit="ms",
        tolerance=timedelta(minutes=5),
    )

    def event(self, body: dict[str, Any], delivery: Delivery, config: SourceConfig) -> Event:
        """Return the one event; the person is found by the names of the form's fields, which the site chose.

        Beside the payload, `data` holds each field of the form by its name; the payload's own keys win.
        """
        found = find(body, "payload", "data")
        form: dict[str, Any] = found if isinstance(found, dict) else {}
        answers = answers_in(form)
        kind, submission = required(body, "triggerType"), id_at(body, "payload", "id")
        digest = body_digest(delivery.body)
        return Event(
            source=config.name,
            type=kind,
            dedupe=(submission,) if submission and kind == "form_submission" else (submission or digest, digest),
            id=submission,
            occurred_at=instant(body, "payload", "submittedAt"),
            data=form | body,
            answers=answers,
            **person_by_label(answers.items()),
        )


PROVIDER = Webflow()
