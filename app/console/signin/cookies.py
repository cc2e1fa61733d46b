"""The cookies of signing in: one for a session, one for a login on its way."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.console.signin.origins import COOKIE, cookie_name

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

SESSION, LOGIN = COOKIE, f"{COOKIE}-login"


def read_cookie(request: Request, name: str, *, secure: bool) -> str:
    """Return a cookie's value, empty where the browser has none."""
    return request.cookies.get(cookie_name(name, secure=secure), "")


def set_cookie(response: Response, name: str, value: str, *, seconds: float, secure: bool) -> None:
    """Let the browser keep a value for `seconds`: for this host, for no script, and for no form of another site.

    Lax, for a browser that comes back from the identity provider must bring it along.
    """
    response.set_cookie(
        cookie_name(name, secure=secure),
        value,
        max_age=int(seconds),
        path="/",
        secure=secure,
        httponly=True,
        samesite="lax",
    )


def delete_cookie(response: Response, name: str, *, secure: bool) -> None:
    """Let the browser forget a value."""
    response.delete_cookie(cookie_name(name, secure=secure), path="/", secure=secure, httponly=True, samesite="lax")
