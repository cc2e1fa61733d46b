"""Access to the operators' routes, asked once more at each route: the gate has let the request in, by a token."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.exceptions import RequestValidationError
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from app.web.access.gate import ENTRY
from app.web.problems import CHALLENGE, Problem

if TYPE_CHECKING:
    from collections.abc import Iterable

ANSWERS: dict[int | str, dict[str, Any]] = {
    401: {
        "description": "The token is missing or wrong",
        "headers": {"WWW-Authenticate": {"schema": {"type": "string"}, "example": CHALLENGE["WWW-Authenticate"]}},
    },
    403: {"description": "The token's role may not do that, or no token is configured"},
    429: {"description": "Too many wrong tokens came from this address: ask again after Retry-After seconds"},
    503: {"description": "The store, or HubSpot, cannot be asked now: ask again after Retry-After seconds"},
}
_bearer = HTTPBearer(auto_error=False, description="A token of SEGUE_TOKENS")


def reject_unknown_parameters(request: Request) -> None:
    """Reject a query parameter that the route does not have: a misspelt filter would return all rows."""
    known = {parameter.alias for parameter in request.scope["route"].dependant.query_params}
    unknown = [name for name in request.query_params if name not in known]
    if unknown:
        raise RequestValidationError(
            [{"loc": ("query", name), "msg": "there is no such parameter"} for name in unknown]
        )


def _require_role(request: Request, _: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]) -> None:
    entry = request.scope.get(ENTRY)
    if entry is None or entry.route is None or not entry.token.role.may(entry.route.role):
        raise _not_let_in()


def _require_token(request: Request) -> None:
    if ENTRY not in request.scope:
        raise _not_let_in()


def _not_let_in() -> Problem:
    return Problem(403, "not-let-in", "This route is behind a gate, and the request did not pass it.")


def operators_only(routers: Iterable[APIRouter]) -> APIRouter:
    """Return the routes of `routers`: none answers a request that the gate did not let in, or an unknown parameter."""
    guarded = APIRouter(dependencies=[Depends(_require_role), Depends(reject_unknown_parameters)])
    for router in routers:
        guarded.include_router(router)
    return guarded


def with_token_only(routers: Iterable[APIRouter]) -> APIRouter:
    """Return pages that answer no request which the gate did not let in by any token.

    The gate knows pages by their path, and the router by a pattern that also fits other spellings, `/metrics%0A`.
    """
    guarded = APIRouter(dependencies=[Depends(_require_token)])
    for router in routers:
        guarded.include_router(router)
    return guarded
