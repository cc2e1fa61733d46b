"""Search of contacts by dates: the request and its pages. Sans-I/O.

Source: HubSpot's search guide. Limits: 200 results a page, 10,000 a query, five requests a second; results lag behind
writes. Each page starts at a contact id, not at an offset: so a search can find more than 10,000 contacts, and a
contact that leaves the results does not shift the others.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from app.hubspot.api.call import Call, Page, accepted
from app.hubspot.api.replies import identifier, items

if TYPE_CHECKING:
    from collections.abc import Sequence

    from app.hubspot.api.replies import Reply

PAGE_SIZE = 200
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
ID = "hs_object_id"


def contacts_between(
    dates: Sequence[str], since: datetime, until: datetime, beyond: str | None = None
) -> Call[Page[str]]:
    """Find contacts with any of the properties `dates` between two instants, both included; return their ids.

    `beyond` is the id from which on the results count: the `after` of the page before.
    """
    further = [_filter(ID, "GTE", beyond)] if beyond else []
    body: dict[str, Any] = {
        "filterGroups": [{"filters": [*_between(name, since, until), *further]} for name in dates],
        "sorts": [{"propertyName": ID, "direction": "ASCENDING"}],
        "properties": [ID],
        "limit": PAGE_SIZE,
    }
    return Call(
        route="/crm/objects/{version}/contacts/search",
        method="POST",
        json=body,
        parse=_page,
        kind="search",
    )


def _between(name: str, since: datetime, until: datetime) -> list[dict[str, str]]:
    return [_filter(name, "GTE", _milliseconds(since)), _filter(name, "LTE", _milliseconds(until))]


def _filter(name: str, operator: str, value: str) -> dict[str, str]:
    return {"propertyName": name, "operator": operator, "value": value}


def _milliseconds(moment: datetime) -> str:
    return str((moment - EPOCH) // timedelta(milliseconds=1))


def _page(reply: Reply) -> Page[str]:
    body = accepted(reply)
    found = (identifier(item.get("id")) for item in items(body.get("results")))
    ids = tuple(id_ for id_ in found if id_ and id_.isdecimal())
    more = len(ids) >= PAGE_SIZE or (ids and body.get("paging"))
    return Page(ids, str(max(map(int, ids)) + 1) if more else None)
