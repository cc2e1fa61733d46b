"""Secondary addresses of contacts, and merges of two contacts, as a colleague makes them in HubSpot."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from app.sandbox.control.errors import InvalidControlRequest, contact_of, object_of
from app.sandbox.state.identities import SECONDARY

if TYPE_CHECKING:
    from app.sandbox.state.account import Account
    from app.sandbox.state.accounts import Accounts


def give_addresses(_: Accounts, account: Account, body: Any) -> dict[str, str]:
    """Give the contact with this address, which is created where there is none, its secondary addresses."""
    fields = object_of(body)
    email, additional = fields.get("email"), fields.get("additional", [])
    if (
        not isinstance(email, str)
        or not isinstance(additional, list)
        or not all(_is_address(one) for one in additional)
    ):
        raise InvalidControlRequest("email must be an address, and additional a list of addresses")
    contact = account.contact(email, by_email=True) or account.create({"email": email})
    owners = [account.contact(one, by_email=True) for one in additional]
    if any(owner not in (None, contact) for owner in owners):
        raise InvalidControlRequest("another contact has one of these addresses", 409)
    account.change(contact, {SECONDARY: ";".join(one.lower() for one in additional)})
    return {"id": contact.id}


def merge(_: Accounts, account: Account, body: Any) -> dict[str, str]:
    """Merge the contact of `other` into the one of `email`; return the id of the contact that this makes."""
    fields = object_of(body)
    primary, other = contact_of(account, fields), contact_of(account, {"email": fields.get("other")})
    if primary is other:
        raise InvalidControlRequest("this is one contact already", 409)
    return {"id": account.merge(primary, other).id}


def _is_address(value: Any) -> bool:
    return isinstance(value, str) and "@" in value and ";" not in value
