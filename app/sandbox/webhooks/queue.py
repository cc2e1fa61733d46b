"""Outgoing webhooks: events of contacts for each subscriber, in signed batches, retried for a while.

The real service tries up to ten times within 24 hours; here `webhook_attempts` and `webhook_retry_seconds` decide.
"""

from __future__ import annotations

import asyncio
import itertools
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from app.sandbox.state.contacts import BY_API
from app.sandbox.state.seed import APP_ID
from app.sandbox.webhooks.signing import webhook_headers

if TYPE_CHECKING:
    from app.sandbox.state.contacts import Change, Contact
    from app.sandbox.state.settings import Settings
    from app.sandbox.webhooks.client import WebhookClient

CHANGE = "contact.propertyChange"
CREATION = "contact.creation"
DELETION = "contact.deletion"
LARGEST_BATCH = 100
_SUBSCRIPTION_IDS = itertools.count(2_000_001)


@dataclass
class Batch:
    """Up to a hundred events that are delivered together."""

    events: list[dict[str, Any]]
    due: float
    attempt: int = 0


@dataclass
class Subscriber:
    """One URL and the events that it gets; an empty `properties` means every property."""

    url: str
    secret: str
    subscriptions: tuple[str, ...]
    properties: tuple[str, ...] = ()
    ids: dict[tuple[str, str], int] = field(default_factory=dict)
    waiting: list[dict[str, Any]] = field(default_factory=list)
    batches: list[Batch] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)

    def subscription(self, kind: str, name: str = "") -> int | None:
        """Return the id of the subscription to this, None where there is none. HubSpot has one for each property."""
        if kind not in self.subscriptions or (name and self.properties and name not in self.properties):
            return None
        return self.ids.setdefault((kind, name), next(_SUBSCRIPTION_IDS))


class Outbox:
    """The subscribers of one account, and the events that wait for each of them."""

    def __init__(self, settings: Settings, account_id: int) -> None:
        self._settings = settings
        self._account_id = account_id
        self._event_ids = itertools.count(1)
        self.subscribers: list[Subscriber] = []

    def subscribe(self, subscriber: Subscriber) -> None:
        """Add a subscriber; it replaces one with the same URL."""
        self.subscribers = [*(other for other in self.subscribers if other.url != subscriber.url), subscriber]

    def clear(self) -> None:
        """Drop what was not delivered; subscriptions stay."""
        for subscriber in self.subscribers:
            subscriber.waiting, subscriber.batches = [], []

    def created(self, contact: Contact, source: str) -> None:
        """Queue the event of a new contact."""
        self._queue(CREATION, contact, {"changeSource": source, "changeFlag": "CREATED"}, contact.created_at)

    def deleted(self, contact: Contact, at: float) -> None:
        """Queue the event of a deleted contact."""
        self._queue(DELETION, contact, {"changeSource": BY_API, "changeFlag": "DELETED"}, at)

    def changed(self, contact: Contact, change: Change) -> None:
        """Queue the event of a property that changed."""
        fields = {"changeSource": change.source, "propertyName": change.name, "propertyValue": change.value}
        self._queue(CHANGE, contact, fields, change.at)

    def _queue(self, kind: str, contact: Contact, fields: dict[str, str], at: float) -> None:
        for subscriber in self.subscribers:
            subscription = subscriber.subscription(kind, fields.get("propertyName", ""))
            if subscription is None:
                continue
            event = {
                "eventId": next(self._event_ids),
                "subscriptionId": subscription,
                "portalId": self._account_id,
                "appId": APP_ID,
                "occurredAt": round(at * 1000),
                "subscriptionType": kind,
                "attemptNumber": 0,
                "objectId": int(contact.id),
                "changeSource": BY_API,
            }
            subscriber.waiting.append(event | fields)

    async def deliver(self, client: WebhookClient, now: float) -> int:
        """Deliver what is due; return how many requests were made. A slow subscriber does not delay another."""
        return sum(
            await asyncio.gather(*(self._deliver_to(subscriber, client, now) for subscriber in self.subscribers))
        )

    async def _deliver_to(self, subscriber: Subscriber, client: WebhookClient, now: float) -> int:
        return sum([await self._send(subscriber, batch, client, now) for batch in self._due(subscriber, now)])

    def _due(self, subscriber: Subscriber, now: float) -> list[Batch]:
        waiting, subscriber.waiting = subscriber.waiting, []
        starts = range(0, len(waiting), LARGEST_BATCH)
        fresh = [Batch(waiting[start : start + LARGEST_BATCH], now) for start in starts]
        due = [batch for batch in subscriber.batches if batch.due <= now]
        subscriber.batches = [batch for batch in subscriber.batches if batch.due > now]
        return [*due, *fresh]

    async def _send(self, subscriber: Subscriber, batch: Batch, client: WebhookClient, now: float) -> int:
        body = json.dumps([event | {"attemptNumber": batch.attempt} for event in batch.events]).encode()
        headers = webhook_headers(subscriber.secret, subscriber.url, body, now)
        times = 2 if self._settings.webhook_duplicates else 1
        for _ in range(times):
            status = await client.post(subscriber.url, body, headers)
            subscriber.answers.append(status)
        if not 200 <= status < 300 and batch.attempt + 1 < self._settings.webhook_attempts:  # noqa: PLR2004  # HTTP's
            retry_at = now + self._settings.webhook_retry_seconds
            subscriber.batches.append(Batch(batch.events, retry_at, batch.attempt + 1))
        return times
