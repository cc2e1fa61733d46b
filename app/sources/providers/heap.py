"""Heap: people that entered or left a segment.

Source: heap-partner-api-reference (webhook_spec.yaml, validateHeapHeader.ts), whose own receiver accepts timestamps of
up to 60 seconds. A user's `id` is a field that Heap's user chose, often the address.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from app.errors import Unreadable
from app.model import Delivery, Event, SourceConfig
from app.sources.base import SignedProvider
from app.sources.batches import each, rows
from app.sources.fields import find, from_digits, id_at, required, text
from app.sources.options import TimedOptions
from app.sources.person_fields import person_in, with_address
from app.sources.signature_headers import read
from app.sources.signing import Scheme
from app.sources.strict_json import parse_object

if TYPE_CHECKING:
    from collections.abc import Callable


class Heap(SignedProvider):
    """Sync task, page and user identify an event; its time is that of the signature."""

    name = "heap"
    Options = TimedOptions
    scheme = Scheme(
        header="heap-hash",
        layout="pairs",
        equals=":",
        timestamp_tag="ts",
        version="hmac",
        encoding="base64",
        template="{timestamp}{body}",
        timestamp_unit="ms",
        tolerance=timedelta(seconds=60),
    )

    def events(self, delivery: Delivery, config: SourceConfig) -> list[Event]:
        """Return `segment.users.add` and `segment.users.remove`, one for each user."""
        body = parse_object(delivery.body)
        subject = find(body, "data")
        lists = [change for change in ("add", "remove") if find(subject, change) is not None]
        if not lists:
            raise Unreadable("missing_field", "there is neither /data/add nor /data/remove")
        return [event for change in lists for event in self._changed(body, change, delivery, config)]

    def _changed(self, body: dict[str, Any], change: str, delivery: Delivery, config: SourceConfig) -> list[Event]:
        users = rows(find(body, "data", change), f"/data/{change}")
        return each(users, self._reader(body, change, users, delivery, config), delivery, config, at=f"/data/{change}")

    def _reader(
        self, body: dict[str, Any], change: str, users: list[Any], delivery: Delivery, config: SourceConfig
    ) -> Callable[[int], Event]:
        page = find(body, "data", "sync_info")
        context = body | {"data": {"segment": find(body, "data", "segment"), "sync_info": page}}
        signed_at = from_digits(read(self.scheme, delivery.headers).timestamp, "ms")

        def user(index: int) -> Event:
            known_by = required(users[index], "id")
            return Event(
                source=config.name,
                type=f"segment.users.{change}",
                dedupe=(required(page, "sync_task_id"), id_at(page, "page_number") or "", known_by, change),
                occurred_at=signed_at,
                data=context | {"user": users[index]},
                exit=change == "remove",
                **with_address(person_in(users[index]), text(users[index], "id")),
            )

        return user


PROVIDER = Heap()
