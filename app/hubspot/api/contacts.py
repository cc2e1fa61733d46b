"""Contacts, up to 100 to a call: how a batch is written, and which answer belongs to which input. Sans-I/O.

One bad contact must fail alone. HubSpot answers 207 with `results` and `errors`; each is matched to its input by the
`objectWriteTraceId` that the input carried, by id or address, or because there was only one input. An input without a
match is left out of the answer, and the caller retries it in a smaller batch.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from app.errors import HubSpotError, Refusal
from app.hubspot.api.call import NOT_FOUND, Call, accepted, unreadable
from app.hubspot.api.refusals import correlation_of, refusal
from app.hubspot.api.replies import identifier, items, mapping, text
from app.people.identity import MERGED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from app.hubspot.api.replies import Reply

BATCH_LIMIT = 100  # inputs per call; one call counts once (HubSpot's usage guidelines)
BAD_REQUEST = 400  # an entry of `errors` without a status of its own
TRACE = "segue-"


@dataclass(frozen=True, slots=True)
class Upsert:
    """Create or update the contact with this address. `properties` are (name, value), sorted, so that equal ones merge.

    `write_back` are (fact, name of a property): those properties say why the contact was enrolled.
    """

    email: str
    properties: tuple[tuple[str, str], ...] = ()
    write_back: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Contact:
    """A contact as read: its id and the properties asked for, None where HubSpot keeps no value."""

    id: str
    properties: Mapping[str, str | None]


def upsert_contacts(inputs: Sequence[Upsert]) -> Call[dict[Upsert, Contact | HubSpotError]]:
    """Create or update up to 100 contacts by address, each address once.

    The address is not among the written properties: for a contact known by a secondary address that would change its
    primary one. Partial upserts are not supported with `email` as the id property (HubSpot's contacts guide).
    """
    written = [
        {
            "id": item.email,
            "idProperty": "email",
            "objectWriteTraceId": f"{TRACE}{position}",
            "properties": dict(item.properties),
        }
        for position, item in enumerate(inputs)
    ]
    keys = [item.email for item in inputs]
    return _batch("upsert", {"inputs": written}, lambda reply: _by_input(reply, inputs, keys, "email"))


def read_contacts(
    keys: Sequence[str], names: Iterable[str], *, by: str | None = None
) -> Call[dict[str, Contact | HubSpotError]]:
    """Read up to 100 contacts by id, or by the unique property `by` (email). A missing contact is a Refusal of 404.

    A contact that was merged since answers with its new id, and is recognised by the old ones that it shows.
    """
    wanted = sorted({*names, by or MERGED})
    body: dict[str, Any] = {"properties": wanted, "inputs": [{"id": key} for key in keys]}
    if by:
        body["idProperty"] = by
    return _batch("read", body, lambda reply: _read(reply, keys, by))


def _batch(
    operation: str, body: dict[str, Any], parse: Callable[[Reply], dict[Any, Contact | HubSpotError]]
) -> Call[dict[Any, Contact | HubSpotError]]:
    return Call(
        route=f"/crm/objects/{{version}}/contacts/batch/{operation}",
        method="POST",
        json=body,
        parse=parse,
    )


def _read(reply: Reply, keys: Sequence[str], by: str | None) -> dict[str, Contact | HubSpotError]:
    """Read the contacts found. An empty answer to a request for one contact means that there is no such contact."""
    found = _by_input(reply, keys, keys, by)
    if len(keys) == 1 and not found:
        detail = "no such contact"
        found[keys[0]] = Refusal("OBJECT_NOT_FOUND", detail, status=NOT_FOUND, correlation_id=correlation_of(reply))
    return found


def _by_input(
    reply: Reply, inputs: Sequence[Any], keys: Sequence[str], by: str | None
) -> dict[Any, Contact | HubSpotError]:
    """Match each result and each error to its input. Raises Refusal or OutcomeUnknown for the batch as a whole."""
    body = accepted(reply)
    results, errors = body.get("results"), body.get("errors")
    if not isinstance(results, list) and not isinstance(errors, list):
        raise unreadable(reply)
    places = _Places(keys)
    found: dict[Any, Contact | HubSpotError] = {}
    for error in items(errors):
        what = refusal(error, status=BAD_REQUEST, correlation=correlation_of(reply))
        found |= {inputs[position]: what for position in places.of_error(error)}
    for result in items(results):
        place, contact = places.of_result(result, by), _contact(result)
        if place is not None and contact is not None:
            found[inputs[place]] = contact
    return found


def _contact(result: dict[str, Any]) -> Contact | None:
    contact_id = identifier(result.get("id"))
    properties = mapping(result.get("properties"))
    return Contact(contact_id, {name: _value(value) for name, value in properties.items()}) if contact_id else None


def _value(value: Any) -> str | None:
    """Return a property's value. The schema says text; any other value is written as JSON."""
    return value if isinstance(value, str) or value is None else json.dumps(value)


class _Places:
    """The position of each key in the request, and the position that a result or an error refers to."""

    def __init__(self, keys: Sequence[str]) -> None:
        self._count = len(keys)
        self._of_key = {key.lower(): position for position, key in enumerate(keys)}
        self._of_trace = {f"{TRACE}{position}": position for position in range(len(keys))}

    def of_result(self, result: dict[str, Any], by: str | None) -> int | None:
        """Return the input's position: by its trace, then by its key, then because there was only one."""
        properties = mapping(result.get("properties"))
        keys = [properties.get(by)] if by else [result.get("id"), *_merged(properties)]
        traced = self._of_trace.get(text(result.get("objectWriteTraceId")) or "")
        for place in (traced, *(self._of_key.get(_key(key)) for key in keys)):
            if place is not None:
                return place
        return 0 if self._count == 1 else None

    def of_error(self, error: dict[str, Any]) -> list[int]:
        """Return the positions of the inputs that an error names, none when it names none of several."""
        context = mapping(error.get("context"))
        named = [value for values in context.values() if isinstance(values, list) for value in values]
        traced = [self._of_trace.get(text(value) or "") for value in named]
        keyed = [self._of_key.get(_key(value)) for value in (*named, error.get("id"))]
        known = {place for place in (*traced, *keyed) if place is not None} or self._in_message(error.get("message"))
        return sorted(known) or ([0] if self._count == 1 else [])

    def _in_message(self, message: Any) -> set[int]:
        """Return the inputs whose address is a word of the message."""
        words = {_key(piece.strip("\"'()[]{}<>,;:.")) for piece in (text(message) or "").split()}
        return {place for key, place in self._of_key.items() if "@" in key and key in words}


def _merged(properties: dict[str, Any]) -> list[str]:
    """Return the ids of contacts that were merged into this one: a read by one of them answers with this one."""
    return (text(properties.get(MERGED)) or "").split(";")


def _key(value: Any) -> str:
    """Return a key in the form that is compared: HubSpot writes addresses in lower case."""
    return (text(value) or identifier(value) or "").lower()
