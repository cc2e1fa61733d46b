"""All routes of the console, as one table: method, path, role, and what answers."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING

from starlette.routing import compile_path

from app.console import pages

if TYPE_CHECKING:
    import re
    from collections.abc import Awaitable, Callable, Iterable, Iterator

    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import Route

    from app.console.context import Console
    from app.console.page import Change, Page, Pages
    from app.operators import Role

JSON = ".json"


@dataclass(frozen=True, slots=True)
class Served:
    """One route. Exactly one of `page`, `change` and `open` is there; `open` needs no session."""

    method: str
    path: str
    role: Role | None
    pattern: re.Pattern[str]
    page: Page | None = None
    change: Change | None = None
    open: Callable[[Request], Awaitable[Response]] | None = None
    as_json: bool = False

    @property
    def name(self) -> str:
        """Return how the audit log calls it."""
        return f"{self.method} {self.path}"

    @property
    def changes(self) -> bool:
        """Whether a request is written to the audit log."""
        return (self.method == "POST" and self.change is not None) or bool(self.page and self.page.audited)


def read_pages(console: Console) -> list[Pages]:
    """Return what the modules of `app.console.pages` have, by name."""
    names = sorted(module.name for module in iter_modules(pages.__path__) if not module.name.startswith("_"))
    return [import_module(f"{pages.__name__}.{name}").pages(console) for name in names]


def table(modules: Iterable[Pages]) -> tuple[Served, ...]:
    """Return the routes of all pages. Paths without parameters are matched first: `/people/find` is no person."""
    routes = [route for module in modules for route in _routes(module)]
    return tuple(sorted(routes, key=lambda route: (route.path.count("{"), not route.as_json)))


def _routes(module: Pages) -> Iterator[Served]:
    for page in module.shown:
        if page.method == "GET":
            yield _served("GET", page.path + JSON, page.role, page=page, as_json=True)
        yield _served(page.method, page.path, page.role, page=page)
    for change in module.changes:
        for method in ("GET", "POST"):
            yield _served(method, change.path, change.role, change=change)


def open_routes(routes: Iterable[Route]) -> tuple[Served, ...]:
    """Return routes that need no session."""
    return tuple(
        _served(method, route.path, None, open=route.endpoint)
        for route in routes
        for method in sorted((route.methods or set()) - {"HEAD"})
    )


def _served(method: str, path: str, role: Role | None, **what: object) -> Served:
    return Served(method, path, role, compile_path(path)[0], **what)  # type: ignore[arg-type]  # one of three fields, by name


def match(routes: Iterable[Served], method: str, path: str) -> tuple[Served | None, frozenset[str]]:
    """Return the route of a request, and the methods that its path has a route for."""
    fitting = [route for route in routes if route.pattern.match(path)]
    wanted = "GET" if method == "HEAD" else method
    methods = frozenset(route.method for route in fitting)
    found = next((route for route in fitting if route.method == wanted), None)
    return found, methods | ({"HEAD"} if "GET" in methods else set())
