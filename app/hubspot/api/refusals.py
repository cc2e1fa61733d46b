"""The error that an unsuccessful reply means. Sans-I/O.

The code of a refusal is read in the order that fits every body seen: `errorType`, `category` and `subCategory`,
`policyName`, `errors[].code`, `message`. HubSpot refuses an enrollment with `errorType: "SequenceError.<CODE>"`, which
no published schema mentions. A body without any of them has the code `HTTP_<status>`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NoReturn

from app.errors import OutcomeUnknown, Refusal
from app.hubspot.api.property_errors import (
    ADDRESS_INVALID,
    OF_THEIR_OWN,
    OF_VALUES,
    PROPERTY_INVALID,
    describe_properties,
    is_of_properties,
    property_code,
    property_problems,
)
from app.hubspot.api.replies import correlation_id, items, mapping, names, scrubbed, seconds, text, word

if TYPE_CHECKING:
    from app.hubspot.api.replies import Reply

REQUEST_TIMEOUT = 408
LOCKED = 423
TOO_MANY_REQUESTS = 429
MIGRATION = 477
LOCKED_WAIT_SECONDS = 2.0  # "at least 2 seconds": HubSpot's error-handling page

SEQUENCE_ERROR = "SequenceError."
VALIDATION = "VALIDATION_ERROR"
OF_PROPERTIES = OF_THEIR_OWN | {PROPERTY_INVALID}
CODE_BY_STATUS = {
    401: "INVALID_AUTHENTICATION",
    403: "FORBIDDEN",
    404: "OBJECT_NOT_FOUND",
    LOCKED: "LOCKED",
    MIGRATION: "MIGRATION",
}

# The longer name comes first: "ten_secondly_rolling" contains "secondly". `policyName` and message are matched alike.
LIMITS = (
    ("DAILY", "RATE_LIMIT_DAILY"),
    ("TEN_SECONDLY", "RATE_LIMIT_TEN_SECONDLY"),
    ("SECONDLY", "RATE_LIMIT_SECONDLY"),
)

# Texts that HubSpot sends without any code beside them.
CODE_BY_MESSAGE = (
    (re.compile(r"query param \w+ may not be null", re.IGNORECASE), VALIDATION),
    (re.compile(r"sequence id provided is invalid", re.IGNORECASE), "SEQUENCE_ID_INVALID"),
    (re.compile(r"contact already exists", re.IGNORECASE), "CONFLICT"),
)


def raise_for(reply: Reply) -> NoReturn:
    """Raise the error of an unsuccessful reply: Refusal, or OutcomeUnknown for 408 and 5xx."""
    body = mapping(reply.json())
    if reply.status == REQUEST_TIMEOUT or reply.status >= 500:  # noqa: PLR2004  # a status class of HTTP
        raise OutcomeUnknown(f"HubSpot answered {reply.status}")
    raise refusal(body, status=reply.status, retry_after=_retry_after(reply), correlation=correlation_of(reply))


def refusal(
    body: dict[str, Any], *, status: int, retry_after: float | None = None, correlation: str | None = None
) -> Refusal:
    """Return the refusal that an error body describes; each entry of a 207's `errors` is such a body too."""
    code = code_of(body, status)
    return Refusal(
        code,
        _detail(body, code),
        status=status,
        correlation_id=correlation_id(body.get("correlationId")) or correlation,
        retry_after=retry_after,
        properties=tuple(property_problems(body)),
    )


def correlation_of(reply: Reply) -> str | None:
    """Return HubSpot's id of the request, from the body of an error or the header."""
    header = reply.headers.get("x-hubspot-correlation-id")
    in_body = None if reply.ok else mapping(reply.json()).get("correlationId")
    return correlation_id(in_body) or correlation_id(header)


def code_of(body: dict[str, Any], status: int) -> str:
    """Return HubSpot's code of a refusal, `HTTP_<status>` when the body has none."""
    error_type = word(body.get("errorType")) or ""
    if error_type.startswith(SEQUENCE_ERROR) and len(error_type) > len(SEQUENCE_ERROR):
        return error_type.removeprefix(SEQUENCE_ERROR)
    if status == TOO_MANY_REQUESTS:
        return _limit(body)
    if status in {LOCKED, MIGRATION}:
        return CODE_BY_STATUS[status]
    code = error_type or _category(body) or word(body.get("policyName")) or _first_code(body) or _by_message(body)
    if code == PROPERTY_INVALID or (code in {VALIDATION, *OF_VALUES} and is_of_properties(body)):
        return property_code(body)
    return code or CODE_BY_STATUS.get(status, f"HTTP_{status}")


def _category(body: dict[str, Any]) -> str | None:
    # In CRM batches `subCategory` may be an object, for which `word` returns None.
    return word(body.get("category")) or word(body.get("subCategory"))


def _first_code(body: dict[str, Any]) -> str | None:
    return next((code for error in items(body.get("errors")) if (code := word(error.get("code")))), None)


def _by_message(body: dict[str, Any]) -> str | None:
    message = body.get("message")
    if not isinstance(message, str):
        return None
    return next((code for pattern, code in CODE_BY_MESSAGE if pattern.search(message)), None)


def _limit(body: dict[str, Any]) -> str:
    description = f"{text(body.get('policyName'))} {text(body.get('message'))}".upper()
    return next((code for name, code in LIMITS if name in description), "RATE_LIMIT")


def _retry_after(reply: Reply) -> float | None:
    wait = seconds(reply.headers.get("retry-after"))
    return max(wait or 0.0, LOCKED_WAIT_SECONDS) if reply.status == LOCKED else wait


def _detail(body: dict[str, Any], code: str) -> str:
    if code in OF_PROPERTIES or (code == ADDRESS_INVALID and is_of_properties(body)):
        return describe_properties(body)
    scopes = [name for error in items(body.get("errors")) for name in _scopes(mapping(error.get("context")))]
    return scrubbed(" ".join([str(text(body.get("message")) or ""), *scopes]))


def _scopes(context: dict[str, Any]) -> list[str]:
    """Return the missing scopes, any one of which is enough. The former key is `requiredScopes`."""
    return names(context.get("requiredGranularScopes")) or names(context.get("requiredScopes"))
