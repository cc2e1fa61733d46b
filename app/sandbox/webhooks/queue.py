"""Webhooks out: what subscribers are told of contacts, in signed batches, tried again for a while.

The real one tries up to ten times within 24 hours; here `webhook_attempts` and `webhook_retry_seconds` say how often.
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
    from app.sandbox.state.contacts import Change, Person
    from app.sandbox.state.settings import Settings
    from app.sandbox.webhooks.client import Courier

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
class Hook:
    """One URL and what it wants to hear of; `properties` empty means every property."""

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
    """What one account has to tell."""

    def __init__(self, settings: Settings, portal_id: int) -> None:
        self._settings = settings
        self._portal_id = portal_id
        self._event_ids = itertools.count(1)
        self.hooks: list[Hook] = []

    def subscribe(self, hook: Hook) -> None:
        """Tell a URL from now on; what was told to the same URL before ends."""
        self.hooks = [*(other for other in self.hooks if other.url != hook.url), hook]

    def forget(self) -> None:
        """Drop what was not delivered; subscriptions stay."""
        for hook in self.hooks:
            hook.waiting, hook.batches = [], []

    def created(self, person: Person, source: str) -> None:
        """Tell of a new contact."""
        for hook in self.hooks:
            self._tell(hook, CREATION, person, "", {"changeSource": source, "changeFlag": "CREATED"}, person.created_at)

    def deleted(self, person: Person, at: float) -> None:
        """Tell of a contact that is gone."""
        for hook in self.hooks:
            self._tell(hook, DELETION, person, "", {"changeSource": BY_API, "changeFlag": "DELETED"}, at)

    def changed(self, person: Person, change: Change) -> None:
        """Tell of a property that changed."""
        more = {"changeSource": change.source, "propertyName": change.name, "propertyValue": change.value}
        for hook in self.hooks:
            self._tell(hook, CHANGE, person, change.name, more, change.at)

    def _tell(self, hook: Hook, kind: str, person: Person, name: str, more: dict[str, Any], at: float) -> None:
        subscription = hook.subscription(kind, name)
        if subscription is None:
            return
        event = {
            "eventId": next(self._event_ids),
            "subscriptionId": subscription,
            "portalId": self._portal_id,
            "appId": APP_ID,
            "occurredAt": round(at * 1000),
            "subscriptionType": kind,
            "attemptNumber": 0,
            "objectId": int(person.id),
            "changeSource": BY_API,
        }
        hook.waiting.append(event | more)

    async def deliver(self, courier: Courier, now: float) -> int:
        """Deliver what is due; return how many requests were made. A slow subscriber holds up no other."""
        return sum(await asyncio.gather(*(self._serve(hook, courier, now) for hook in self.hooks)))

    async def _serve(self, hook: Hook, courier: Courier, now: float) -> int:
        return sum([await self._send(hook, batch, courier, now) for batch in self._due(hook, now)])

    def _due(self, hook: Hook, now: float) -> list[Batch]:
        waiting, hook.waiting = hook.waiting, []
        starts = range(0, len(waiting), LARGEST_BATCH)
        fresh = [Batch(waiting[start : start + LARGEST_BATCH], now) for start in starts]
        due = [batch for batch in hook.batches if batch.due <= now]
        hook.batches = [batch for batch in hook.batches if batch.due > now]
        return [*due, *fresh]

    async def _send(self, hook: Hook, batch: Batch, courier: Courier, now: float) -> int:
        body = json.dumps([event | {"attemptNumber": batch.attempt} for event in batch.events]).encode()
        times = 2 if self._settings.webhook_duplicates else 1
        for _ in range(times):
            status = await courier.post(hook.url, body, webhook_headers(hook.secret, hook.url, body, now))
            hook.answers.append(status)
        if not 200 <= status < 300 and batch.attempt + 1 < self._settings.webhook_attempts:  # noqa: PLR2004  # HTTP's
            hook.batches.append(Batch(batch.events, now + self._settings.webhook_retry_seconds, batch.attempt + 1))
        return times
