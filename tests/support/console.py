"""A browser without a screen: it keeps the console's cookies, and says of its forms where they come from."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any

import httpx

from app.clock import utc_now
from app.console.signin.origins import COOKIE, cookie_name
from app.console.signin.sessions import Sessions
from app.console.signin.store import SignInStore
from app.console.signin.visitor import Person, Way
from app.console.signin.wiring import terms
from app.operators import Role, digest_of, read_tokens
from tests.support.service import ADMIN_TOKEN, BASE, OPERATOR_TOKEN, TOKENS, VIEWER_TOKEN, Running

if TYPE_CHECKING:
    from collections.abc import Mapping

SIGNED_IN = {
    Role.VIEWER: ("vera", VIEWER_TOKEN),
    Role.OPERATOR: ("olga", OPERATOR_TOKEN),
    Role.ADMIN: ("ada", ADMIN_TOKEN),
}
OWN_FORM = {"sec-fetch-site": "same-origin", "origin": BASE}


class Browser:
    """One person's browser."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self.client = client

    async def get(self, path: str, **query: str) -> httpx.Response:
        """Open a page."""
        return await self.client.get(f"/admin{path}", params=query)

    async def json(self, path: str, **query: str) -> Any:
        """Return the model of a page."""
        response = await self.client.get(f"/admin{path}.json", params=query)
        assert response.status_code == 200, response.text
        return response.json()

    async def post(self, path: str, form: Mapping[str, str] | None = None, **query: str) -> httpx.Response:
        """Send a form of the console."""
        return await self.client.post(f"/admin{path}", data=dict(form or {}), params=query, headers=OWN_FORM)

    async def confirm(self, path: str, form: Mapping[str, str] | None = None, **query: str) -> httpx.Response:
        """Open a confirm page, send its form with all that it holds, and return the answer."""
        asked = await self.get(path, **query)
        assert asked.status_code == 200, asked.text
        fields = form_of(asked.text, f"/admin{path}")
        return await self.post(path, {**fields, **(form or {})}, **query)


async def signed_in(web: Running, role: Role) -> Browser:
    """Return the browser of a person who has signed in by a token of this role."""
    name, token = SIGNED_IN[role]
    sessions = Sessions(SignInStore(web.process.engine), lambda: read_tokens(TOKENS), terms(web.process.settings))
    cookie = await sessions.begin(Person(name, name, role, Way.TOKEN, digest_of(token)), utc_now())
    client = httpx.AsyncClient(transport=httpx.ASGITransport(web.operators), base_url=BASE)
    client.cookies.set(cookie_name(COOKIE, secure=True), cookie)
    return Browser(client)


class _Fields(HTMLParser):
    """Collects the fields of the form that posts to `action`, as a browser would send them."""

    def __init__(self, action: str) -> None:
        super().__init__()
        self._action = action
        self._inside = False
        self._open: str | None = None
        self.fields: dict[str, str] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._inside = values.get("action", "").partition("?")[0] == self._action
        elif self._inside and tag == "input" and "name" in values:
            if values.get("type") not in {"checkbox", "radio"} or "checked" in values:
                self.fields[values["name"]] = values.get("value", "")
        elif self._inside and tag in {"textarea", "select"}:
            self._open = values.get("name")
            self.fields.setdefault(self._open or "", "")
        elif self._inside and tag == "option" and self._open and "selected" in values:
            self.fields[self._open] = values.get("value", "")

    def handle_data(self, data: str) -> None:
        if self._inside and self._open and self.get_starttag_text() and "<textarea" in (self.get_starttag_text() or ""):
            self.fields[self._open] += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._inside = False
        elif tag in {"textarea", "select"}:
            self._open = None


def form_of(html: str, action: str) -> dict[str, str]:
    """Return the fields of the form of a page that posts to `action`."""
    parser = _Fields(action)
    parser.feed(html)
    return parser.fields
