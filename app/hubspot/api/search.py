"""Search of contacts by dates: how it is asked and what a page says. Sans-I/O.

Source: HubSpot's search guide. At most 200 a page, 10,000 a query, five requests a second, and behind what was written.
Pages are told apart by the contact's id, not by an offset: so there are more than 10,000 where there are, and who drops
out of what is found moves nobody else.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from app.hubspot.api.replies import identifier, items
from app.hubspot.api.sequences import Call, accepted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from app.hubspot.api.replies import Reply

PAGE_SIZE = 200
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
IDENTITY = "hs_object_id"


@dataclass(frozen=True, slots=True)
class FoundPage:
    """The ids of contacts; `beyond` asks for those after them, None at the end."""

    ids: tuple[str, ...]
    beyond: str | None


def contacts_between(
    version: str, dates: Sequence[str], since: datetime, until: datetime, beyond: str | None = None
) -> Call[FoundPage]:
    """Find contacts of whose properties `dates` any one lies between two instants, both included, by their ids."""
    further = [_filter(IDENTITY, "GTE", beyond)] if beyond else []
    body: dict[str, Any] = {
        "filterGroups": [{"filters": [*_between(name, since, until), *further]} for name in dates],
        "sorts": [{"propertyName": IDENTITY, "direction": "ASCENDING"}],
        "properties": [IDENTITY],
        "limit": PAGE_SIZE,
    }
    return Call(
        route="/crm/objects/{version}/contacts/search",
        method="POST",
        path=f"/crm/objects/{quote(version, safe='')}/contacts/search",
        json=body,
        decipher=_page,
        kind="search",
    )


def _between(name: str, since: datetime, until: datetime) -> list[dict[str, str]]:
    return [_filter(name, "GTE", _milliseconds(since)), _filter(name, "LTE", _milliseconds(until))]


def _filter(name: str, operator: str, value: str) -> dict[str, str]:
    return {"propertyName": name, "operator": operator, "value": value}


def _milliseconds(moment: datetime) -> str:
    return str((moment - EPOCH) // timedelta(milliseconds=1))


def _page(reply: Reply) -> FoundPage:
    body = accepted(reply)
    told = (identifier(item.get("id")) for item in items(body.get("results")))
    ids = tuple(one for one in told if one and one.isdecimal())
    more = len(ids) >= PAGE_SIZE or (ids and body.get("paging"))
    return FoundPage(ids, str(max(map(int, ids)) + 1) if more else None)
