"""Notes on contacts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.sandbox.errors import not_found, validation

if TYPE_CHECKING:
    from app.sandbox.request import Request, Response
    from app.sandbox.state.account import Account


def create(account: Account, request: Request) -> Response:
    """Create a note and associate it with contacts."""
    body = request.object()
    properties, associations = body.get("properties"), body.get("associations", [])
    if not isinstance(properties, dict) or not properties.get("hs_timestamp"):
        raise validation("Error creating NOTE. Some required properties were not set: [hs_timestamp]")
    contacts = [str(each["to"]["id"]) for each in associations if isinstance(each, dict) and "to" in each]
    for contact_id in contacts:
        if account.contact(contact_id) is None:
            raise not_found(f"contact {contact_id}")
    note = {"id": str(9001 + len(account.notes)), "properties": properties, "contacts": contacts}
    account.notes.append(note)
    return 201, {"id": note["id"], "properties": properties, "archived": False}


def list_all(account: Account, _: Request) -> Response:
    """List the notes."""
    return 200, {"results": account.notes}
