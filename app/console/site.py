"""The console as an application: who asks, may they, what is answered, and what is written down of it."""

from __future__ import annotations

import json
import uuid
from dataclasses import asdict, dataclass
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote, urlencode

import orjson
import structlog
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from app.audit.act import Act, acting, because
from app.console import frames
from app.console.headers import HEADERS, UNKEPT
from app.console.page import ROOT, Confirm, Done, FormError, MoreThanShown, NotDone, Shown, Visit, shown_count
from app.console.rendering import Frame, render
from app.console.requests import link_of, link_path, path_of, read_form, require_plain
from app.console.routes import JSON, Served, match
from app.console.signin.cookies import delete_cookie, read_cookie, set_cookie
from app.console.signin.csrf import refusal
from app.console.static_files import served as served_files
from app.console.text import zone_named
from app.errors import Busy
from app.masking import masked_text, masked_value
from app.operators import Role
from app.web.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence
    from datetime import datetime

    from starlette.types import Receive, Scope, Send

    from app.console.frames import Rail
    from app.console.page import Change, Page
    from app.console.signin.desk import Desk
    from app.console.signin.visitor import Visitor

OVERVIEW, SIGN_IN, STATIC = f"{ROOT}/overview", f"{ROOT}/sign-in", f"{ROOT}/static/"
MESSAGE = "segue-done"  # the cookie of a sentence that the next page shows once
REFRESHING = "hx-request"  # what htmx sends with its requests
MESSAGE_CHARACTERS, MESSAGE_SECONDS = 400, 60
NOTHING: Mapping[str, str] = MappingProxyType({})
PERSON = "person"  # the parameter of paths that is an address, encrypted: it stays out of the audit log
STORE_GONE = (
    "The database does not answer, so that this page cannot be read. Webhooks are answered 503 until it does, and most "
    "tools send them again."
)

UNSURE = (
    "The database does not answer, so that it is not known whether the change was made. Look at what it was about "
    "before you ask for it again."
)

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Site:
    """The pages of one process.

    `desk` knows who has the session of a request. `rail` reads what stands around each page, and `record` writes an act
    down with the status of its answer.
    """

    routes: tuple[Served, ...]
    places: Sequence[frames.Placed]
    rail: Callable[[], Awaitable[Rail]]
    desk: Desk
    record: Callable[..., Awaitable[None]]
    now: Callable[[], datetime]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request = Request(scope, receive)
        response = await self._answer(request)
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        response.headers.setdefault("Cache-Control", UNKEPT)
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        path = path_of(request)
        if path in {ROOT, f"{ROOT}/"}:
            return RedirectResponse(OVERVIEW, 303)
        try:
            require_plain(request)
            return _file(path) if path.startswith(STATIC) else await self._routed(request)
        except Problem as problem:
            return _problem(request, problem)
        except HTTPException as error:
            return _problem(request, Problem(error.status_code, "not-taken", str(error.detail)))
        except Busy as busy:
            log.warning("console.store_unavailable", path=masked_text(path), error=str(busy))
            return _problem(request, _busy(busy, request.method))
        except Exception as error:
            instance = f"urn:uuid:{uuid.uuid4()}"
            log.exception("console.defect", instance=instance, exc_info=error)
            return _problem(
                request, Problem(500, "defect", f"Something went wrong; the log says more under {instance}.")
            )

    async def _routed(self, request: Request) -> Response:
        route, methods = match(self.routes, request.method, path_of(request))
        if route is None:
            raise _no_route(methods)
        if route.open is not None:
            return await route.open(request)
        if why := refusal(request.method, request.scope["headers"], self.desk.origins.own(request.scope)):
            raise Problem(403, "other-site", f"The form was not taken: {why}. Nothing was changed.")
        visitor = await self.desk.visitor(request)
        if visitor is None:
            return _to_sign_in(request, route)
        return await self._judged(request, route, visitor)

    async def _judged(self, request: Request, route: Served, visitor: Visitor) -> Response:
        gate = self.desk.gate
        needed, match_ = route.role or Role.VIEWER, route.pattern.match(path_of(request))
        parameters = match_.groupdict() if match_ else {}
        target = ", ".join(value for name, value in parameters.items() if name != PERSON) or None
        act = Act(visitor.who, visitor.role, gate.address(request.scope), route.name, target, gate.revision())
        if not visitor.role.may(needed):
            await self.record(act, 403, changes=True)
            raise Problem(403, "role-too-low", f"This needs the role {needed}; {visitor.name} is {visitor.role}.")
        status = 500
        try:
            with acting(act):
                response = await self._shown(request, route, visitor, parameters)
            if self._message(request) and not route.as_json:
                delete_cookie(response, MESSAGE, secure=self.desk.secure(request))
            status = response.status_code
        except Problem as problem:
            status = problem.status
            raise
        except Busy as busy:
            status = busy.status
            raise
        finally:
            await self.record(act, status, changes=route.changes)
        return response

    async def _shown(self, request: Request, route: Served, visitor: Visitor, parameters: dict[str, str]) -> Response:
        rail = await self.rail()
        zone = zone_named(visitor.zone or rail.zone)
        form = await read_form(request) if request.method == "POST" else {}
        asked = dict(request.query_params)
        still = asked.pop(frames.STILL, None) is not None
        visit = Visit(visitor, link_path(request), parameters, asked, form, self.now(), zone)
        frame = frames.frame(self.places, rail, visit, self.desk.gate.revision(), self._message(request))
        if route.page is not None:
            model = await route.page.read(visit)
            if route.as_json and not isinstance(model, Response):
                return _json(model, visit.visitor)
            return _page(route.page, model, visit, frames.live(frame, visit, lives(route.page, model), still=still))
        return await self._change(request, route, visit, frame)

    async def _change(self, request: Request, route: Served, visit: Visit, frame: Frame) -> Response:
        """Ask at GET. At POST ask again where more would change by now or nothing can, else do it."""
        change = route.change
        if change is None:
            raise AssertionError("a route has a page or a change")
        page = partial(_confirm, visit.visitor, frame, link_of(request))
        confirm = await change.ask(visit)
        if request.method != "POST":  # HEAD asks as GET does
            return page(confirm, 200)
        if confirm.impossible is not None:
            return page(confirm, 409)
        if _more_than_shown(confirm, visit.form):
            return page(confirm, 409, values=visit.form, again=True)
        answer = await self._acted(request, change, visit, confirm, page)
        if isinstance(answer, Shown):
            return _html(answer.template, visit.visitor, frame, page=answer.model)
        return answer

    async def _acted(
        self, request: Request, change: Change, visit: Visit, confirm: Confirm, page: Callable[..., Response]
    ) -> Response | Shown:
        because(visit.form.get("reason"))
        try:
            done = await change.act(visit)
            return done if isinstance(done, Shown) else self._done(request, done)
        except MoreThanShown:
            return page(await change.ask(visit), 409, values=visit.form, again=True)
        except NotDone as error:
            return page(error.page, 422)
        except FormError as error:
            return page(confirm, 422, values=visit.form, error=error)

    def _done(self, request: Request, done: Done) -> Response:
        """Lead to the page that shows the result, and let the browser bring the sentence that is shown there once."""
        response = RedirectResponse(done.location, 303)
        kept = quote(done.message[:MESSAGE_CHARACTERS])
        set_cookie(response, MESSAGE, kept, seconds=MESSAGE_SECONDS, secure=self.desk.secure(request))
        return response

    def _message(self, request: Request) -> str | None:
        """Return the sentence that is shown once: to a person who opens a page, not where another one refreshes."""
        if request.method != "GET" or REFRESHING in request.headers:
            return None
        kept = read_cookie(request, MESSAGE, secure=self.desk.secure(request))
        return unquote(kept)[:MESSAGE_CHARACTERS] or None


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


