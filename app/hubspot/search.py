"""Search of contacts by dates: how it is asked and what a page says. Sans-I/O.

Source: HubSpot's search guide. At most 200 a page, 10,000 a query, five requests a second, and behind what was written.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from app.hubspot.protocol import Call, accepted, next_page, unreadable
from app.hubspot.replies import count, identifier, items

if TYPE_CHECKING:
    from collections.abc import Sequence

    from app.hubspot.replies import Reply

PAGE_SIZE = 200
MOST_FOUND = 10_000  # of one query
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class FoundPage:
    """One page: ids of contacts, of how many in all; `after` asks for the next, None at the end."""

    total: int
    ids: tuple[str, ...]
    after: str | None


def contacts_between(
    version: str, dates: Sequence[str], since: datetime, until: datetime, after: str | None = None
) -> Call[FoundPage]:
    """Find contacts of whose properties `dates` any one lies between two instants, both included."""
    body: dict[str, Any] = {
        "filterGroups": [{"filters": _between(name, since, until)} for name in dates],
        "sorts": [{"propertyName": "hs_object_id", "direction": "ASCENDING"}],
        "properties": [dates[0]],
        "limit": PAGE_SIZE,
    }
    return Call(
        route="/crm/objects/{version}/contacts/search",
        method="POST",
        path=f"/crm/objects/{quote(version, safe='')}/contacts/search",
        json=body | ({"after": after} if after else {}),
        decipher=_page,
        kind="search",
    )


def _between(name: str, since: datetime, until: datetime) -> list[dict[str, str]]:
    return [
        {"propertyName": name, "operator": operator, "value": str((moment - EPOCH) // timedelta(milliseconds=1))}
        for operator, moment in (("GTE", since), ("LTE", until))
    ]


def _page(reply: Reply) -> FoundPage:
    body = accepted(reply)
    total = count(body.get("total"))
    if total is None:
        raise unreadable(reply)
    found = (identifier(item.get("id")) for item in items(body.get("results")))
    return FoundPage(total, tuple(one for one in found if one), next_page(body))
