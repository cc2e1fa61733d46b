"""One request as the routes see it, and the checks that several of them share."""

from __future__ import annotations

import contextlib
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from app.sandbox.errors import invalid_properties, validation
from app.sandbox.state.contact_properties import missing

if TYPE_CHECKING:
    from collections.abc import Mapping

    from app.sandbox.state.account import Account

BATCH_LIMIT = 100

Response = tuple[int, dict[str, Any] | None]  # a status and a JSON body


@dataclass(frozen=True)
class Request:
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
    """Return the parsed body; None for a body that is no JSON, or that no JSON can hold (NaN, half a character)."""
    with contextlib.suppress(ValueError, RecursionError):
        body = json.loads(raw)
        json.dumps(body, ensure_ascii=False, allow_nan=False).encode()
        return body
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


def number_of(request: Request, name: str, default: int) -> int:
    """Return a number of the query. Raises Refused (400)."""
    value = request.query.get(name) or str(default)
    if not re.fullmatch("[0-9]{1,9}", value):
        raise validation(f"Invalid value of query param {name}")
    return int(value)


def checked_properties(account: Account, properties: Any) -> dict[str, str]:
    """Return properties that can be written. Raises Refused (400), which names each one that cannot."""
    if not isinstance(properties, dict):
        raise validation("Some required fields were not set: [properties]")
    wrong = [name for name, value in properties.items() if not isinstance(value, str)]
    if wrong:
        raise validation(f"Invalid input JSON: the value of {wrong[0]} must be a string")
    known = account.properties()
    checked = [
        (name, known[name].problem(value) if name in known else missing(name)) for name, value in properties.items()
    ]
    problems = [(name, *problem) for name, problem in checked if problem]
    if problems:
        raise invalid_properties(problems, named=not account.settings.unnamed_properties)
    return dict(properties)
