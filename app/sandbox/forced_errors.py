"""Any of HubSpot's refusals on request, each code in the body that HubSpot sends it in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.sandbox.errors import (
    Refused,
    expired,
    invalid_properties,
    missing_scopes,
    no_grant,
    not_found,
    plain,
    sequence_error,
    taken,
    too_many,
    unauthenticated,
    validation,
)
from app.sandbox.state.contact_properties import missing

if TYPE_CHECKING:
    from collections.abc import Callable

BAD_REQUEST = 400
TOO_MANY_REQUESTS = 429
SEQUENCE_ID_INVALID = "The sequence ID provided is invalid"
ON_REQUEST = "refused_on_request"
WITHOUT_A_POLICY = "You have reached your limit."

_POLICIES = {
    "RATE_LIMIT_DAILY": "DAILY",
    "RATE_LIMIT_TEN_SECONDLY": "TEN_SECONDLY_ROLLING",
    "RATE_LIMIT_SECONDLY": "SECONDLY",
}

# By code: a function of the scope that the request needs. For some codes only the status or the text is known from live
# runs: those bodies have no category.
_SHAPES: dict[str, Callable[[str], Refused]] = {
    "INVALID_AUTHENTICATION": lambda _: unauthenticated(),
    "EXPIRED_AUTHENTICATION": lambda _: expired(),
    "MISSING_SCOPES": missing_scopes,
    "FORBIDDEN": lambda _: plain(403, "This access token may not do this"),
    "LOCKED": lambda _: plain(423, "The resource is locked; wait at least 2 seconds"),
    "MIGRATION": lambda _: _migrating(),
    "PROPERTY_DATA_IS_INVALID": lambda _: _invalid("INVALID_LONG"),
    "PROPERTY_DOESNT_EXIST": lambda _: invalid_properties([(ON_REQUEST, *missing(ON_REQUEST))]),
    "READ_ONLY_VALUE": lambda _: _invalid("READ_ONLY_VALUE"),
    "INVALID_OPTION": lambda _: _invalid("INVALID_OPTION"),
    "VALIDATION_ERROR": lambda _: validation("Refused on request"),
    "SEQUENCE_ID_INVALID": lambda _: plain(400, SEQUENCE_ID_INVALID, context={"sequenceId": ["refused"]}),
    "OBJECT_NOT_FOUND": lambda _: not_found("resource"),
    "CONFLICT": lambda _: taken("3401"),
    "BAD_REFRESH_TOKEN": lambda _: no_grant("BAD_REFRESH_TOKEN", "refresh token is invalid, expired or revoked"),
}


# Every code that HubSpot is known to refuse with, and its status. Those of sequences follow `SequenceError.`.
_OF_SEQUENCES = """
    ALREADY_ENROLLED UNSUBSCRIBED UNSUBSCRIBED_PERSONAL BOUNCED RECIPIENT_PREVIOUSLY_BOUNCED
    RECIPIENT_PREVIOUSLY_BOUNCED_ON_PORTAL RECIPIENT_PREVIOUSLY_BOUNCED_GLOBALLY BLOCKED_ADDRESS BLOCKED_DOMAIN
    GLOBALLY_BLOCKED_RECIPIENT_ADDRESS GLOBALLY_BLOCKED_RECIPIENT_DOMAIN PREVIOUSLY_MARKED_AS_SPAM OTHER_SEND_REJECTED
    CONTACT_INVALID_EMAIL_ADDRESS CONTACT_MISSING GDPR SEND_LIMIT_EXCEEDED DISCONNECTED_INBOX
    NO_INBOX_FOR_SENDER_ADDRESS NO_SETTINGS_FOR_GENERIC_INBOX RATE_LIMITED_BY_CLIENT RATE_LIMITED_BY_PROVIDER
    GMAIL_SEND_FAIL PERMANENT_FAIL DOWNGRADE UNSATISFIABLE_CONSTRAINTS EMAIL_ATTACHMENT_PROCESSING_FAILED
    ENROLLMENT_STATE UNKNOWN OTHER
"""
STATUSES = dict.fromkeys(_OF_SEQUENCES.split(), BAD_REQUEST) | {
    "PROPERTY_DATA_IS_INVALID": 400,
    "PROPERTY_DOESNT_EXIST": 400,
    "READ_ONLY_VALUE": 400,
    "INVALID_OPTION": 400,
    "VALIDATION_ERROR": 400,
    "SEQUENCE_ID_INVALID": 400,
    "BAD_REFRESH_TOKEN": 400,
    "INVALID_AUTHENTICATION": 401,
    "EXPIRED_AUTHENTICATION": 401,
    "MISSING_SCOPES": 403,
    "USER_DOES_NOT_HAVE_PERMISSIONS": 403,
    "FORBIDDEN": 403,
    "OBJECT_NOT_FOUND": 404,
    "CONFLICT": 409,
    "LOCKED": 423,
    "RATE_LIMIT_DAILY": TOO_MANY_REQUESTS,
    "RATE_LIMIT_TEN_SECONDLY": TOO_MANY_REQUESTS,
    "RATE_LIMIT_SECONDLY": TOO_MANY_REQUESTS,
    "RATE_LIMIT": TOO_MANY_REQUESTS,
    "MIGRATION": 477,
}


def by_code(status: int | None, code: str, *, scope: str, retry_after: str | None = None) -> Refused:
    """Return the refusal with `code` for a request that needs `scope`; `status` replaces the code's own status."""
    chosen = status or STATUSES[code]
    refused = _limit(code) if chosen == TOO_MANY_REQUESTS else _shape(chosen, code, scope)
    wait = {"Retry-After": retry_after} if retry_after else {}
    return Refused(chosen, refused.body, refused.headers | wait)


def _shape(status: int, code: str, scope: str) -> Refused:
    if code in _SHAPES:
        return _SHAPES[code](scope)
    if status == BAD_REQUEST:
        return sequence_error(code, f"Refused on request: {code}")
    return plain(status, code, code)


def _limit(code: str) -> Refused:
    refused = too_many(_POLICIES.get(code, code))
    if code == "RATE_LIMIT":
        del refused.body["policyName"]
        refused.body["message"] = WITHOUT_A_POLICY
    return refused


def _invalid(code: str) -> Refused:
    return invalid_properties([(ON_REQUEST, code, f"Refused on request: {code}")])


def _migrating() -> Refused:
    """Refuse while the account moves to another data centre: Retry-After is in seconds (error-handling page)."""
    refused = plain(477, "The account is being migrated")
    return Refused(477, refused.body, {"Retry-After": "60"})
