"""HubSpot itself: the webhooks API (arrays of events), and workflows, by "send a webhook" or by Segue's own action.

Source: HubSpot's "validating requests", webhooks and custom action pages and its Node and Python libraries. A request
may carry v2 and v3 signatures at once: where it has a v3 header, only v3 counts. v1 and v2 are plain hashes without a
timestamp: a captured request, from which anyone can take the v3 header away, stays valid. Only `signatures: any` takes
them.
"""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Literal
from urllib.parse import parse_qs, unquote

from pydantic import Field

from app.errors import Unauthenticated, Unreadable
from app.model import Delivery, Event, Secret, SourceConfig
from app.sources.answers import Answer, answers_in
from app.sources.base import Hint, Lookup, SignedProvider, unsent
from app.sources.batches import each, not_too_many
from app.sources.fields import (
    DIGITS,
    body_digest,
    find,
    first_text,
    from_digits,
    id_at,
    instant,
    required,
    storable,
    text,
    window_of,
)
from app.sources.options import StrictOptions, options_of
from app.sources.person_fields import Person, first_of, person_at
from app.sources.signing import Scheme
from app.sources.strict_json import parse

# HubSpot decodes these escapes in the URL before it signs ("validating requests" page); all others stay as sent.
DECODED = re.compile(r"%(?:3A|2F|3F|40|21|24|27|28|29|2A|2C|3B)", re.IGNORECASE)
EXITS = frozenset({"contact.deletion", "contact.privacyDeletion", "object.deletion", "object.privacyDeletion"})
PRIVACY = frozenset({"contact.privacyDeletion", "object.privacyDeletion"})
# Changes that may mean that an enrollment has ended. Whether HubSpot sends them is not certain (its documentation
# excludes other properties from webhooks), so nothing depends on them.
HINTS = frozenset(
    {
        "hs_sequences_is_enrolled",
        "hs_latest_sequence_ended_date",
        "hs_latest_sequence_finished_date",
        "hs_latest_sequence_unenrolled_date",
        "hs_sales_email_last_replied",
    }
)
PROPERTIES = {"email": "email", "first_name": "firstname", "last_name": "lastname", "company": "company"}
CONTACT_TYPE = "0-1"  # the `objectTypeId` of contacts in the generic subscriptions, such as `object.creation`
ACTION = "contact.action"
CONTACT_TYPES = frozenset({"CONTACT", CONTACT_TYPE})
PLAIN_HASHES = {
    "v1": Scheme(header="x-hubspot-signature", template="{secret}{body}", keyed=False),
    "v2": Scheme(header="x-hubspot-signature", template="{secret}{method}{url}{body}", keyed=False),
}


class HubSpotOptions(StrictOptions):
    """Keys of a HubSpot source."""

    signatures: Literal["any", "v3-only"] = Field(
        default="v3-only",
        description="`any` also takes requests that carry only the older v1 or v2 signature, which has no timestamp.",
    )


