"""Contacts: create, read and update one; upsert and read up to a hundred."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from app.sandbox.bodies import batch, contact_body
from app.sandbox.errors import Refused, not_found, taken, validation
from app.sandbox.request import checked_properties, text_of

if TYPE_CHECKING:
    from app.sandbox.request import Request, Response
    from app.sandbox.state.account import Account
    from app.sandbox.state.contacts import Contact


def create(account: Account, request: Request) -> Response:
    """Create one contact; 409 with the existing id in the message's text when the address is taken."""
    properties = _lowered(checked_properties(account, request.object().get("properties")))
    _require_free(account, properties, None)
    return 201, contact_body(account, account.create(properties))


def read(account: Account, request: Request) -> Response:
    """Read one contact, by id or by address."""
    names = [name for name in request.query.get("properties", "").split(",") if name]
    return 200, contact_body(account, _existing(account, request), names)


def update(account: Account, request: Request) -> Response:
    """Change one contact."""
    contact = _existing(account, request)
    properties = _lowered(checked_properties(account, request.object().get("properties")))
    _require_free(account, properties, contact)
    account.change(contact, properties)
    return 200, contact_body(account, contact)


def upsert_batch(account: Account, request: Request) -> Response:
    """Create or update contacts by address. A batch with the same address twice is refused as a whole.

    A bad input fails alone (207), or with all others (`whole_upserts`): which of the two HubSpot does is not known.
    """
    inputs = request.inputs()
    keys = [text_of(item, "id").lower() for item in inputs]
    if len(set(keys)) < len(keys):
        raise validation("Duplicate IDs found in batch input")
    results: list[dict[str, Any]] = []
    errors: list[dict[str, Any]] = []
    _require_all_valid(account, inputs)
    for item in inputs:
        try:
            results.append(_upsert(account, item))
        except Refused as refused:
            context = {"ids": [item["id"]], "objectWriteTraceId": [str(item.get("objectWriteTraceId", ""))]}
            errors.append(refused.body | {"context": context})
    return batch(account, results, errors)


def _require_all_valid(account: Account, inputs: list[dict[str, Any]]) -> None:
    for item in inputs if account.settings.whole_upserts else ():
        _checked(account, item)


def _checked(account: Account, item: dict[str, Any]) -> tuple[Contact | None, dict[str, str]]:
    """Return the contact that an input names, None for a new one, and the properties to write. Raises Refused."""
    if item.get("idProperty") != "email":
        raise validation("idProperty must name a unique property: email")
    email = text_of(item, "id")
    properties = _lowered(checked_properties(account, item.get("properties", {})))
    contact = account.contact(email, by_email=True)
    _require_free(account, properties, contact)
    if contact is None and "@" not in email:
        raise validation(f'Property values were not valid: [{{"error":"INVALID_EMAIL","name":"email"}}] {email}')
    return contact, properties


def _upsert(account: Account, item: dict[str, Any]) -> dict[str, Any]:
    contact, properties = _checked(account, item)
    new = contact is None
    if contact is None:
        contact = account.create({"email": item["id"], **properties})
    else:
        account.change(contact, properties)
    traced = {"objectWriteTraceId": item["objectWriteTraceId"]} if "objectWriteTraceId" in item else {}
    names = sorted({"email", "createdate", "lastmodifieddate", *properties})
    return contact_body(account, contact, names) | {"new": new} | traced


def read_batch(account: Account, request: Request) -> Response:
    """Read contacts by id or by address; a missing contact is an error of a 207."""
    body = request.object()
    wanted = body.get("properties")
    names = [name for name in wanted if isinstance(name, str)] if isinstance(wanted, list) else []
    by_email = body.get("idProperty") == "email"
    ids = [text_of(item, "id") for item in request.inputs()]
    found = {id_: account.contact(id_, by_email=by_email) for id_ in ids}
    results = [contact_body(account, contact, names) for contact in found.values() if contact is not None]
    missing = [id_ for id_, contact in found.items() if contact is None]
    context = {"ids": missing}
    errors = [not_found("contacts").body | {"context": context}] if missing else []
    return batch(account, results, errors)


def _require_free(account: Account, properties: dict[str, str], contact: Contact | None) -> None:
    """Raise Refused (409) for an address that another contact than `contact` has."""
    other = account.contact(properties.get("email", ""), by_email=True)
    if other is not None and other is not contact:
        raise taken(other.id)


def _existing(account: Account, request: Request) -> Contact:
    contact = account.contact(request.path["contactId"], by_email=request.query.get("idProperty") == "email")
    if contact is None:
        raise not_found("contact")
    return contact


def _lowered(properties: dict[str, str]) -> dict[str, str]:
    return {name: value.lower() if name == "email" else value for name, value in properties.items()}
