"""Bodies of responses that several routes share: a contact, a page of a list, and a batch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from app.sandbox.request import number_of
from app.sandbox.state.contacts import stamp

if TYPE_CHECKING:
    from collections.abc import Mapping

    from app.sandbox.request import Request, Response
    from app.sandbox.state.account import Account
    from app.sandbox.state.contacts import Contact

LARGEST_PAGE = 100

Item = TypeVar("Item")


def with_system_properties(contact: Contact, properties: Mapping[str, str]) -> dict[str, str]:
    """Return these properties and the ones that HubSpot adds to every contact."""
    created, changed = stamp(contact.created_at), stamp(contact.changed_at)
    return {**properties, "hs_object_id": contact.id, "createdate": created, "lastmodifieddate": changed}


def contact_body(account: Account, contact: Contact, names: list[str] | None = None) -> dict[str, Any]:
    """Return a contact as HubSpot returns it, with the properties `names`: null where the contact has no value."""
    wanted = names or ["createdate", "email", "firstname", "hs_object_id", "lastmodifieddate", "lastname"]
    properties = with_system_properties(contact, contact.properties)
    return {
        "id": contact.id,
        "properties": {name: properties.get(name) for name in wanted if account.has_property(name)},
        "createdAt": properties["createdate"],
        "updatedAt": properties["lastmodifieddate"],
        "archived": False,
    }


def page_of(request: Request, items: list[Item]) -> tuple[list[Item], dict[str, Any]]:
    """Return the page that the query asks for, and `paging` with the next one, empty on the last page."""
    start = number_of(request, "after", 0)
    end = start + min(max(number_of(request, "limit", LARGEST_PAGE), 1), LARGEST_PAGE)
    return items[start:end], {"paging": {"next": {"after": str(end)}}} if end < len(items) else {}


def batch(account: Account, results: list[dict[str, Any]], errors: list[dict[str, Any]]) -> Response:
    """Return the response to a batch: 207 where it has errors."""
    now = stamp(account.clock())
    body: dict[str, Any] = {"status": "COMPLETE", "results": results, "startedAt": now, "completedAt": now}
    return (207, body | {"numErrors": len(errors), "errors": errors}) if errors else (200, body)
