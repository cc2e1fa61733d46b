"""One request as the routes see it, and the checks that several of them share."""

from __future__ import annotations

import contextlib
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from app.sandbox.errors import invalid_properties, validation
from app.sandbox.properties import missing
from app.sandbox.state.contacts import stamp

if TYPE_CHECKING:
    from collections.abc import Mapping

    from app.sandbox.state.account import State
    from app.sandbox.state.contacts import Person

BATCH_LIMIT = 100


@dataclass(frozen=True)
class Asked:
    """Path parameters, query, JSON body and credential of one request."""

    path: Mapping[str, str]
    query: Mapping[str, str]
    body: Any
    authorization: str = ""

    def object(self) -> dict[str, Any]:
        """Return the body as an object. Raises Refused (400)."""
        if not isinstance(self.body, dict):
            raise validation("Invalid input JSON: a JSON object is expected")
        return self.body

    def inputs(self) -> list[dict[str, Any]]:
        """Return the inputs of a batch, at most 100. Raises Refused (400)."""
        inputs = self.object().get("inputs")
        if not isinstance(inputs, list) or not all(isinstance(item, dict) for item in inputs):
            raise validation("Some required fields were not set: [inputs]")
        if len(inputs) > BATCH_LIMIT:
            raise validation(f"The maximum number of inputs supported in a batch request is {BATCH_LIMIT}")
        return inputs


def json_of(raw: bytes) -> Any:
    """Return a body, or None for one that is no JSON or could not be written as such again (NaN, half a character)."""
    with contextlib.suppress(ValueError, RecursionError):
        told = json.loads(raw)
        json.dumps(told, ensure_ascii=False, allow_nan=False).encode()
        return told
    return None


def form_of(raw: bytes) -> dict[str, str]:
    """Return the fields of a form-encoded body, none for anything else."""
    try:
        return dict(parse_qsl(raw.decode("ascii", "replace"), errors="replace", max_num_fields=50))
    except ValueError:
        return {}


def text_of(body: Mapping[str, Any], name: str) -> str:
    """Return a required text field. Raises Refused (400)."""
    value = body.get(name)
    if not isinstance(value, str) or not value:
        raise validation(f"Some required fields were not set: [{name}]", errors=[{"message": name, "code": "REQUIRED"}])
    return value


def number_of(asked: Asked, name: str, otherwise: int) -> int:
    """Return a number of the query. Raises Refused (400)."""
    told = asked.query.get(name) or str(otherwise)
    if not re.fullmatch("[0-9]{1,9}", told):
        raise validation(f"Invalid value of query param {name}")
    return int(told)


def checked_properties(state: State, told: Any) -> dict[str, str]:
    """Return properties that may be written. Raises Refused (400), which names every one that may not."""
    if not isinstance(told, dict):
        raise validation("Some required fields were not set: [properties]")
    wrong = [name for name, value in told.items() if not isinstance(value, str)]
    if wrong:
        raise validation(f"Invalid input JSON: the value of {wrong[0]} must be a string")
    known = state.properties()
    judged = [(name, known[name].problem(value) if name in known else missing(name)) for name, value in told.items()]
    problems = [(name, *problem) for name, problem in judged if problem]
    if problems:
        raise invalid_properties(problems)
    return dict(told)


def every(person: Person, properties: Mapping[str, str]) -> dict[str, str]:
    """Return these properties and the ones that HubSpot adds to them."""
    created, changed = stamp(person.created_at), stamp(person.changed_at)
    return {**properties, "hs_object_id": person.id, "createdate": created, "lastmodifieddate": changed}


def shown(state: State, person: Person, names: list[str] | None = None) -> dict[str, Any]:
    """Return a contact as HubSpot shows it: the asked-for properties, null where it has no value."""
    wanted = names or ["createdate", "email", "firstname", "hs_object_id", "lastmodifieddate", "lastname"]
    told = every(person, person.properties)
    return {
        "id": person.id,
        "properties": {name: told.get(name) for name in wanted if state.knows(name)},
        "createdAt": told["createdate"],
        "updatedAt": told["lastmodifieddate"],
        "archived": False,
    }
