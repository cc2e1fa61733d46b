"""Mixpanel: people that entered or left a cohort.

Source: mixpanel/docs (cohort-sync/webhooks). A call holds up to 1,000 members; resyncs repeat them. The response must
name the action and its status; 400, 401, 403 and 404 pause the sync.
"""

from __future__ import annotations

import json
from typing import Any

from app.errors import DeliveryRejected, Unreadable
from app.model import Delivery, Event, Response, SourceConfig
from app.sources.base import CredentialProvider
from app.sources.batches import each, rows
from app.sources.credentials import Credential
from app.sources.fields import find, id_at, required
from app.sources.person_fields import person_at
from app.sources.strict_json import parse_object


class Mixpanel(CredentialProvider):
    """Cohort, member, action and session identify a member's event; no time is sent."""

    name = "mixpanel"
    credential = Credential("basic")

    def events(self, delivery: Delivery, config: SourceConfig) -> list[Event]:
        """Return an event for each member: `add_members`, `remove_members`, or `members` for a whole cohort."""
        body = parse_object(delivery.body)
        action = required(body, "action")
        members = rows(find(body, "parameters", "members"), "/parameters/members")
        cohort = {key: value for key, value in (find(body, "parameters") or {}).items() if key != "members"}

        def member(index: int) -> Event:
            person = members[index]
            return Event(
                source=config.name,
                type=action,
                dedupe=(
                    required(cohort, "mixpanel_cohort_id"),
                    required(person, "mixpanel_distinct_id"),
                    action,
                    id_at(cohort, "mixpanel_session_id") or "",
                ),
                data=body | {"parameters": cohort, "member": person},
                exit=action == "remove_members",
                **person_at(person, "email", "first_name", "last_name"),
            )

        return each(members, member, delivery, config, at="/parameters/members")

    def answer(self, delivery: Delivery, refusal: DeliveryRejected | None) -> Response | None:
        """Return `{action, status}`, with an error where the delivery is refused."""
        body: dict[str, Any] = {"action": _action(delivery.body), "status": "failure" if refusal else "success"}
        if refusal is not None:
            body["error"] = {"message": "the delivery was not taken", "code": refusal.status}
        return Response(refusal.status if refusal else 200, json.dumps(body).encode())


def _action(body: bytes) -> str | None:
    try:
        return id_at(parse_object(body), "action")
    except Unreadable:
        return None


PROVIDER = Mixpanel()
