"""What a source sends: a delivery, the source's configuration, the events in a delivery, the response."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from app.model.immutable import immutable

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime, timedelta


@immutable
class Delivery:
    """One HTTP request from a source, as it came.

    `url` is the full public URL that the source called (some signatures cover it); header names are lower case;
    `body` is the raw bytes that signatures are computed over; `received_at` is aware, in UTC.
    """

    id: str
    source: str
    received_at: datetime
    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes

    def with_head(self, url: str, headers: Mapping[str, str]) -> Delivery:
        """Return the delivery with another head. `dataclasses.replace` takes four times as long."""
        return Delivery(self.id, self.source, self.received_at, self.method, url, headers, self.body)


@dataclass(frozen=True, slots=True)
class Secret:
    """One accepted secret of a source. After `not_after` (aware; None means never) it no longer verifies."""

    value: str = field(repr=False)
    not_after: datetime | None = None


@dataclass(frozen=True, slots=True)
class SourceConfig:
    """One configured source of webhooks. `options` is the provider's own options model, validated, where it has one.

    `fields` is the source's `map:`, from the name of an event's field to its place in the payload. `account` is the
    HubSpot account whose objects the events name, for providers that need it. `silent_after` is how long the source may
    send nothing: `timedelta.max` for ever, None as its own rhythm says.
    """

    name: str
    provider: str
    secrets: tuple[Secret, ...] = ()
    options: Any = None
    fields: Mapping[str, str] = field(default_factory=dict)
    account: str | None = None
    silent_after: timedelta | None = None


@immutable
class Event:
    """One normalised fact about a person.

    `id` is the provider's own event id, None where it sends none. `dedupe` identifies the event within its source:
    the id, or the provider's documented tuple. `email` is as sent (None when absent); `data` is the provider's payload,
    with integers of any size intact. `exit` says that the person left: cancelled, unsubscribed, no longer in a cohort.

    `thin` says that Segue must ask the provider for what the event does not carry. `dropped` says why one member of a
    batch cannot be used: it is recorded, and decides nothing. `answers` are a form's, by the title and by the ref of
    the question: a text, or a list of texts where a person may choose several. Rules and `map:` read them.
    `received_at` is when its delivery arrived (aware): `now()` of a rule, so that a stored event is decided alike.
    `lacking` says why there is no address, where the provider knows; the decision says it, and it is not stored.
    `contact` is the HubSpot contact that the event names, as `portal:id`; it is not stored.
    `cut` are the fields that were too long, of which the beginning is kept; decisions say it.
    """

    source: str
    type: str
    dedupe: tuple[str, ...]
    id: str | None = None
    occurred_at: datetime | None = None
    email: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    name: str | None = None
    company: str | None = None
    data: Mapping[str, Any] = field(default_factory=dict)
    exit: bool = False
    thin: bool = False
    dropped: str | None = None
    answers: Mapping[str, str | list[str]] = field(default_factory=dict, repr=False)
    received_at: datetime | None = None
    lacking: str | None = None
    contact: str | None = None
    cut: tuple[str, ...] = ()


@immutable
class Response:
    """The response that a provider requires: to a challenge or probe, or to a delivery."""

    status: int = 200
    body: bytes = b""
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)
