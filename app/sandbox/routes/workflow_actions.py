"""Actions that an app brings to workflows: their definitions, for whoever develops the app."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from app.sandbox.errors import not_found, unauthenticated, validation

if TYPE_CHECKING:
    from app.sandbox.request import Asked
    from app.sandbox.state.account import State

DEVELOPER_KEY = "developer-sandbox"
REQUIRED = ("actionUrl", "functions", "inputFields", "labels", "objectTypes", "published")
KNOWN = frozenset({*REQUIRED, "objectRequestOptions", "outputFields", "executionRules", "inputFieldDependencies"})


def list_all(state: State, asked: Asked) -> tuple[int, dict[str, Any]]:
    """List the app's definitions."""
    return 200, {"results": list(_definitions(state, asked).values())}


def create(state: State, asked: Asked) -> tuple[int, dict[str, Any]]:
    """Keep a definition."""
    definitions = _definitions(state, asked)
    told = _checked(asked)
    missing = [name for name in REQUIRED if name not in told]
    if missing:
        raise validation(f"Some required fields were not set: [{', '.join(missing)}]")
    identity = str(77_899_621 + len(definitions))
    definitions[identity] = {**told, "id": identity, "revisionId": "1"}
    return 201, definitions[identity]


def update(state: State, asked: Asked) -> tuple[int, dict[str, Any]]:
    """Change a definition: a new revision of it."""
    definitions, identity = _definitions(state, asked), asked.path["definitionId"]
    if identity not in definitions:
        raise not_found("action definition")
    revision = str(int(definitions[identity]["revisionId"]) + 1)
    definitions[identity] |= _checked(asked) | {"revisionId": revision}
    return 200, definitions[identity]


def _definitions(state: State, asked: Asked) -> dict[str, dict[str, Any]]:
    if DEVELOPER_KEY not in {asked.query.get("hapikey"), asked.authorization.removeprefix("Bearer ")}:
        raise unauthenticated()
    return state.action_definitions.setdefault(asked.path["appId"], {})


def _checked(asked: Asked) -> dict[str, Any]:
    told = asked.object()
    if not told.keys() <= KNOWN:
        raise validation(f"Invalid input JSON: unknown fields {sorted(told.keys() - KNOWN)}")
    labels = told.get("labels", {"en": {"actionName": "unchanged"}})
    if not isinstance(labels, dict) or not isinstance(labels.get("en"), dict) or not labels["en"].get("actionName"):
        raise validation("Labels must be provided for English, with an actionName")
    return told
