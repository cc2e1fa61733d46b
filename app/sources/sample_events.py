"""The events of the samples that come with Segue: what a provider's payload looks like."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import ValidationError

from app.errors import DeliveryRejected
from app.model import Delivery, SourceConfig
from app.sources.normalised import normalised
from app.sources.sample_files import samples

if TYPE_CHECKING:
    from datetime import datetime

    from app.model import Event
    from app.sources.base import Provider
    from app.sources.sample_files import Sample


def sample_events(provider: Provider, now: datetime) -> list[Event]:
    """Return the events of the provider's samples, of a source that sets no option; none where it must set one."""
    try:
        config = SourceConfig("sample", provider.name, options=provider.Options())
    except ValidationError:
        return []
    return [event for sample in samples(provider, now) for event in _events(sample, provider, config, now)]


def _events(sample: Sample, provider: Provider, config: SourceConfig, now: datetime) -> list[Event]:
    url = f"https://segue.example/webhooks/sample?{sample.query}"
    delivery = Delivery("sample", "sample", now, sample.method, url, sample.headers, sample.body.encode())
    try:
        events = provider.events(delivery, config)
    except DeliveryRejected:  # a sample that is read by an option
        return []
    return [normalised(event, config, delivery.headers, now) for event in events]
