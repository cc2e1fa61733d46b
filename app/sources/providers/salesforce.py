"""Salesforce: outbound messages of workflow rules and flows. SOAP in, SOAP acknowledgement out.

Source: developer.salesforce.com (outbound messaging: notifications, WSDL). Nothing is signed: the secret is the last
part of the endpoint's URL, and `organization_ids` lists the organizations whose messages are accepted. A message may
carry a SessionId, which gives access to Salesforce: it is removed before a delivery is stored. defusedxml reads the
message without DTDs or entities.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring
from pydantic import Field

from app.errors import DeliveryRejected, Unauthenticated, Unreadable
from app.model import Delivery, Event, Response, Secret, SourceConfig
from app.sources.base import CredentialProvider
from app.sources.batches import each, not_too_many
from app.sources.credentials import Credential
from app.sources.fields import instant, required, storable
from app.sources.options import StrictOptions, options_of
from app.sources.person_fields import person_at

if TYPE_CHECKING:
    from datetime import datetime

OUTBOUND = "{http://soap.sforce.com/2005/09/outbound}"
TYPE = "{http://www.w3.org/2001/XMLSchema-instance}type"
SESSION = re.compile(
    rb"(<(?:[A-Za-z0-9_.-]{1,50}:)?SessionId(?:\s[^<>]*)?(?<!/)>).*?(?=</(?:[A-Za-z0-9_.-]{1,50}:)?SessionId|\Z)",
    re.DOTALL,
)
SAMPLE_ORGANIZATION = re.compile(r"(<OrganizationId>)[^<]*")
MOST_FIELDS = 1000
ACKNOWLEDGED = (
    b'<?xml version="1.0" encoding="UTF-8"?>'
    b'<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"><soapenv:Body>'
    b'<notificationsResponse xmlns="http://soap.sforce.com/2005/09/outbound"><Ack>true</Ack></notificationsResponse>'
    b"</soapenv:Body></soapenv:Envelope>"
)


class SalesforceOptions(StrictOptions):
    """Keys of a Salesforce source."""

    organization_ids: list[str] = Field(
        default=[], description="Whose messages are taken: 18-character organization ids; anybody's when empty."
    )


class Salesforce(CredentialProvider):
    """Each notification's `Id` identifies an event; a retry carries the record as it is by then."""

    name = "salesforce"
    Options = SalesforceOptions
    credential = Credential("url")

    def verify(self, delivery: Delivery, config: SourceConfig, now: datetime) -> Secret | None:
        """Raise Unauthenticated unless the secret is right and the organization is accepted."""
        secret = super().verify(delivery, config, now)
        allowed = options_of(config, SalesforceOptions).organization_ids
        # An unreadable message has no organization; `events` reports it.
        if allowed and _organization(delivery.body) not in {None, *allowed}:
            raise Unauthenticated("auth_mismatch", "the message's OrganizationId is none of `organization_ids`")
        return secret

    def stored(self, delivery: Delivery, config: SourceConfig) -> Delivery:
        """Return the delivery without the secret and the session."""
        kept = super().stored(delivery, config)
        return replace(kept, body=SESSION.sub(rb"\1", kept.body))

    def events(self, delivery: Delivery, config: SourceConfig) -> list[Event]:
        """Return an event for each notification; its type is the object's, its data the fields chosen in Salesforce."""
        notifications = _message(delivery.body)
        organization = (notifications.findtext(f"{OUTBOUND}OrganizationId") or "").strip()
        found = not_too_many(notifications.findall(f"{OUTBOUND}Notification"))

        def notification(index: int) -> Event:
            data = {"organization_id": organization, **_notification(found[index])}
            record = data["object"]
            return Event(
                source=config.name,
                type=required(data, "type"),
                dedupe=(required(data, "id"),),
                id=required(data, "id"),
                occurred_at=instant(record, "LastModifiedDate"),
                data=data,
                answers=record,
                **person_at(
                    record, email="Email", first_name="FirstName", last_name="LastName", name="Name", company="Company"
                ),
            )

        return each(found, notification, delivery, config, at="Notification")

    def fit_sample(self, sample: str, config: SourceConfig) -> str:
        """Return the sample as a message of the first accepted organization."""
        allowed = options_of(config, SalesforceOptions).organization_ids
        return SAMPLE_ORGANIZATION.sub(rf"\g<1>{allowed[0]}", sample) if allowed else sample

    def answer(self, delivery: Delivery, refusal: DeliveryRejected | None) -> Response | None:
        """Acknowledge an accepted delivery; Salesforce retries any other for a day."""
        return None if refusal else Response(body=ACKNOWLEDGED, content_type="text/xml; charset=UTF-8")


def _message(body: bytes) -> Element:
    """Return the `notifications` element. Raises Unreadable for anything but an outbound message in safe XML."""
    try:
        root: Element = fromstring(body, forbid_dtd=True)
    except DefusedXmlException as error:
        raise Unreadable("unsafe_xml", "the XML declares a DTD or entities, which Salesforce never does") from error
    except (ParseError, ValueError, LookupError) as error:  # LookupError: an encoding that does not exist
        raise Unreadable("malformed_body", f"the body is not XML: {error}") from error
    found = root.find(f"{{http://schemas.xmlsoap.org/soap/envelope/}}Body/{OUTBOUND}notifications")
    if found is None:
        raise Unreadable("malformed_body", "the body holds no outbound message")
    return found


def _organization(body: bytes) -> str | None:
    try:
        return (_message(body).findtext(f"{OUTBOUND}OrganizationId") or "").strip()
    except Unreadable:
        return None


def _notification(element: Element) -> dict[str, Any]:
    record = element.find(f"{OUTBOUND}sObject")
    if record is None:
        raise Unreadable("missing_field", "there is no sObject")
    fields = {_local(child.tag): storable("".join(child.itertext())) for child in list(record)[:MOST_FIELDS]}
    kind = record.get(TYPE, "").rpartition(":")[2]
    return {"id": storable((element.findtext(f"{OUTBOUND}Id") or "").strip()), "type": storable(kind), "object": fields}


def _local(tag: str) -> str:
    return storable(tag.rpartition("}")[2])


PROVIDER = Salesforce()
