"""Which deliveries their headers alone show to be refused, whatever their bodies hold: their proof is missing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.errors import DeliveryRejected, Unauthenticated

if TYPE_CHECKING:
    from app.model import Delivery, SourceConfig
    from app.sources.base import Provider

MISSING = frozenset({"missing_signature", "auth_missing"})


def unproved(delivery: Delivery, source: SourceConfig, provider: Provider) -> Unauthenticated | None:
    """Return why a delivery is refused whose header of the proof is missing, None where its body must be read.

    A proof that stands in no header stands in the body or the URL. Anything but a missing proof is left to the reader
    of the whole delivery, and so is a request that only checks that the URL is served.
    """
    names = provider.authentication(source).headers(delivery)
    if not names or names <= delivery.headers.keys() or delivery.method not in provider.methods:
        return None
    try:
        if provider.probe(delivery, source) is None:
            provider.verify(delivery, source, delivery.received_at)
    except Unauthenticated as refusal:
        return refusal if refusal.reason in MISSING else None
    except DeliveryRejected:
        return None
    return None
