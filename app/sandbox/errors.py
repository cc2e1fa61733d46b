"""HubSpot's error bodies. Where no live body is known, the nearest documented shape is used, and a comment says so."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass
class Refused(Exception):
    """The request is answered with `status`, `body` and `headers`."""

    status: int
    body: dict[str, Any]
    headers: dict[str, str] = field(default_factory=dict)


def _correlation() -> str:
    return str(uuid.uuid4())


def plain(status: int, message: str, category: str = "", **more: Any) -> Refused:
    """Refuse in the shape of most of HubSpot's errors; any field of it may be missing in a live body."""
    body: dict[str, Any] = {"status": "error", "message": message, "correlationId": _correlation()}
    return Refused(status, body | ({"category": category} if category else {}) | more)


def unauthenticated() -> Refused:
    """Refuse a request without a token, or with a wrong one."""
    message = "Authentication credentials not found. This API supports OAuth 2.0 authentication"
    return plain(401, message, "INVALID_AUTHENTICATION")


def expired() -> Refused:
    """Refuse an expired OAuth access token. The category is taken from reports; no live body is known."""
    return plain(401, "The OAuth token used to make this call has expired", "EXPIRED_AUTHENTICATION")


def missing_scopes(scope: str) -> Refused:
    """Refuse a token that lacks a scope."""
    context = {"requiredGranularScopes": [scope]}
    message = "This app hasn't been granted all required scopes to make this call."
    return plain(403, message, "MISSING_SCOPES", errors=[{"message": message, "context": context}])


def too_many(policy: str) -> Refused:
    """Refuse because a rate limit is spent. The body has `errorType` and no `category` (usage guidelines).

    For search it has no policy either: only the message names the limit (HubSpot's Node library).
    """
    body = {
        "status": "error",
        "message": f"You have reached your {policy.lower()} limit.",
        "errorType": "RATE_LIMIT",
        "correlationId": _correlation(),
        "requestId": str(uuid.uuid4()),
    }
    return Refused(429, body if policy == "SECONDLY" else body | {"policyName": policy})


def validation(message: str, **more: Any) -> Refused:
    """Refuse a request that is not valid."""
    return plain(400, message, "VALIDATION_ERROR", **more)


def invalid_properties(problems: Sequence[tuple[str, str, str]], *, named: bool = True) -> Refused:
    """Refuse properties, each with a code and a sentence.

    They stand as JSON inside the message's text (error-handling page), and in `errors`. There `context` names the
    property mostly, not always (public logs); without `named` neither place does.
    """
    errors = [{"message": message, "code": code} for _, code, message in problems]
    if not named:
        return validation(problems[0][2], errors=errors)
    listed = [{"isValid": False, "message": message, "error": code, "name": name} for name, code, message in problems]
    contexts = [{"context": {"propertyName": [name]}} for name, _, _ in problems]
    both = [error | context for error, context in zip(errors, contexts, strict=True)]
    return validation(f"Property values were not valid: {json.dumps(listed)}", errors=both)


def not_found(what: str) -> Refused:
    """Refuse an unknown object. The body for an enrollment or a contact is not known from live runs."""
    return plain(404, f"{what} not found", "OBJECT_NOT_FOUND")


def taken(contact_id: str) -> Refused:
    """Refuse an address that another contact has already."""
    return plain(409, f"Contact already exists. Existing ID: {contact_id}", "CONFLICT")


def no_grant(status: str, message: str) -> Refused:
    """Refuse to issue a token. The body is the one for an invalid refresh token (OAuth page)."""
    body = {"error": "invalid_grant", "error_description": message, "status": status, "message": message}
    return Refused(400, body)


def sequence_error(code: str, message: str) -> Refused:
    """Refuse an enrollment: HTTP 400 with an undocumented errorType (seen live)."""
    body = {
        "status": "error",
        "message": message,
        "errorType": f"SequenceError.{code}",
        "correlationId": _correlation(),
    }
    return Refused(400, body)
