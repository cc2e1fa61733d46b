"""`/docs` and `/openapi.json`: where they are, what they show, and that a browser asks no other host for anything."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from html.parser import HTMLParser
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

import pytest

from tests.support.service import ADMIN_TOKEN, BASE, Running, running

if TYPE_CHECKING:
    from pathlib import Path

PAGES = ["/docs", "/openapi.json"]


class Walk(HTMLParser):
    """What a page has: its elements, the ids and URLs in them, and its texts; void elements aside, each is closed."""

    VOID = ("meta", "link", "img", "br")

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[str] = []
        self.ids: set[str] = set()
        self.urls: list[str] = []
        self.texts: dict[str, list[str]] = {}
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(tag)
        for name, value in attrs:
            assert not name.startswith("on"), "a script"
            if name == "id":
                self.ids.add(value or "")
            if name in {"src", "href", "srcset", "action", "data", "poster"}:
                self.urls.append(value or "")

    def handle_data(self, data: str) -> None:
        self.texts.setdefault(self.elements[-1] if self.elements else "", []).append(data)


async def test_the_page_names_every_operation_and_loads_nothing(web: Running) -> None:
    answer = await web.get("/docs")
    walk = Walk(answer.text)
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert {"script", "link", "img", "iframe", "object", "form", "base"}.isdisjoint(walk.elements)
    assert {urlsplit(urljoin(f"{BASE}/docs", url)).netloc for url in walk.urls} == {urlsplit(BASE).netloc}
    assert {url[1:] for url in walk.urls if url.startswith("#")} <= walk.ids
    (style,) = walk.texts["style"]
    assert "url(" not in style
    assert "@import" not in style
    assert {path for path in web.public.openapi()["paths"] if path not in walk.texts["code"]} == set()


async def test_the_policy_allows_the_style_of_the_page_and_nothing_else(web: Running) -> None:
    answer = await web.get("/docs")
    (style,) = Walk(answer.text).texts["style"]
    digest = b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = dict(part.split(" ", 1) for part in answer.headers["content-security-policy"].split("; "))
    assert policy == {
        "default-src": "'none'",
        "style-src": f"'sha256-{digest}'",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
    }


async def test_what_a_caller_sends_is_no_markup(web: Running) -> None:
    answer = await web.client.get(
        "/docs", headers={"host": '"><script>alert(1)</script>', "authorization": f"Bearer {ADMIN_TOKEN}"}
    )
    assert "<script>" not in answer.text


async def test_the_document_for_programs_is_that_of_the_page(web: Running) -> None:
    document = (await web.get("/openapi.json")).json()
    assert document == web.public.openapi()
    assert {"/webhooks/{source}", "/api/v1/enrollments"} <= set(document["paths"])
    assert set(PAGES).isdisjoint(document["paths"])


@pytest.mark.parametrize("path", PAGES)
async def test_without_an_admin_token_they_are_closed(database_url: str, rules: Path, path: str) -> None:
    async with running(database_url, rules, tokens="") as web:
        answer = await web.client.get(path)
        assert (answer.status_code, answer.json()["type"].partition("#")[2]) == (403, "admin-closed")


@pytest.mark.parametrize("path", ["/redoc", "/docs/oauth2-redirect"])
async def test_the_pages_of_the_framework_are_not_there(web: Running, path: str) -> None:
    assert (await web.client.get(path)).status_code == 404
