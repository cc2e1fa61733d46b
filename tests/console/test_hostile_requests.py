"""Requests that no page sends: each is answered by a page, changes nothing, and is no defect in the log."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import pytest

from app.console.person_links import PersonLinks
from tests.console.places import fill, parameters_of, path_of, query_of, served
from tests.console.test_every_route import contents
from tests.support.console import OWN_FORM, Browser
from tests.support.service import BASE

if TYPE_CHECKING:
    from tests.support.service import Running

HOST = BASE.partition("//")[2].encode()
FORM = "application/x-www-form-urlencoded"
PARTS = "multipart/form-data; boundary=x"
FILE = b'--x\r\ncontent-disposition: form-data; name="token"; filename="a"\r\n\r\nb\r\n--x--\r\n'
PLAIN = b'--x\r\ncontent-disposition: form-data; name="token"\r\n\r\na@b\r\n--x--\r\n'
MANY = "&".join(f"f{number}=1" for number in range(200)).encode()
UNREADABLE = [
    ("multipart/form-data", b"x", 400),
    (PARTS, b"xyz", 400),
    (PARTS, FILE, 400),
    (f"{PARTS}; charset=punycode", PLAIN, 400),
    (FORM, MANY, 400),
    ("application/json", b"{}", 415),
]


async def raw(web: Running, browser: Browser | None, path: str, query: bytes = b"") -> tuple[int, bytes]:
    """Open a page as a client does that encodes nothing; return the status and the page."""
    headers = [(b"host", HOST)]
    if browser:
        cookies = "; ".join(f"{one.name}={one.value}" for one in browser.client.cookies.jar)
        headers.append((b"cookie", cookies.encode()))
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET", "scheme": "https",
        "path": path, "raw_path": path.encode(), "query_string": query, "root_path": "", "headers": headers,
        "client": ("127.0.0.1", 5), "server": ("127.0.0.1", 443),
    }  # fmt: skip
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    await web.operators(scope, receive, send)
    return sent[0]["status"], b"".join(message.get("body", b"") for message in sent[1:])


async def test_head_asks_and_changes_nothing(web: Running, admin: Browser) -> None:
    await fill(web)
    parameters, before = await parameters_of(web), await contents(web)
    for route in served(web):
        if route.change is not None and route.method == "GET":
            url = f"/admin{path_of(route, parameters)}"
            response = await admin.client.head(url, params=query_of(route), headers=OWN_FORM)
            assert response.status_code in {200, 404}, route.name
            assert await contents(web) == before, route.name
    assert (await admin.get("/me")).status_code == 200, "the session has not ended"


@pytest.mark.parametrize(("kind", "body", "status"), UNREADABLE)
async def test_a_form_that_cannot_be_read_is_a_page_that_says_so(
    admin: Browser, web: Running, kind: str, body: bytes, status: int
) -> None:
    for client, path in ((admin.client, "/admin/me/zone"), (web.client, "/admin/sign-in")):
        response = await client.post(path, content=body, headers={**OWN_FORM, "content-type": kind})
        assert response.status_code == status, path
        assert "That cannot be read" in response.text


async def test_a_form_that_is_cut_off_is_no_defect(web: Running, capfd: pytest.CaptureFixture[str]) -> None:
    messages = [{"type": "http.request", "body": b"token=", "more_body": True}, {"type": "http.disconnect"}]
    sent: list[Any] = []

    async def receive() -> Any:
        return messages.pop(0)

    async def send(message: Any) -> None:
        sent.append(message)

    headers = [(b"host", HOST), (b"content-type", FORM.encode()), (b"sec-fetch-site", b"same-origin")]
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "POST", "scheme": "https",
        "path": "/admin/sign-in", "raw_path": b"/admin/sign-in", "query_string": b"", "root_path": "",
        "headers": headers, "client": ("127.0.0.1", 5), "server": ("127.0.0.1", 443),
    }  # fmt: skip
    await web.operators(scope, receive, send)
    assert sent[0]["status"] == 400
    assert "console.defect" not in "".join(capfd.readouterr())


@pytest.mark.parametrize(
    ("path", "query", "status"),
    [
        ("/admin/overview", b"a=\xff", 400),
        ("/admin/overview\n", b"", 404),
        ("/admin/over\nview", b"", 404),
        ("/admin/enrollments/\x00", b"", 404),
        ("/admin/jobs/job_\x00/pause", b"", 404),
        ("/admin//overview", b"", 404),
        ("/admin/../admin/overview", b"", 404),
        ("/admin/overview/", b"", 404),
        ("/admin/overview.json/", b"", 404),
        ("/admin/suppressions/" + "9" * 5000 + "/remove", b"", 404),
        ("/admin/senders/" + "a" * 50_000, b"", 404),
        ("/admin/sign-in", b"next=\xff", 400),
    ],
)  # fmt: skip
async def test_a_path_that_no_page_links_to_is_a_page_that_says_so(
    web: Running, admin: Browser, path: str, query: bytes, status: int
) -> None:
    assert (await raw(web, admin, path, query))[0] == status
    assert (await raw(web, None, path, query))[0] in {status, 303}


async def test_nul_in_a_form_is_left_out(web: Running, operator: Browser) -> None:
    form = {"value": "nul\x00@corp.example", "reason": "why\x00not", "na\x00me": "x"}
    assert (await operator.post("/suppressions/add", form)).status_code == 303
    rows = await web.rows("SELECT value, reason FROM suppressions")
    assert rows == [{"value": "nul@corp.example", "reason": "whynot"}]


async def test_half_a_character_in_a_form_is_left_out(web: Running, operator: Browser) -> None:
    fields = {"value": b"half@corp.example", "reason": rb"why\ud800not", "once": rb"\ud800"}
    parts = [
        b'--x\r\ncontent-disposition: form-data; name="%s"\r\n\r\n%s\r\n' % (one.encode(), fields[one])
        for one in fields
    ]
    headers = {**OWN_FORM, "content-type": f"{PARTS}; charset=unicode_escape"}
    answer = await operator.client.post(
        "/admin/suppressions/add", content=b"".join(parts) + b"--x--\r\n", headers=headers
    )
    assert answer.status_code == 303
    rows = await web.rows("SELECT value, reason FROM suppressions")
    assert rows == [{"value": "half@corp.example", "reason": "whynot"}]


async def test_nul_in_a_query_is_named(web: Running, admin: Browser) -> None:
    parameters = await parameters_of(web)
    for route in served(web):
        if route.method == "GET" and route.page is not None:
            path = f"/admin{path_of(route, parameters)}"
            for name in ("before", "after", "reason", "rule", "source", "sender", "who", "what", "account", "state"):
                status, _ = await raw(web, admin, path, urlencode({name: "\x00"}).encode())
                assert status in {200, 404, 422}, (route.name, name, status)


@pytest.mark.parametrize("zone", ["Mars/Phobos", "../../etc/passwd", "", "europe/berlin"])
async def test_a_time_zone_that_is_not_known_here_is_utc(web: Running, admin: Browser, zone: str) -> None:
    await web.execute("UPDATE console_sessions SET zone = :zone", zone=zone)
    page = await admin.get("/me")
    assert page.status_code == 200
    assert f", {'Berlin' if 'berlin' in zone else 'UTC'}" in page.text


async def test_a_page_links_to_itself_as_it_was_asked_for(web: Running, operator: Browser) -> None:
    await web.execute(
        "INSERT INTO outbound (id, endpoint, kind, body, state, due_at, created_at, updated_at) "
        "VALUES ('out_1', '50%41 off?', 'enrolled', '{}', 'failed', now(), now(), now())"
    )
    page = await operator.client.get("/admin/endpoints/50%2541%20off%3F?still=1")
    assert page.status_code == 200
    assert 'href="/admin/endpoints/50%2541%20off%3F"' in page.text


async def test_what_the_page_calls_impossible_is_not_done_by_a_form(web: Running, operator: Browser) -> None:
    token = (await PersonLinks(web.process.engine).tokens()).token_of("no address")
    path = f"/people/{token}/suppress"
    assert "This is no usable address" in (await operator.get(path)).text
    answer = await operator.post(path, {"reason": "why"})
    assert answer.status_code == 409
    assert "This is no usable address" in answer.text


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])
async def test_a_method_that_no_page_has_is_answered_with_those_that_it_has(admin: Browser, method: str) -> None:
    overriding = {**OWN_FORM, "x-http-method-override": "POST"}
    for path, allowed in (("/me/zone", "GET, HEAD, POST"), ("/overview", "GET, HEAD"), ("/sign-out", "POST")):
        response = await admin.client.request(method, f"/admin{path}", headers=overriding)
        assert (response.status_code, response.headers["allow"]) == (405, allowed)


@pytest.mark.parametrize("at", ["9999-12-31T23:59:59Z", "0001-01-01T00:00:00Z"])
async def test_an_event_of_the_end_of_all_time_has_its_page(web: Running, viewer: Browser, at: str) -> None:
    body = {"id": "1", "type": "ping", "email": "ada@corp.example", "at": at}
    assert (await web.deliver("open", body)).status_code == 200
    (row,) = await web.rows("SELECT id FROM events")
    for zone in ("Pacific/Kiritimati", "America/New_York"):
        await web.execute("UPDATE console_sessions SET zone = :zone", zone=zone)
        page = await viewer.get(f"/events/{row['id']}")
        assert page.status_code == 200
        assert f"{at[:4]}" in page.text


async def test_no_name_turns_the_order_of_a_page(web: Running, viewer: Browser) -> None:
    turning = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
    body = {"id": "1", "type": "ping", "email": "ada@corp.example", "at": "2026-11-23T09:00:00Z", "note": turning}
    await web.client.post("/webhooks/open", json=body)
    await web.execute("UPDATE events SET first_name = :name", name=f"Ada{turning}!")
    (row,) = await web.rows("SELECT id FROM events")
    page = (await viewer.get(f"/events/{row['id']}")).text
    assert "Ada!" in page
    assert not set(turning) & set(page)
