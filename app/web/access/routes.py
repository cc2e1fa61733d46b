"""Which role a route needs: `viewer` where it reads, `operator` where it changes something, or what it says itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fastapi.routing import APIRoute

from app.operators import Role

if TYPE_CHECKING:
    import re
    from collections.abc import Iterable, Iterator

    from fastapi import APIRouter

KEY = "x-role"
# For `openapi_extra` of a route: the API's document shows it, too.
FOR_ADMINS: dict[str, Any] = {KEY: Role.ADMIN.value}
# A POST that reads: what it asks for is in its body, so that no address stands in a URL.
READS: dict[str, Any] = {KEY: Role.VIEWER.value}


@dataclass(frozen=True, slots=True)
class GuardedRoute:
    """One route of operators: `path` as the API's document has it."""

    method: str
    path: str
    role: Role
    pattern: re.Pattern[str]

    @property
    def name(self) -> str:
        """Return how the audit log calls it."""
        return f"{self.method} {self.path}"

    @property
    def changes(self) -> bool:
        """Whether it changes something."""
        return self.role is not Role.VIEWER


def guarded_routes(routers: Iterable[APIRouter]) -> tuple[GuardedRoute, ...]:
    """Return the routes of resources, in their order."""
    return tuple(_guarded(routers))


def _guarded(routers: Iterable[APIRouter]) -> Iterator[GuardedRoute]:
    for router in routers:
        for route in router.routes:
            if isinstance(route, APIRoute):
                for method in sorted(route.methods or ()):
                    role = Role((route.openapi_extra or {}).get(KEY, default_role(method)))
                    yield GuardedRoute(method, route.path_format, role, route.path_regex)


def default_role(method: str) -> Role:
    """Return the role that a method needs where a route says nothing."""
    return Role.VIEWER if method.upper() in {"GET", "HEAD"} else Role.OPERATOR


def route_of(routes: Iterable[GuardedRoute], method: str, path: str) -> GuardedRoute | None:
    """Return the route of a request, None where there is none."""
    return next((route for route in routes if route.method == method and route.pattern.match(path)), None)
