"""Sources: one module per provider that verifies and normalises what it sends, without I/O.

A new provider is a module with a `PROVIDER` and a line in this table.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from app.sources import (
    calcom,
    calendly,
    customerio,
    hubspot,
    intercom,
    json_webhook,
    paddle,
    segment,
    shopify,
    standard_webhooks,
    stripe,
    tally,
    typeform,
    webflow,
    zoom,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from app.sources.base import Provider

PROVIDERS: Mapping[str, Provider] = MappingProxyType(
    {
        "calcom": calcom.PROVIDER,
        "calendly": calendly.PROVIDER,
        "customerio": customerio.PROVIDER,
        "hubspot": hubspot.PROVIDER,
        "intercom": intercom.PROVIDER,
        "json": json_webhook.PROVIDER,
        "paddle": paddle.PROVIDER,
        "segment": segment.PROVIDER,
        "shopify": shopify.PROVIDER,
        "standard-webhooks": standard_webhooks.PROVIDER,
        "stripe": stripe.PROVIDER,
        "tally": tally.PROVIDER,
        "typeform": typeform.PROVIDER,
        "webflow": webflow.PROVIDER,
        "zoom": zoom.PROVIDER,
    },
)
