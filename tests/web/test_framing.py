"""However a connection's bytes are cut, each piece ends where the parser says, and only headers are counted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httptools
from hypothesis import given
from hypothesis import strategies as st

from app.web.framing import Framing
from app.web.limits import Limits

if TYPE_CHECKING:
    from collections.abc import Iterator

PLAIN, CHUNKED = (
    b"POST / HTTP/1.1\r\nContent-Length: %d\r\n%b\r\n%b",
    b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n%b\r\n",
)
SMALL = Limits(header_bytes=120, header_lines=6)  # what the requests below need, at most

# Octets that look like the end of a line, of headers or of a chunk.
octets = st.text("\r\n0;: a", max_size=12).map(str.encode)
headers = st.integers(0, 5).map(lambda count: b"X-A: b\r\n" * count)


@st.composite
def requests(draw: st.DrawFn) -> tuple[bytes, bytes]:
    """Return a request and its body."""
    if draw(st.booleans()):
        body = draw(octets)
        return PLAIN % (len(body), draw(headers), body), body
    chunks = draw(st.lists(octets.filter(bool), max_size=4))
    sized = b"".join(b"%x%b\r\n%b\r\n" % (len(chunk), draw(st.sampled_from([b"", b";a=b"])), chunk) for chunk in chunks)
    return CHUNKED % draw(headers) + sized + b"0\r\n" + draw(headers) + b"\r\n", b"".join(chunks)


class Bodies:
    """A parser's callbacks, which tell the framing what the protocol tells it, and keep bodies."""

    def __init__(self) -> None:
        self.framing = Framing(SMALL)
        self.bodies: list[bytes] = []
        self._headers: list[tuple[bytes, bytes]] = []
        self._body = b""

    def on_message_begin(self) -> None:
        assert self.framing.in_headers
        self._headers, self._body = [], b""

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        self.framing.begin_body(self._headers)

    def on_chunk_header(self) -> None:
        self.framing.begin_chunk()

    def on_body(self, body: bytes) -> None:
        self._body += body

    def on_message_complete(self) -> None:
        self.framing.end_request()
        self.bodies.append(self._body)


def cut(data: bytes, sizes: list[int]) -> Iterator[bytes]:
    at = 0
    for size in sizes:
        yield data[at : at + size]
        at += size
    yield data[at:]


@given(st.lists(requests(), max_size=4), st.lists(st.integers(1, 60)))
def test_any_requests_in_any_segments_are_parsed_whole_and_counted_each_by_itself(
    sent: list[tuple[bytes, bytes]], sizes: list[int]
) -> None:
    parsed = Bodies()
    parser, framing = httptools.HttpRequestParser(parsed), parsed.framing
    for data in cut(b"".join(request for request, _ in sent), sizes):
        at = 0
        while at < len(data):
            piece = framing.piece(data, at)
            assert framing.count(piece) is None
            parser.feed_data(piece)
            at += len(piece)
        assert at == len(data)
    assert parsed.bodies == [body for _, body in sent]
    assert (framing.in_headers, framing.bytes) == (True, 0)
