"""What makes two deliveries the same event, and what makes them two."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import pytest

from app.errors import Unauthenticated, Unreadable
from app.model import Delivery, Event, Secret, SourceConfig
from app.sources import PROVIDERS
from app.sources.fields import body_digest

NOW = datetime(2026, 11, 3, 12, 10, tzinfo=UTC)
LATER = timedelta(hours=3)
URL = "https://segue.example/webhooks/x"
FORM = {"content-type": "application/x-www-form-urlencoded"}
REDACT = {"shop_id": 1, "shop_domain": "a.example", "customer": {"email": "a@corp.example"}, "orders_to_redact": []}
TOPIC = {"x-shopify-topic": "orders/create", "x-shopify-event-id": "e1", "x-shopify-webhook-id": "w1"}


def delivery(body: Any, **headers: str) -> Delivery:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Delivery("d", "x", NOW, "POST", URL, named, raw)


def later(sent: Delivery) -> Delivery:
    return replace(sent, received_at=NOW + LATER)


def event(provider: str, sent: Delivery) -> Event:
    config = SourceConfig("x", provider, (Secret("c2VjcmV0"),), PROVIDERS[provider].Options())
    return PROVIDERS[provider].events(sent, config)[0]


def shopify(**changed: str) -> Delivery:
    return delivery(
        {"email": "a@corp.example"}, **TOPIC | {f"x-shopify-{k.replace('_', '-')}": v for k, v in changed.items()}
    )


def github(name: str, identifier: str, **changed: str) -> Delivery:
    body = {"action": "created", "starred_at": "2026-11-03T12:00:00Z", "sender": {"login": "ada"}} | changed
    return delivery(body, x_github_event=name, x_github_delivery=identifier)


def hubspot_change(**changed: Any) -> Delivery:
    change = {"eventId": 1, "subscriptionType": "contact.propertyChange", "portalId": 1, "objectId": 1, "occurredAt": 1}
    return delivery([change | changed])


def workflow(at: str) -> Delivery:
    return delivery({"vid": 1}, **{"x-hubspot-signature-v3": "s", "x-hubspot-request-timestamp": at})


def jotform(answers: dict[str, str], boundary: str) -> Delivery:
    fields = {"submissionID": "1", "rawRequest": json.dumps(answers)}
    parts = [f'--{boundary}\r\nContent-Disposition: form-data; name="{k}"\r\n\r\n{v}\r\n' for k, v in fields.items()]
    body = f"{''.join(parts)}--{boundary}--\r\n".encode()
    return delivery(body, **{"content-type": f"multipart/form-data; boundary={boundary}"})


def webflow(kind: str, **payload: Any) -> Delivery:
    return delivery({"triggerType": kind, "payload": {"id": "1"} | payload})


def eventbrite(action: str) -> Delivery:
    return delivery({"api_url": "https://www.eventbriteapi.com/v3/orders/1/", "config": {"action": action}})


ENTRY = delivery(urlencode({"form_id": "1", "id": "2", "1": "a"}).encode(), **FORM)
CHANGED_ENTRY = delivery(urlencode({"form_id": "1", "id": "2", "1": "b"}).encode(), **FORM)
V2 = delivery({"vid": 1}, **{"x-hubspot-signature": "s", "x-hubspot-request-timestamp": "1"})
QUERY = replace(delivery(b""), method="GET", url=f"{URL}?email=a@corp.example")


@pytest.mark.parametrize(
    ("provider", "first", "second"),
    [
        ("shopify", shopify(), shopify(topic="orders/paid", webhook_id="w2")),
        ("github", github("star", "1"), github("star", "1", starred_at="2026-11-03T12:00:01Z")),
        ("hubspot", workflow("1"), workflow("2")),
        ("hubspot", V2, replace(V2, received_at=NOW + timedelta(days=1))),
        ("hubspot", hubspot_change(propertyName="email"), hubspot_change(propertyName="phone")),
        ("hubspot", hubspot_change(), hubspot_change(subscriptionType="contact.creation")),
        ("gravity-forms", ENTRY, CHANGED_ENTRY),
        ("jotform", jotform({"q1_name": "a"}, "x"), jotform({"q1_name": "b"}, "x")),
        ("webflow", webflow("ecomm_order_changed", status="a"), webflow("ecomm_order_changed", status="b")),
        ("webflow", webflow("collection_item_created"), webflow("collection_item_changed")),
        ("eventbrite", eventbrite("order.updated"), later(eventbrite("order.updated"))),
        ("rudderstack", QUERY, later(QUERY)),
    ],
)
def test_another_event_is_not_a_duplicate(provider: str, first: Delivery, second: Delivery) -> None:
    assert event(provider, first).dedupe != event(provider, second).dedupe


@pytest.mark.parametrize(
    ("provider", "first", "again"),
    [
        ("shopify", shopify(), later(shopify())),
        ("shopify", shopify(), shopify(webhook_id="w9")),
        ("shopify", shopify(), shopify(event_id="e9")),
        ("github", github("star", "1"), github("star", "2")),
        ("github", github("star", "1"), github("watch", "1")),
        ("hubspot", workflow("1"), workflow("1")),
        ("hubspot", V2, later(V2)),
        ("hubspot", hubspot_change(attemptNumber=0), hubspot_change(attemptNumber=3)),
        ("gravity-forms", ENTRY, later(ENTRY)),
        ("jotform", jotform({"q1_name": "a"}, "x"), jotform({"q1_name": "a"}, "y")),
        ("webflow", webflow("form_submission"), later(webflow("form_submission"))),
        ("eventbrite", eventbrite("order.placed"), later(eventbrite("order.placed"))),
        ("eventbrite", eventbrite("order.updated"), eventbrite("order.updated")),
    ],
)
def test_a_repetition_is_a_duplicate(provider: str, first: Delivery, again: Delivery) -> None:
    assert event(provider, first).dedupe == event(provider, again).dedupe


@pytest.mark.parametrize("prefix", ["x-shopify-", "shopify-"])
def test_shopifys_headers_are_read_with_and_without_their_x(prefix: str) -> None:
    body, secret = b'{"email":"a@corp.example"}', Secret("s")
    config = SourceConfig("x", "shopify", (secret,))
    signature = PROVIDERS["shopify"].sign(body, config, NOW, method="POST", url=URL)["x-shopify-hmac-sha256"]
    named = {"topic": "orders/paid", "event-id": "e1", "hmac-sha256": signature, "triggered-at": "2026-11-03T12:00:00Z"}
    sent = delivery(body, **{prefix + name: value for name, value in named.items()})
    assert PROVIDERS["shopify"].verify(sent, config, NOW) == secret
    found = event("shopify", sent)
    assert (found.type, found.id, found.dedupe) == ("orders/paid", "e1", (body_digest(body), "orders/paid"))
    assert found.occurred_at == datetime(2026, 11, 3, 12, tzinfo=UTC)


def test_a_request_to_redact_is_believed_by_its_signed_body_alone() -> None:
    assert event("shopify", delivery(REDACT, x_shopify_topic="customers/redact")).exit
    order = delivery({"email": "a@corp.example"}, x_shopify_topic="customers/redact")
    with pytest.raises(Unreadable, match="customers/redact") as refusal:
        event("shopify", order)
    assert refusal.value.reason == "topic_mismatch"


@pytest.mark.parametrize(
    ("name", "action", "field"),
    [
        ("star", "deleted", "starred_at"),
        ("sponsorship", "cancelled", "sponsorship"),
        ("organization", "member_removed", "membership"),
        ("marketplace_purchase", "cancelled", "marketplace_purchase"),
    ],
)
def test_githubs_exits_are_believed_by_their_signed_bodies_alone(name: str, action: str, field: str) -> None:
    assert event("github", delivery({"action": action, field: None}, x_github_event=name)).exit
    with pytest.raises(Unreadable, match=f"no {field}"):
        event("github", delivery({"action": action}, x_github_event=name))


@pytest.mark.parametrize("older", ["v1", "v2"])
def test_a_captured_request_without_its_v3_header_is_refused_where_any_signature_is_not_taken(older: str) -> None:
    provider, secret = PROVIDERS["hubspot"], Secret("s")
    config = SourceConfig("x", "hubspot", (secret,), provider.Options())
    plain = {"v1": b"s{}", "v2": b"sPOST" + URL.encode() + b"{}"}[older]
    headers = {"x-hubspot-signature": hashlib.sha256(plain).hexdigest(), "x-hubspot-signature-version": older}
    stripped = delivery(b"{}", **headers)
    with pytest.raises(Unauthenticated, match="signatures: any"):
        provider.verify(stripped, config, NOW)
    taking = replace(config, options=provider.Options.model_validate({"signatures": "any"}))
    assert provider.verify(stripped, taking, NOW) == secret
    signed = provider.sign(b"{}", config, NOW, method="POST", url=URL)
    assert provider.verify(replace(stripped, headers=headers | signed), config, NOW) == secret
