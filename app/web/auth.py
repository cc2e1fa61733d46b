"""Who may call the operator's routes: whoever holds the admin token. Without a configured token, nobody."""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import Depends, Request
from fastapi.exceptions import RequestValidationError
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from app.web.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Callable

ANSWERS: dict[int | str, dict[str, Any]] = {
    401: {"description": "The admin token is missing or wrong"},
    403: {"description": "No admin token is configured"},
    503: {"description": "The store, or HubSpot, cannot be asked now: ask again after Retry-After seconds"},
}
_bearer = HTTPBearer(auto_error=False, description="SEGUE_ADMIN_TOKEN")


def known_parameters(request: Request) -> None:
    """Refuse a query parameter that the route does not have: a misspelt filter would show everybody's rows."""
    known = {parameter.alias for parameter in request.scope["route"].dependant.query_params}
    unknown = [name for name in request.query_params if name not in known]
    if unknown:
        raise RequestValidationError(
            [{"loc": ("query", name), "msg": "there is no such parameter"} for name in unknown]
        )


def operator(token: str | None) -> Callable[..., None]:
    """Return the dependency that lets in whoever presents `token`, compared in constant time."""

    def authorise(presented: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]) -> None:
        if token is None:
            raise Problem(403, "admin-closed", "No SEGUE_ADMIN_TOKEN is configured, so these routes are closed.")
        given = presented.credentials if presented is not None else ""
        if not hmac.compare_digest(given.encode(), token.encode()):
            raise Problem(401, "not-authorised", "Send the admin token as `Authorization: Bearer ...`.")

    return authorise