class HubSpot(SignedProvider):
    """The secret is the app's client secret. Webhook events carry no address; a workflow's request does."""

    name = "hubspot"
    header_prefixes = ("x-hubspot-",)
    retry_after_unit = 1000  # a workflow reads Retry-After as milliseconds ("error handling" page)
    Options = HubSpotOptions
    scheme = Scheme(
        header="x-hubspot-signature-v3",
        template="{method}{url}{body}{timestamp}",
        encoding="base64",
        timestamp_header="x-hubspot-request-timestamp",
        timestamp_unit="ms",
        tolerance=timedelta(minutes=5),
    )

    def verify(self, delivery: Delivery, config: SourceConfig, now: datetime) -> Secret | None:
        """Raise Unauthenticated unless the strongest signature that was sent is by one of the secrets."""
        if self.scheme.header in delivery.headers or "x-hubspot-signature" not in delivery.headers:
            return self.scheme.verify(_as_signed(delivery), config.secrets, now)
        if options_of(config, HubSpotOptions).signatures == "v3-only":
            detail = "no v3 signature was sent: where HubSpot sends none, write `signatures: any` at the source"
            raise Unauthenticated("missing_signature", detail)
        scheme = PLAIN_HASHES.get(delivery.headers.get("x-hubspot-signature-version", "").strip().lower())
        if scheme is None:
            raise Unauthenticated("malformed_signature", "x-hubspot-signature-version is neither v1 nor v2")
        return scheme.verify(delivery, config.secrets, now)

    def sign(self, body: bytes, config: SourceConfig, now: datetime, *, method: str, url: str) -> dict[str, str]:
        """Return a v3 signature."""
        return self.scheme.sign(_as_signed(unsent(body, config, now, method, url)), config.secrets, now)

    def events(self, delivery: Delivery, config: SourceConfig) -> list[Event]:
        """Return each event of an array, or the one event `contact.workflow` or `contact.action` of a workflow."""
        body = parse(delivery.body)
        if isinstance(body, list):
            return each(not_too_many(body), lambda index: _change(body, index, config), delivery, config)
        if isinstance(body, dict):
            by_action = "callbackId" in body and isinstance(body.get("object"), dict)
            return [_action(body, delivery, config) if by_action else _workflow(body, delivery, config)]
        raise Unreadable("malformed_body", "the body is neither an array of events nor a workflow's object")

    def lookup(self, event: Event, config: SourceConfig) -> Lookup | None:
        """Return the lookup of the event's contact, in the account that the event names."""
        if event.type == ACTION:
            contact, portal = _number(event.data, "object", "objectId"), _number(event.data, "origin", "portalId")
            is_contact = str(find(event.data, "object", "objectType")).upper() in CONTACT_TYPES
        else:
            contact, portal = _number(event.data, "objectId"), _number(event.data, "portalId")
            is_contact = _about_contact(event.data) and find(event.data, "subscriptionType") not in EXITS
        return Lookup("", contact, {}, portal) if is_contact and contact else None

    def hints(self, events: list[Event]) -> frozenset[Hint]:
        """Return the contacts with a changed property of sequences or replies, and the deleted ones."""
        changes = (event.data for event in events if _hints(event.data))
        hints = (Hint(_number(change, "portalId"), _number(change, "objectId")) for change in changes)
        return frozenset(hint for hint in hints if hint.contact)

    def privacy_deletions(self, events: list[Event]) -> frozenset[Hint]:
        """Return the contacts of `contact.privacyDeletion`, which names an id and nothing else."""
        erased = (one.data for one in events if one.type in PRIVACY and _about_contact(one.data))
        hints = (Hint(_number(change, "portalId"), _number(change, "objectId")) for change in erased)
        return frozenset(hint for hint in hints if hint.contact and hint.portal)

    def enriched(self, event: Event, found: Any) -> Event:
        """Return the event with the contact's properties, under `event.data.contact` too."""
        return replace(
            event,
            email=first_text(text(found, "email"), event.email),
            first_name=text(found, "firstname"),
            last_name=text(found, "lastname"),
            company=text(found, "company"),
            data={**event.data, "contact": found},
            answers=answers_in(found),
            contact=event.contact or _contact_in(event.data),
        )


def _number(data: Any, *path: str) -> str:
    """Return an id of HubSpot's, empty where there is none, or where the value is not a number."""
    id_ = id_at(data, *path)
    return id_ if id_ and DIGITS.fullmatch(id_) else ""


def _about_contact(change: Any) -> bool:
    """Return whether a change is of a contact: by the older subscriptions' name, or by the object's type."""
    kind = str(find(change, "subscriptionType") or "")
    return kind.startswith("contact.") or (kind.startswith("object.") and text(change, "objectTypeId") == CONTACT_TYPE)


def _hints(change: Any) -> bool:
    """Return whether a change may be the end of an enrollment, or a reply; the beginning of one is neither."""
    begins = find(change, "propertyName") == "hs_sequences_is_enrolled" and find(change, "propertyValue") == "true"
    hinted = find(change, "subscriptionType") in EXITS or find(change, "propertyName") in HINTS
    return _about_contact(change) and hinted and not begins


def _as_signed(delivery: Delivery) -> Delivery:
    if "%" not in delivery.url:
        return delivery
    return replace(delivery, url=DECODED.sub(lambda escape: unquote(escape[0]), delivery.url))


def _change(body: list[Any], index: int, config: SourceConfig) -> Event:
    """Return one event of the webhooks API; `attemptNumber` grows on retries, so it does not identify the event."""
    if not isinstance(body[index], dict):
        raise Unreadable("malformed_body", f"/{index} is not a JSON object")
    event_id = required(body, index, "eventId")
    kind = required(body, index, "subscriptionType")
    event = Event(
        source=config.name,
        type=kind,
        dedupe=(
            id_at(body, index, "portalId") or "",
            id_at(body, index, "subscriptionId") or "",
            event_id,
            id_at(body, index, "objectId") or "",
            id_at(body, index, "occurredAt") or "",
            kind,
            id_at(body, index, "propertyName") or "",
        ),
        id=event_id,
        occurred_at=instant(body, index, "occurredAt"),
        email=text(body, index, "propertyValue") if find(body, index, "propertyName") == "email" else None,
        data=body[index],
        exit=(kind in EXITS and _about_contact(body[index])) or _opted_out(body[index]),
        contact=_contact(id_at(body, index, "portalId"), id_at(body, index, "objectId"))
        if _about_contact(body[index])
        else None,
    )
    return replace(event, thin=event.email is None and PROVIDER.lookup(event, config) is not None)


