"""Access to the operators' routes: a caller needs the admin token. Without a configured token they are closed."""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.exceptions import RequestValidationError
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from app.web.problems import CHALLENGE, Problem

if TYPE_CHECKING:
    from collections.abc import Iterable

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


def reject_unknown_parameters(request: Request) -> None:
    """Reject a query parameter that the route does not have: a misspelt filter would return all rows."""
    known = {parameter.alias for parameter in request.scope["route"].dependant.query_params}
    unknown = [name for name in request.query_params if name not in known]
    if unknown:
        raise RequestValidationError(
            [{"loc": ("query", name), "msg": "there is no such parameter"} for name in unknown]
        )


def bearer_of(header: str | None) -> str:
    """Return the token of an Authorization header, an empty string where it holds none."""
    scheme, _, token = (header or "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def closed() -> Problem:
    """Return why the operators' routes are closed without an admin token."""
    return Problem(403, "admin-closed", "No SEGUE_ADMIN_TOKEN is configured, so these routes are closed.")


def authorise(token: str | None, presented: str) -> Problem | None:
    """Return why `presented` gives no access, None where it is `token`. The comparison takes constant time."""
    if token is None:
        return closed()
    if not hmac.compare_digest(presented.encode(), token.encode()):
        return Problem(401, "not-authorised", "Send the admin token as `Authorization: Bearer ...`.")
    return None


def operators_only(token: str | None, routers: Iterable[APIRouter]) -> APIRouter:
    """Return the routes of `routers`, each of which requires the admin token and rejects unknown parameters.

    `operator_limits` checks the same token before it reads a body.
    """

    def require_token(presented: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]) -> None:
        problem = authorise(token, presented.credentials if presented is not None else "")
        if problem is not None:
            raise problem

    guarded = APIRouter(dependencies=[Depends(require_token), Depends(reject_unknown_parameters)])
    for router in routers:
        guarded.include_router(router)
    return guarded
