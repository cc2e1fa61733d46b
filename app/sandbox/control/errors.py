"""The error of a control request that makes no sense, and the checks that raise it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from app.sandbox.state.account import Account
    from app.sandbox.state.contacts import Contact

UNPROCESSABLE = 422


class InvalidControlRequest(Exception):  # only the control routes catch it
    """Answered with `status` and the text."""

    def __init__(self, text: str, status: int = UNPROCESSABLE) -> None:
        super().__init__(text)
        self.status = status


def object_of(body: Any) -> dict[str, Any]:
    """Return the body, which must be an object. Raises InvalidControlRequest (422)."""
    if not isinstance(body, dict):
        raise InvalidControlRequest("an object is expected")
    return body


def contact_of(account: Account, fields: dict[str, Any]) -> Contact:
    """Return the contact whose address is in `fields`. Raises InvalidControlRequest (404)."""
    contact = account.contact(str(fields.get("email", "")), by_email=True)
    if contact is None:
        raise InvalidControlRequest("no such contact", 404)
    return contact
