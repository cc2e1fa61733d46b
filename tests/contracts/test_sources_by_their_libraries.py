"""What the senders' own libraries sign is accepted, and what is signed here their own libraries accept."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
import stripe
from standardwebhooks import Webhook
from standardwebhooks.webhooks import WebhookVerificationError

from app.model import Delivery, Secret, SourceConfig
from app.sources import PROVIDERS

URL = "https://segue.example/webhooks/x"
BODY = json.dumps({"id": "evt_1", "type": "contact.created", "data": {"name": "Zoë"}}, ensure_ascii=False)
WHSEC = "whsec_c2VndWUtbWFkZS11cC1rZXktMjRieXRl"


def delivered(headers: dict[str, str], now: datetime) -> Delivery:
    return Delivery("d1", "x", now, "POST", URL, headers, BODY.encode())


def test_standard_webhooks_accepts_the_reference_library() -> None:
    now = datetime.now(UTC)
    signature = Webhook(WHSEC).sign("msg_1", now, BODY)
    headers = {"webhook-id": "msg_1", "webhook-timestamp": str(int(now.timestamp())), "webhook-signature": signature}
    config = SourceConfig("x", "standard-webhooks", (Secret(WHSEC),))
    PROVIDERS["standard-webhooks"].verify(delivered(headers, now), config, now)


def test_the_reference_library_accepts_standard_webhooks() -> None:
    config = SourceConfig("x", "standard-webhooks", (Secret(WHSEC),))
    headers = PROVIDERS["standard-webhooks"].sign(BODY.encode(), config, datetime.now(UTC), method="POST", url=URL)
    assert Webhook(WHSEC).verify(BODY, headers)["id"] == "evt_1"
    with pytest.raises(WebhookVerificationError):
        Webhook(WHSEC).verify(BODY + " ", headers)


def test_stripe_accepts_its_own_library() -> None:
    now = datetime.now(UTC)
    header = stripe.WebhookSignature.generate_signature_header(BODY, "whsec_made_up", int(now.timestamp()))
    config = SourceConfig("x", "stripe", (Secret("whsec_made_up"),))
    PROVIDERS["stripe"].verify(delivered({"stripe-signature": header}, now), config, now)


def test_stripes_own_library_accepts_stripe() -> None:
    config = SourceConfig("x", "stripe", (Secret("whsec_made_up"),))
    headers = PROVIDERS["stripe"].sign(BODY.encode(), config, datetime.now(UTC), method="POST", url=URL)
    assert stripe.WebhookSignature.verify_header(BODY, headers["stripe-signature"], "whsec_made_up", 300)
    with pytest.raises(stripe.SignatureVerificationError):
        stripe.WebhookSignature.verify_header(BODY + " ", headers["stripe-signature"], "whsec_made_up", 300)
