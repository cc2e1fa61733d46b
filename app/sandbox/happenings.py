"""What happens to contacts without any request of Segue's: colleagues."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from app.sandbox.mistakes import Mistaken, object_of, person_of

if TYPE_CHECKING:
    from app.sandbox.portals import Portals
    from app.sandbox.state import State


def enroll_elsewhere(_: Portals, state: State, told: Any) -> dict[str, str]:
    """Enroll a contact by a colleague's hand, so that the status route does not show it."""
    named = object_of(told)
    person = person_of(state, named)
    plan = state.sequences.get(str(named.get("sequence", "")))
    if plan is None:
        raise Mistaken("no such sequence", 404)
    return {"id": state.begin(person, plan, user_id="elsewhere", sender="somebody@acme.example").id}
