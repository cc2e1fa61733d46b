"""Webflow: form submissions.

Source: developers.webflow.com/data/docs/working-with-webhooks and Webflow's js-webflow-api. The timestamp is in
milliseconds. Webhooks created in Webflow's dashboard carry no signature: create them with the API, whose response
contains their secret key.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from app.model import Event
from app.sources.base import SignedProvider, TimedOptions
from app.sources.fields import body_digest, find, id_at, instant, parse_object, required
from app.sources.form_labels import by_meaning
from app.sources.signing import Scheme

if TYPE_CHECKING:
    from pydantic import BaseModel

    from app.model import Delivery, SourceConfig


class Webflow(SignedProvider):
    """A submission's id identifies the event; of a trigger without an id, the whole body does."""

    name = "webflow"
    Options: type[BaseModel] = TimedOptions
    scheme = Scheme(
        header="x-webflow-signature",
        template="{timestamp}:{body}",
        timestamp_header="x-webflow-timestamp",
        timestamp_unit="ms",
        tolerance=timedelta(minutes=5),
    )

    def events(self, delivery: Delivery, config: SourceConfig) -> list[Event]:
        """Return the one event; the person is found by the names of the form's fields, which the site chose.

        Beside the payload, `data` holds each field of the form by its name; the payload's own keys win.
        """
        body = parse_object(delivery.body)
        found = find(body, "payload", "data")
        form: dict[str, Any] = found if isinstance(found, dict) else {}
        person = by_meaning([(name, value) for name, value in form.items() if isinstance(value, str)])
        submission = id_at(body, "payload", "id")
        return [
            Event(
                source=config.name,
                type=required(body, "triggerType"),
                dedupe=(submission or body_digest(delivery.body),),
                id=submission,
                occurred_at=instant(body, "payload", "submittedAt"),
                email=person.get("email"),
                first_name=person.get("first_name"),
                last_name=person.get("last_name"),
                name=person.get("name"),
                company=person.get("company"),
                data=form | body,
                answers={name: value for name, value in form.items() if isinstance(value, str)},
            ),
        ]


PROVIDER = Webflow()
