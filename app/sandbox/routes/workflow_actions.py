"""Definitions of the custom workflow actions of an app; they take the developer's key."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from app.sandbox.errors import not_found, unauthenticated, validation

if TYPE_CHECKING:
    from app.sandbox.request import Request, Response
    from app.sandbox.state.account import Account

DEVELOPER_KEY = "developer-sandbox"
REQUIRED = ("actionUrl", "functions", "inputFields", "labels", "objectTypes", "published")
KNOWN = frozenset({*REQUIRED, "objectRequestOptions", "outputFields", "executionRules", "inputFieldDependencies"})


def list_all(account: Account, request: Request) -> Response:
    """List the app's definitions."""
    return 200, {"results": list(_definitions(account, request).values())}


def create(account: Account, request: Request) -> Response:
    """Add a definition."""
    definitions = _definitions(account, request)
    definition = _checked(request)
    missing = [name for name in REQUIRED if name not in definition]
    if missing:
        raise validation(f"Some required fields were not set: [{', '.join(missing)}]")
    id_ = str(77_899_621 + len(definitions))
    definitions[id_] = {**definition, "id": id_, "revisionId": "1"}
    return 201, definitions[id_]


def update(account: Account, request: Request) -> Response:
    """Change a definition, which gets a new revision."""
    definitions, id_ = _definitions(account, request), request.path["definitionId"]
    if id_ not in definitions:
        raise not_found("action definition")
    revision = str(int(definitions[id_]["revisionId"]) + 1)
    definitions[id_] |= _checked(request) | {"revisionId": revision}
    return 200, definitions[id_]


def _definitions(account: Account, request: Request) -> dict[str, dict[str, Any]]:
    if DEVELOPER_KEY not in {request.query.get("hapikey"), request.authorization.removeprefix("Bearer ")}:
        raise unauthenticated()
    return account.action_definitions.setdefault(request.path["appId"], {})


def _checked(request: Request) -> dict[str, Any]:
    definition = request.object()
    if not definition.keys() <= KNOWN:
        raise validation(f"Invalid input JSON: unknown fields {sorted(definition.keys() - KNOWN)}")
    labels = definition.get("labels", {"en": {"actionName": "unchanged"}})
    if not isinstance(labels, dict) or not isinstance(labels.get("en"), dict) or not labels["en"].get("actionName"):
        raise validation("Labels must be provided for English, with an actionName")
    return definition