def _contact_in(data: Any) -> str | None:
    """Return the contact of a stored event: a change of a contact, or an action of a workflow."""
    portal = first_text(id_at(data, "portalId"), id_at(data, "origin", "portalId"))
    return _contact(portal, first_text(id_at(data, "objectId"), id_at(data, "object", "objectId")))


def _contact(portal: str | None, contact: str | None) -> str | None:
    """Return the contact as `portal:id`, None where either is missing."""
    return f"{portal}:{contact}" if portal and contact else None


def _opted_out(change: dict[str, Any]) -> bool:
    return find(change, "propertyName") == "hs_email_optout" and find(change, "propertyValue") in ("true", True)


def _workflow(body: dict[str, Any], delivery: Delivery, config: SourceConfig) -> Event:
    """Return a workflow's contact. Nothing in the request names the run: the whole body and its time identify it.

    A customised body has the chosen properties at its top level, without `value`.
    """
    return Event(
        source=config.name,
        type="contact.workflow",
        dedupe=(
            first_text(id_at(body, "portal-id"), id_at(body, "portalId")) or "",
            first_text(id_at(body, "vid"), id_at(body, "objectId"), id_at(body, "hs_object_id")) or "",
            _flow(delivery.url),
            body_digest(delivery.body),
            _run(delivery),
        ),
        occurred_at=_sent_at(delivery),
        data=body,
        answers=_answers(body),
        contact=_contact(
            first_text(id_at(body, "portal-id"), id_at(body, "portalId")),
            first_text(id_at(body, "vid"), id_at(body, "objectId"), id_at(body, "hs_object_id")),
        ),
        **_person(body),
    )


def _action(body: dict[str, Any], delivery: Delivery, config: SourceConfig) -> Event:
    """Return the contact for which a workflow executed Segue's own action; `callbackId` names that execution.

    The request holds the contact's properties where the action's definition asks for them.
    """
    callback = required(body, "callbackId")
    event = Event(
        source=config.name,
        type=ACTION,
        dedupe=(id_at(body, "origin", "portalId") or "", callback),
        id=callback,
        occurred_at=_sent_at(delivery),
        data=body,
        answers=_answers(body["object"]),
        contact=_contact(id_at(body, "origin", "portalId"), id_at(body, "object", "objectId")),
        **_person(body["object"]),
    )
    return replace(event, thin=event.email is None and PROVIDER.lookup(event, config) is not None)


def _person(contact: dict[str, Any]) -> Person:
    """Return the person from a contact's properties: objects with a `value`, texts, or keys at the top level."""
    properties = find(contact, "properties")
    valued = {field: f"{name}.value" for field, name in PROPERTIES.items()}
    places = ((properties, valued), (properties, PROPERTIES), (contact, PROPERTIES))
    return first_of(*[person_at(value, **paths) for value, paths in places])


def _answers(contact: dict[str, Any]) -> dict[str, Answer]:
    """Return a contact's properties by their names: HubSpot's forms write their answers into them."""
    properties = find(contact, "properties")
    sent = properties if isinstance(properties, dict) else contact
    return answers_in(
        {name: find(value, "value") if isinstance(value, dict) else value for name, value in sent.items()}
    )


def _sent_at(delivery: Delivery) -> datetime | None:
    return from_digits(delivery.headers.get("x-hubspot-request-timestamp", ""), "ms")


def _run(delivery: Delivery) -> str:
    """Return what distinguishes two runs of a workflow that post the same body: the signed time, else the day.

    HubSpot repeats a failed request for up to 24 hours, and must date a v3 signature anew (it is valid for 5 minutes),
    so a repetition after a lost answer is an event of its own; the intent of the rule's `dedupe` keeps the person from
    being enrolled twice. v1 and v2 sign no time.
    """
    if PROVIDER.scheme.header in delivery.headers:
        return storable(delivery.headers.get("x-hubspot-request-timestamp", ""))
    return window_of(delivery.received_at, timedelta(days=1))


def _flow(url: str) -> str:
    """Return the `flow` parameter, which distinguishes workflows, else the whole query, which may do so too."""
    query = url.partition("?")[2]
    return storable(parse_qs(query).get("flow", [query])[0])


PROVIDER = HubSpot()
