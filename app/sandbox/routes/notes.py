"""Notes on contacts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from app.sandbox.errors import not_found, validation

if TYPE_CHECKING:
    from app.sandbox.request import Asked
    from app.sandbox.state.account import State


def create(state: State, asked: Asked) -> tuple[int, dict[str, Any]]:
    """Create a note that is associated with contacts."""
    body = asked.object()
    properties, associations = body.get("properties"), body.get("associations", [])
    if not isinstance(properties, dict) or not properties.get("hs_timestamp"):
        raise validation("Error creating NOTE. Some required properties were not set: [hs_timestamp]")
    contacts = [str(one["to"]["id"]) for one in associations if isinstance(one, dict) and "to" in one]
    for contact_id in contacts:
        if state.person(contact_id) is None:
            raise not_found(f"contact {contact_id}")
    note = {"id": str(9001 + len(state.notes)), "properties": properties, "contacts": contacts}
    state.notes.append(note)
    return 201, {"id": note["id"], "properties": properties, "archived": False}


def list_all(state: State, _: Asked) -> tuple[int, dict[str, Any]]:
    """List the notes."""
    return 200, {"results": state.notes}
