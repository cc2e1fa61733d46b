"""What a person is answered where a page cannot be shown: a page that says why, and where to go on."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlencode

from starlette.responses import RedirectResponse, Response

from app.console.page import ROOT
from app.console.rendering import render
from app.console.requests import link_of, path_of
from app.console.routes import JSON
from app.console.text import capital
from app.errors import Busy
from app.web.problems import Problem

if TYPE_CHECKING:
    from starlette.requests import Request

    from app.console.routes import Served

OVERVIEW, SIGN_IN = f"{ROOT}/overview", f"{ROOT}/sign-in"
STORE_GONE = (
    "The database does not answer, so that this page cannot be read. Webhooks are answered 503 until it does, and most "
    "tools send them again."
)

UNSURE = (
    "The database does not answer, so that it is not known whether the change was made. Look at what it was about "
    "before you ask for it again."
)
NO_PAGE = "Nothing stands at this address: the link is mistyped, or leads to what is there no more."
TITLES = {
    400: "That cannot be read",
    403: "You may not do that",
    404: "There is no such page",
    405: "There is no such page",
    409: "That is not possible now",
    415: "That cannot be read",
    422: "That cannot be read",
    500: "Something went wrong here",
    503: "The store is away",
}


def busy_problem(busy: Busy, method: str) -> Problem:
    """Return what is said where a page cannot be read now; a change may have been made, or not."""
    gone = busy.reason == "store_unavailable"
    detail = (UNSURE if method == "POST" else STORE_GONE) if gone else f"{capital(str(busy))}."
    return Problem(503, "busy", detail, headers={"Retry-After": str(busy.retry_after)})


def no_route(methods: frozenset[str]) -> Problem:
    """Return what is said of a path without a route, or without one for the method of the request."""
    if not methods:
        return Problem(404, "not-found", NO_PAGE)
    allowed = {"Allow": ", ".join(sorted(methods))}
    return Problem(405, "method-not-allowed", NO_PAGE, headers=allowed)


def problem_page(request: Request, problem: Problem) -> Response:
    """Return what went wrong: a page for a person, a problem document for a program."""
    if path_of(request).endswith(JSON):
        return problem.response()
    title = TITLES.get(problem.status, "This did not work")
    away = problem.status == Busy.status
    if away and problem.detail not in {STORE_GONE, UNSURE}:
        title = TITLES[409]
    url, word = (_where(request), "Try again") if away else (OVERVIEW, "Go to the overview")
    page = {"title": title, "lines": [problem.detail], "url": url, "word": word}
    html = render("message.html", page=page)
    return Response(html, problem.status, dict(problem.headers or {}), "text/html")


def to_sign_in(request: Request, route: Served) -> Response:
    """Send a person to sign in, and back to the page afterwards; a program is answered that it needs a session."""
    if route.as_json:
        return Problem(401, "not-signed-in", f"Sign in at {SIGN_IN}.").response()
    return RedirectResponse(f"{SIGN_IN}?{urlencode({'next': _where(request)})}", 303)


def _where(request: Request) -> str:
    """Return the page that was asked for, the overview where a form was sent."""
    if request.method != "GET":
        return OVERVIEW
    return link_of(request)
