"""Contacts: create, read and update one; upsert and read up to a hundred."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from app.sandbox.errors import Refused, not_found, taken, validation
from app.sandbox.request import Asked, checked_properties, shown, text_of
from app.sandbox.state.contacts import stamp

if TYPE_CHECKING:
    from app.sandbox.state.account import State
    from app.sandbox.state.contacts import Person

Answer = tuple[int, dict[str, Any]]


def create(state: State, asked: Asked) -> Answer:
    """Create one contact; 409 with the id in the message's text when the address is taken."""
    properties = _clean(checked_properties(state, asked.object().get("properties")))
    _require_free(state, properties, None)
    return 201, shown(state, state.create(properties))


def read(state: State, asked: Asked) -> Answer:
    """Read one contact, by id or by address."""
    names = [name for name in asked.query.get("properties", "").split(",") if name]
    return 200, shown(state, _one(state, asked), names)


def update(state: State, asked: Asked) -> Answer:
    """Change one contact."""
    person = _one(state, asked)
    properties = _clean(checked_properties(state, asked.object().get("properties")))
    _require_free(state, properties, person)
    state.change(person, properties)
    return 200, shown(state, person)


def upsert_batch(state: State, asked: Asked) -> Answer:
    """Create or update by address. The same address twice is refused whole.

    One bad input fails alone (207), or with all others (`whole_upserts`): which of both HubSpot does is not known.
    """
    inputs = asked.inputs()
    keys = [text_of(item, "id").lower() for item in inputs]
    if len(set(keys)) < len(keys):
        raise validation("Duplicate IDs found in batch input")
    results: list[dict[str, Any]] = []
    errors: list[dict[str, Any]] = []
    _require_all_good(state, inputs)
    for item in inputs:
        try:
            results.append(_upsert(state, item))
        except Refused as refused:
            context = {"ids": [item["id"]], "objectWriteTraceId": [str(item.get("objectWriteTraceId", ""))]}
            errors.append(refused.body | {"context": context})
    return _batch(state, results, errors)


def _require_all_good(state: State, inputs: list[dict[str, Any]]) -> None:
    for item in inputs if state.settings.whole_upserts else ():
        _checked(state, item)


def _checked(state: State, item: dict[str, Any]) -> tuple[Person | None, dict[str, str]]:
    """Return whom an input is about, where that contact exists, and what is to be written. Raises Refused."""
    if item.get("idProperty") != "email":
        raise validation("idProperty must name a unique property: email")
    email = text_of(item, "id")
    properties = _clean(checked_properties(state, item.get("properties", {})))
    person = state.person(email, by_email=True)
    _require_free(state, properties, person)
    if person is None and "@" not in email:
        raise validation(f'Property values were not valid: [{{"error":"INVALID_EMAIL","name":"email"}}] {email}')
    return person, properties


def _upsert(state: State, item: dict[str, Any]) -> dict[str, Any]:
    person, properties = _checked(state, item)
    new = person is None
    if person is None:
        person = state.create({"email": item["id"], **properties})
    else:
        state.change(person, properties)
    traced = {"objectWriteTraceId": item["objectWriteTraceId"]} if "objectWriteTraceId" in item else {}
    names = sorted({"email", "createdate", "lastmodifieddate", *properties})
    return shown(state, person, names) | {"new": new} | traced


def read_batch(state: State, asked: Asked) -> Answer:
    """Read by id or by address; who is not there is an error of a 207."""
    body = asked.object()
    told = body.get("properties")
    names = [name for name in told if isinstance(name, str)] if isinstance(told, list) else []
    by_email = body.get("idProperty") == "email"
    identities = [text_of(item, "id") for item in asked.inputs()]
    found = {identity: state.person(identity, by_email=by_email) for identity in identities}
    results = [shown(state, person, names) for person in found.values() if person is not None]
    missing = [identity for identity, person in found.items() if person is None]
    context = {"ids": missing}
    errors = [not_found("contacts").body | {"context": context}] if missing else []
    return _batch(state, results, errors)


def _require_free(state: State, properties: dict[str, str], person: Person | None) -> None:
    """Refuse (409) an address that another contact than `person` has."""
    other = state.person(properties.get("email", ""), by_email=True)
    if other is not None and other is not person:
        raise taken(other.id)


def _batch(state: State, results: list[dict[str, Any]], errors: list[dict[str, Any]]) -> Answer:
    now = stamp(state.clock())
    body: dict[str, Any] = {"status": "COMPLETE", "results": results, "startedAt": now, "completedAt": now}
    return (207, body | {"numErrors": len(errors), "errors": errors}) if errors else (200, body)


def _one(state: State, asked: Asked) -> Person:
    person = state.person(asked.path["contactId"], by_email=asked.query.get("idProperty") == "email")
    if person is None:
        raise not_found("contact")
    return person


def _clean(properties: dict[str, str]) -> dict[str, str]:
    return {name: value.lower() if name == "email" else value for name, value in properties.items()}
