"""Who may call the operator's routes: whoever holds the admin token. Without a configured token, nobody."""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import Depends, Request
from fastapi.exceptions import RequestValidationError
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from app.web.problems import CHALLENGE, Problem

if TYPE_CHECKING:
    from collections.abc import Callable

ANSWERS: dict[int | str, dict[str, Any]] = {
    401: {
        "description": "The admin token is missing or wrong",
        "headers": {"WWW-Authenticate": {"schema": {"type": "string"}, "example": CHALLENGE["WWW-Authenticate"]}},
    },
    403: {"description": "No admin token is configured"},
    503: {"description": "The store, or HubSpot, cannot be asked now: ask again after Retry-After seconds"},
}
PREFIXES = ("/api/", "/-/")  # of the operators' routes
_bearer = HTTPBearer(auto_error=False, description="SEGUE_ADMIN_TOKEN")


def known_parameters(request: Request) -> None:
    """Refuse a query parameter that the route does not have: a misspelt filter would show everybody's rows."""
    known = {parameter.alias for parameter in request.scope["route"].dependant.query_params}
    unknown = [name for name in request.query_params if name not in known]
    if unknown:
        raise RequestValidationError(
            [{"loc": ("query", name), "msg": "there is no such parameter"} for name in unknown]
        )


def bearer_of(header: str | None) -> str:
    """Return the token of an Authorization header, nothing where it holds none."""
    scheme, _, token = (header or "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def lets_in(token: str | None, given: str) -> Problem | None:
    """Return why whoever presents `given` is not let in, None where it is `token`: compared in constant time."""
    if token is None:
        return Problem(403, "admin-closed", "No SEGUE_ADMIN_TOKEN is configured, so these routes are closed.")
    if not hmac.compare_digest(given.encode(), token.encode()):
        return Problem(401, "not-authorised", "Send the admin token as `Authorization: Bearer ...`.")
    return None


def operator(token: str | None) -> Callable[..., None]:
    """Return the dependency that lets operators in; `operator_limits` asks the same before a body is read."""

    def authorise(presented: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]) -> None:
        problem = lets_in(token, presented.credentials if presented is not None else "")
        if problem is not None:
            raise problem

    return authorise
