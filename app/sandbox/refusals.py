"""HubSpot's error bodies. Where no live body is known, the nearest documented shape is used and said so."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Refused(Exception):  # HubSpot's no
    """A request is answered with `status` and `body`."""

    status: int
    body: dict[str, Any]
    headers: dict[str, str] = field(default_factory=dict)


def _correlation() -> str:
    return str(uuid.uuid4())


def _plain(status: int, message: str, category: str, **more: Any) -> Refused:
    body = {"status": "error", "message": message, "correlationId": _correlation(), "category": category}
    return Refused(status, body | more)


def unauthenticated() -> Refused:
    """No token, or a wrong one."""
    message = "Authentication credentials not found. This API supports OAuth 2.0 authentication"
    return _plain(401, message, "INVALID_AUTHENTICATION")


def missing_scopes(scope: str) -> Refused:
    """Refuse a token that lacks a scope."""
    context = {"requiredGranularScopes": [scope]}
    message = "This app hasn't been granted all required scopes to make this call."
    return _plain(403, message, "MISSING_SCOPES", errors=[{"message": message, "context": context}])


def too_many(policy: str, retry_after: str | None = None) -> Refused:
    """Refuse because a limit is spent. The body has `errorType` and no `category` (usage guidelines)."""
    word = policy.lower()
    body = {
        "status": "error",
        "message": f"You have reached your {word} limit.",
        "errorType": "RATE_LIMIT",
        "correlationId": _correlation(),
        "policyName": policy,
        "requestId": str(uuid.uuid4()),
    }
    return Refused(429, body, {"Retry-After": retry_after} if retry_after else {})


def validation(message: str, **more: Any) -> Refused:
    """Refuse a request that is itself wrong."""
    return _plain(400, message, "VALIDATION_ERROR", **more)


def no_such_property(name: str) -> Refused:
    """Refuse a property that does not exist: JSON inside the message's text (error-handling page)."""
    told = [
        {
            "isValid": False,
            "message": f'Property "{name}" does not exist',
            "error": "PROPERTY_DOESNT_EXIST",
            "name": name,
        }
    ]
    return validation(f"Property values were not valid: {json.dumps(told)}")


def not_found(what: str) -> Refused:
    """Nothing is there. The body of an unknown enrollment or contact is not known from live runs."""
    return _plain(404, f"{what} not found", "OBJECT_NOT_FOUND")


def sequence_error(code: str, message: str) -> Refused:
    """Refuse an enrollment: HTTP 400 with an undocumented errorType (seen live)."""
    body = {
        "status": "error",
        "message": message,
        "errorType": f"SequenceError.{code}",
        "correlationId": _correlation(),
    }
    return Refused(400, body)


def by_code(status: int, code: str, retry_after: str | None = None) -> Refused:
    """Any refusal on request."""
    if status == 429:  # noqa: PLR2004  # Too Many Requests
        return too_many(code, retry_after)
    headers = {"Retry-After": retry_after} if retry_after else {}
    refused = sequence_error(code, f"Refused on request: {code}") if status == 400 else _plain(status, code, code)  # noqa: PLR2004
    return Refused(status, refused.body, headers)
