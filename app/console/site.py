"""The console as an application: who asks, may they, what is answered, and what is written down of it."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote

import structlog
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from app.audit.act import Act, acting, because
from app.console import frames
from app.console.answers import confirm_answer, html_answer, json_answer, lives, page_answer
from app.console.headers import HEADERS, UNKEPT
from app.console.once import SHOWN_BEFORE
from app.console.page import ROOT, Done, FormError, MoreThanShown, NotDone, Shown, Visit, shown_count
from app.console.requests import link_of, link_path, path_of, read_form, require_plain
from app.console.routes import Served, match
from app.console.signin.cookies import delete_cookie, read_cookie, set_cookie
from app.console.signin.csrf import refusal
from app.console.static_files import served as served_files
from app.console.text import zone_named
from app.console.troubles import OVERVIEW, busy_problem, no_route, problem_page, to_sign_in
from app.errors import Busy
from app.masking import masked_text
from app.operators import Role
from app.web.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence
    from datetime import datetime

    from starlette.types import Receive, Scope, Send

    from app.console.frames import Rail
    from app.console.once import OnceOnly
    from app.console.page import Change, Confirm
    from app.console.rendering import Frame
    from app.console.signin.desk import Desk
    from app.console.signin.visitor import Visitor

STATIC = f"{ROOT}/static/"
MESSAGE = "segue-done"  # the cookie of a sentence that the next page shows once
REFRESHING = "hx-request"  # what htmx sends with its requests
MESSAGE_CHARACTERS, MESSAGE_SECONDS = 400, 60
PERSON = "person"  # the parameter of paths that is an address, encrypted: it stays out of the audit log
log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Site:
    """The pages of one process.

    `desk` knows who has the session of a request. `rail` reads what stands around each page. `record` writes an act
    down with the status of its answer, and `look` a look before it is shown. `forms` are those that were sent.
    """

    routes: tuple[Served, ...]
    places: Sequence[frames.Placed]
    rail: Callable[[], Awaitable[Rail]]
    desk: Desk
    record: Callable[..., Awaitable[None]]
    look: Callable[[], Awaitable[None]]
    forms: OnceOnly
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
            return problem_page(request, problem)
        except HTTPException as error:
            return problem_page(request, Problem(error.status_code, "not-taken", str(error.detail)))
        except Busy as busy:
            log.warning("console.store_unavailable", path=masked_text(path), error=str(busy))
            return problem_page(request, busy_problem(busy, request.method))
        except Exception as error:
            instance = f"urn:uuid:{uuid.uuid4()}"
            log.exception("console.defect", instance=instance, exc_info=error)
            return problem_page(
                request, Problem(500, "defect", f"Something went wrong; the log says more under {instance}.")
            )

    async def _routed(self, request: Request) -> Response:
        route, methods = match(self.routes, request.method, path_of(request))
        if route is None:
            raise no_route(methods)
        if route.open is not None:
            return await route.open(request)
        if why := refusal(request.method, request.scope["headers"], self.desk.origins.own(request.scope)):
            raise Problem(403, "other-site", f"The form was not taken: {why}. Nothing was changed.")
        visitor = await self.desk.visitor(request)
        if visitor is None:
            return to_sign_in(request, route)
        return await self._judged(request, route, visitor)

    async def _judged(self, request: Request, route: Served, visitor: Visitor) -> Response:
        gate = self.desk.gate
        needed, match_ = route.role or Role.VIEWER, route.pattern.match(path_of(request))
        parameters = match_.groupdict() if match_ else {}
        target = ", ".join(value for name, value in parameters.items() if name != PERSON) or None
        act = Act(visitor.who, visitor.role, gate.address(request.scope), route.name, target, gate.revision())
        if not visitor.role.may(needed):
            await self.record(act, 403, changes=True)
            raise Problem(
                403,
                "role-too-low",
                f"This needs the role {needed}; {visitor.name} is {visitor.role}. Ask a person who has it.",
            )
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
            if route.page.audited:
                await self.look()
            if route.as_json and not isinstance(model, Response):
                return json_answer(model, visit.visitor)
            return page_answer(
                route.page, model, visit, frames.live(frame, visit, lives(route.page, model), still=still)
            )
        return await self._change(request, route, visit, frame)

    async def _change(self, request: Request, route: Served, visit: Visit, frame: Frame) -> Response:
        """Ask at GET. At POST ask again where more would change by now or nothing can, else do it."""
        change = route.change
        if change is None:
            raise AssertionError("a route has a page or a change")
        page = partial(confirm_answer, visit.visitor, frame, link_of(request))
        if request.method != "POST":  # HEAD asks as GET does
            return page(await change.ask(visit), 200)
        answer = await self.forms.answer(request, visit, partial(self._confirmed, change, visit, page))
        if isinstance(answer, Shown):
            return html_answer(answer.template, visit.visitor, frame, page=answer.model)
        return self._done(request, answer) if isinstance(answer, Done) else answer

    async def _confirmed(self, change: Change, visit: Visit, page: Callable[..., Response]) -> Response | Done | Shown:
        confirm = await change.ask(visit)
        if confirm.impossible is not None:
            return page(confirm, 409)
        if _more_than_shown(confirm, visit.form):
            return page(confirm, 409, values=visit.form, again=True)
        because(visit.form.get("reason"))
        try:
            done = await change.act(visit)
            await self.forms.keep(visit, Done(confirm.back, SHOWN_BEFORE) if isinstance(done, Shown) else done)
            return done  # noqa: TRY300  # what is raised above is answered below
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


def _file(path: str) -> Response:
    file = served_files().get(path.removeprefix(STATIC))
    if file is None:
        raise Problem(404, "not-found", "There is no such file.")
    return file.response()


def _more_than_shown(confirm: Confirm, form: Mapping[str, str]) -> bool:
    return confirm.count is not None and not confirm.flows and confirm.count > shown_count(form)
