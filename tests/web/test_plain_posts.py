"""What is read without the parser is what the parser reads, too, and nothing that could be read in two ways."""

from __future__ import annotations

from typing import Any

import httptools
import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from app.web.limits import Limits
from app.web.plain_posts import plain_post

PLAIN = (
    b"Host: h",
    b"Content-Type: application/json",
    b"webhook-id: msg_1",
    b"X-A: b  c\td",
    b"Connection: keep-alive",
)
ODD = (
    b"Content-Length: 4",
    b"content-length: +3",
    b"Content-Length: 03",
    b"Content-Length : 3",
    b"Transfer-Encoding: chunked",
    b"transfer-encoding: identity",
    b"Connection: close",
    b"Connection: Upgrade",
    b"Proxy-Connection: close",
    b"Upgrade: websocket",
    b"Expect: 100-continue",
    b"X-A: c",
    b"X-B:c",
    b"X-B:  c",
    b"X-B: c ",
    b"X-B:",
    b"X-B: \xe9",
    b"X-B: a\rb",
    b"X-B: a\nContent-Length: 9",
    b" folded",
    b"X B: c",
    b": c",
    b"",
)
FIRST = (b"POST /webhooks/crm HTTP/1.1",) * 4 + (
    b"POST /webhooks/crm?a=1&b HTTP/1.1",
    b'POST /webhooks/"<>\\^`{|} HTTP/1.1',
    b"POST /webhooks/%41 HTTP/1.1",
    b"POST /webhooks/a b HTTP/1.1",
    b"POST http://h/webhooks/crm HTTP/1.1",
    b"POST /webhooks/crm HTTP/1.0",
    b"PUT /webhooks/crm HTTP/1.1",
)


class Parsed:
    """What the parser makes of the bytes of a connection."""

    def __init__(self, data: bytes) -> None:
        self.url = self.body = b""
        self.headers: list[tuple[str, str]] = []
        self.complete = 0
        self._parser: Any = httptools.HttpRequestParser(self)
        self._parser.feed_data(data)
        self.method: bytes = self._parser.get_method()
        self.goes_on = self._parser.should_keep_alive() and not self._parser.should_upgrade()

    def on_url(self, url: bytes) -> None:
        self.url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name.lower().decode(), value.decode()))

    def on_body(self, body: bytes) -> None:
        self.body += body

    def on_message_complete(self) -> None:
        self.complete += 1


def request(first: bytes, lines: list[bytes], body: bytes) -> bytes:
    return b"\r\n".join([first, *lines, b"", body])


@given(
    st.sampled_from(FIRST),
    st.lists(st.sampled_from(PLAIN), unique=True),
    st.lists(st.sampled_from(ODD), max_size=1),
    st.lists(st.sampled_from((b"Content-Length: 3", b"content-length: 3", b"CONTENT-LENGTH: 4")), max_size=2),
    st.sampled_from((b"{a}", b"", b"{a}\n", b"\r\n\r", b"{a}POST /webhooks/crm HTTP/1.1\r\n\r\n")),
    st.randoms(use_true_random=False),
)
def test_what_is_plain_is_one_request_for_the_parser_and_the_same(
    first: bytes, plain: list[bytes], odd: list[bytes], lengths: list[bytes], body: bytes, random: Any
) -> None:
    lines = plain + odd + lengths
    random.shuffle(lines)
    data = request(first, lines, body)

    post = plain_post(data, Limits())

    event("plain" if post else "the parser's")
    if post is not None:
        parsed = Parsed(data)
        assert (parsed.complete, parsed.method, parsed.goes_on) == (1, b"POST", True)
        assert (post.url, post.headers, post.body) == (parsed.url.decode(), dict(parsed.headers), parsed.body)


def test_a_delivery_as_senders_send_it_is_plain() -> None:
    post = plain_post(request(FIRST[0], [*PLAIN, b"Content-Length: 3"], b"{a}"), Limits())
    assert post is not None
    assert (post.url, post.body, post.headers["x-a"]) == ("/webhooks/crm", b"{a}", "b  c\td")


@pytest.mark.parametrize("line", [line for line in ODD if line not in (b"X-A: c", b"")])
def test_a_line_that_could_be_read_otherwise_is_left_to_the_parser(line: bytes) -> None:
    assert plain_post(request(FIRST[0], [b"Content-Length: 3", line, b"Host: h"], b"{a}"), Limits()) is None


def test_headers_beyond_a_limit_are_left_to_what_refuses_them() -> None:
    data = request(FIRST[0], [b"Content-Length: 3", b"Host: h"], b"{a}")
    size = len(data) - 3
    assert plain_post(data, Limits(header_bytes=size, header_lines=2)) is not None
    assert plain_post(data, Limits(header_bytes=size - 1)) is None
    assert plain_post(data, Limits(header_lines=1)) is None


def test_a_part_of_a_request_and_two_requests_are_left_to_the_parser() -> None:
    data = request(FIRST[0], [b"Content-Length: 3", b"Host: h"], b"{a}")
    assert [plain_post(data[:end], Limits()) for end in range(len(data))] == [None] * len(data)
    assert plain_post(data * 2, Limits()) is None