def _busy(busy: Busy, method: str) -> Problem:
    """Return what is said where a page cannot be read now; a change may have been made, or not."""
    gone = busy.reason == "store_unavailable"
    detail = (UNSURE if method == "POST" else STORE_GONE) if gone else f"{str(busy)[:1].upper()}{str(busy)[1:]}."
    return Problem(503, "busy", detail, headers={"Retry-After": str(busy.retry_after)})


def _no_route(methods: frozenset[str]) -> Problem:
    """Return what is said of a path without a route, or without one for the method of the request."""
    if not methods:
        return Problem(404, "not-found", "There is no such page.")
    allowed = {"Allow": ", ".join(sorted(methods))}
    return Problem(405, "method-not-allowed", "There is no such page.", headers=allowed)


def _file(path: str) -> Response:
    file = served_files().get(path.removeprefix(STATIC))
    if file is None:
        raise Problem(404, "not-found", "There is no such file.")
    return file.response()


def _problem(request: Request, problem: Problem) -> Response:
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


def _to_sign_in(request: Request, route: Served) -> Response:
    """Send a person to sign in, and back to the page afterwards; a program is answered that it needs a session."""
    if route.as_json:
        return Problem(401, "not-signed-in", f"Sign in at {SIGN_IN}.").response()
    return RedirectResponse(f"{SIGN_IN}?{urlencode({'next': _where(request)})}", 303)


def _where(request: Request) -> str:
    """Return the page that was asked for, the overview where a form was sent."""
    if request.method != "GET":
        return OVERVIEW
    return link_of(request)


def lives(page: Page, model: Any) -> int | None:
    """Return after how many seconds a page refreshes itself; not where its model says that it is `over`."""
    return None if getattr(model, "over", False) else page.live


def _page(page: Page, model: Any, visit: Visit, frame: Frame) -> Response:
    return model if isinstance(model, Response) else _html(page.template, visit.visitor, frame, page=model)


def _more_than_shown(confirm: Confirm, form: Any) -> bool:
    return confirm.count is not None and confirm.count > shown_count(form)


def _confirm(
    visitor: Visitor,
    frame: Frame,
    action: str,
    confirm: Confirm,
    status: int,
    *,
    values: Mapping[str, str] = NOTHING,
    again: bool = False,
    error: FormError | None = None,
) -> Response:
    """Return a confirm page. `values` are the fields as they were sent, `again` that more match than were shown."""
    return _html(
        "confirm.html",
        visitor,
        frame,
        status=status,
        page=confirm,
        action=confirm.action or action,
        values=values,
        again=again,
        error=error,
    )


def _html(template: str, visitor: Visitor, frame: Frame, *, status: int = 200, **values: Any) -> Response:
    """Return a page. A viewer's has every address masked, wherever it stands; all others are masked by the pages."""
    html = render(template, frame=frame, now=frame.now, zone=frame.zone, **values)
    if visitor.role is Role.VIEWER:
        html = masked_text(html)
    return Response(html, status, media_type="text/html")


def as_json(model: Any) -> bytes:
    """Return a page's model as JSON. Its figures may be those of a payload, which have any size."""
    try:
        return orjson.dumps(model, default=str)
    except TypeError:  # orjson takes no integer beyond 64 bits
        return json.dumps(asdict(model), default=_as_text, ensure_ascii=False).encode()


def _as_text(value: Any) -> str:
    text: str = getattr(value, "isoformat", value.__str__)()
    return text


def _json(model: Any, visitor: Visitor) -> Response:
    body = as_json(model)
    if visitor.role is Role.VIEWER:
        return JSONResponse(masked_value(orjson.loads(body)))
    return Response(body, media_type="application/json")
