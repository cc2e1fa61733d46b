"""`/admin/sign-in` and its like: the pages by which people come in and go. They work without a script."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from app.audit.act import acting
from app.console.requests import read_form
from app.console.signin import links
from app.console.signin.closed import LinkPage, SignInPage, closed_page_facts, provider_name
from app.console.signin.cookies import LOGIN, SESSION, delete_cookie, read_cookie, set_cookie
from app.console.signin.desk import refused_page
from app.console.signin.login import LIFE, Returned
from app.console.signin.paths import LINK, OIDC_BEGIN, OIDC_CALLBACK, SIGN_IN, SIGN_OUT, local_path, with_next
from app.console.signin.sessions import LINK_GONE
from app.console.signin.visitor import Person, Way, act_of
from app.errors import SignInRefused
from app.masking import printable
from app.web.access.gate import closed
from app.web.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.requests import Request

    from app.console.signin.desk import Desk, Render
    from app.console.signin.login import Login

    Answer = Callable[[Desk, Render, Request], Awaitable[Response]]

LONGEST = 4096  # of what a form or a URL brings: codes of providers have up to some thousand characters
MOST_FIELDS = 10
UNAUTHORIZED, FORBIDDEN, UNPROCESSABLE, TOO_MANY = 401, 403, 422, 429
WRONG_TOKEN = "This token is none of SEGUE_TOKENS."  # noqa: S105  # a sentence, and no secret
NO_TOKEN = "Paste a token."  # noqa: S105  # as above
TOO_OFTEN = "More than ten sign-ins were begun from this address in a minute. Wait a moment, and begin again."
NO_PROVIDER = "No identity provider is configured here. The sign-in page says what to set."


def routes(desk: Desk, render: Render) -> list[Route]:
    """Return the routes, which need no session. Busy and HTTPException are left to the application around them."""
    table: list[tuple[str, str, str, Answer]] = [
        ("GET", SIGN_IN, Way.TOKEN, _ask),
        ("POST", SIGN_IN, Way.TOKEN, _by_token),
        ("POST", SIGN_OUT, Way.TOKEN, _sign_out),
        ("GET", LINK, Way.LINK, _ask_link),
        ("POST", LINK, Way.LINK, _by_link),
        ("GET", OIDC_BEGIN, Way.OIDC, _begin),
        ("GET", OIDC_CALLBACK, Way.OIDC, _callback),
    ]
    return [Route(path, _route(desk, render, way, answer), methods=[method]) for method, path, way, answer in table]


def _route(desk: Desk, render: Render, way: str, answer: Answer) -> Callable[[Request], Awaitable[Response]]:
    async def route(request: Request) -> Response:
        try:
            desk.own_form(request)
            return await answer(desk, render, request)
        except SignInRefused as error:
            await desk.turned_away(request, way, "console", error.status)
            return render(request, "message.html", refused_page(error), error.status)

    return route


async def _ask(desk: Desk, render: Render, request: Request) -> Response:
    following = local_path(request.query_params.get("next"))
    desk.secure(request)
    if await desk.visitor(request) is not None:
        return RedirectResponse(following, 303)
    return render(request, "signin.html", _page(desk, following))


def _page(desk: Desk, following: str, trouble: str | None = None) -> SignInPage:
    tokens = desk.gate.tokens.any
    return SignInPage(
        next=following,
        by_token=tokens,
        begin=with_next(OIDC_BEGIN, following) if desk.login else None,
        provider=provider_name(desk.login.provider.issuer) if desk.login else None,
        closed=closed_page_facts(tokens=tokens, missing_for_oidc=desk.missing_for_oidc),
        trouble=trouble,
    )


async def _by_token(desk: Desk, render: Render, request: Request) -> Response:
    desk.secure(request)
    form = await _form(request)
    following, presented = local_path(form.get("next")), form.get("token", "").strip()
    if not presented:
        return render(request, "signin.html", _page(desk, following, NO_TOKEN), UNPROCESSABLE)
    compared = desk.gate.compared(presented, desk.gate.address(request.scope)) if desk.gate.tokens.any else closed()
    if isinstance(compared, Problem):
        return await _wrong(desk, render, request, following, compared)
    who = compared.name
    return await desk.let_in(request, Person(who, who, compared.role, Way.TOKEN, compared.digest), following)


async def _wrong(desk: Desk, render: Render, request: Request, following: str, problem: Problem) -> Response:
    """Answer a token that is not let in. A page is no 401: a browser would look for another way to sign in."""
    wrong = problem.status == UNAUTHORIZED
    status = FORBIDDEN if wrong else problem.status
    reason = {TOO_MANY: "throttled", FORBIDDEN: "wrong"}.get(status, "console")
    await desk.turned_away(request, Way.TOKEN, reason, status)
    trouble = WRONG_TOKEN if wrong else problem.detail
    response = render(request, "signin.html", _page(desk, following, trouble), status)
    response.headers.update({name: value for name, value in (problem.headers or {}).items() if name == "Retry-After"})
    return response


async def _sign_out(desk: Desk, render: Render, request: Request) -> Response:  # noqa: ARG001  # as all routes
    secure = desk.secure(request)
    if visitor := await desk.visitor(request):
        with acting(act_of(visitor, desk.gate.address(request.scope), f"POST {SIGN_OUT}")):
            await desk.sessions.end_cookie(read_cookie(request, SESSION, secure=secure))
    response = RedirectResponse(SIGN_IN, 303)
    delete_cookie(response, SESSION, secure=secure)
    return response


async def _ask_link(desk: Desk, render: Render, request: Request) -> Response:
    """Show a button: programs that fetch links to preview them press none, so that the link stays good."""
    desk.secure(request)
    secret = request.query_params.get("link", "")[:LONGEST]
    person = await links.person_of(desk.store, secret, desk.now())
    if person is None:
        raise SignInRefused(LINK_GONE)
    return render(request, "link.html", LinkPage(person.name, person.role, secret))


async def _by_link(desk: Desk, render: Render, request: Request) -> Response:  # noqa: ARG001  # as all routes
    desk.secure(request)
    person = await links.person_of(desk.store, (await _form(request)).get("link", ""), desk.now())
    if person is None:
        raise SignInRefused(LINK_GONE)
    return await desk.let_in(request, person, local_path(None))


async def _begin(desk: Desk, render: Render, request: Request) -> Response:  # noqa: ARG001  # as all routes
    secure, login = desk.secure(request), _login(desk)
    _not_too_often(desk, request)
    begun = await login.begin(local_path(request.query_params.get("next")), desk.now())
    response = RedirectResponse(begun.url, 303)
    set_cookie(response, LOGIN, begun.secret, seconds=LIFE.total_seconds(), secure=secure)
    return response


def _not_too_often(desk: Desk, request: Request) -> None:
    """Refuse the logins that one address begins beyond ten a minute: each is a row."""
    address, now = desk.gate.address(request.scope), desk.gate.clock()
    wait = desk.begun.wait(address, b"", now)
    if wait > 0:
        raise SignInRefused(TOO_OFTEN, status=TOO_MANY)
    desk.begun.failed(address, now)


async def _callback(desk: Desk, render: Render, request: Request) -> Response:  # noqa: ARG001  # as all routes
    secure, login, given = desk.secure(request), _login(desk), request.query_params
    issuer = given.get("iss")
    returned = Returned(
        given.get("state", "")[:LONGEST],
        given.get("code", "")[:LONGEST],
        printable(given.get("error", ""))[:60],
        issuer,
    )
    person, following = await login.finish(read_cookie(request, LOGIN, secure=secure), returned, desk.now())
    response = await desk.let_in(request, person, following)
    delete_cookie(response, LOGIN, secure=secure)
    return response


def _login(desk: Desk) -> Login:
    if desk.login is None:
        raise SignInRefused(NO_PROVIDER, status=404)
    return desk.login


async def _form(request: Request) -> dict[str, str]:
    """Return the fields of a form, the last of each name."""
    form = await read_form(request, most=MOST_FIELDS)
    return {name: value[:LONGEST] for name, value in form.items()}
