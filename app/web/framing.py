"""Where headers and bodies end in the bytes of an HTTP/1.1 connection, and how much of them is headers.

The parser says when headers, a chunk or a request is complete, but not at which byte. Therefore it gets one piece at a
time that can hold no such end but at its own: a header line, all lines of a request's headers, or bytes of a body.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.web.limits import headers_beyond

if TYPE_CHECKING:
    from collections.abc import Iterable

    from app.web.limits import Limits, Refusal

LINE_END = b"\r\n"  # the parser takes no other
BLANK_LINE = LINE_END + LINE_END
LONGEST_LENGTH = 20  # digits of 2^64, which is too large for the parser; any digits before them are zeros


class Framing:
    """The framing of one connection. The parser's callbacks call `begin_body`, `begin_chunk` and `end_request`.

    Lines are counted by section: a request's headers, or a chunk's size with the trailers that follow the last one.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._line = bytearray()  # the latest line, as far as it has come
        self.end_request()

    def end_request(self) -> None:
        """Expect the headers of the next request."""
        self.in_headers = True
        self._body = 0
        self._begin_section(lines=0)

    @property
    def is_between(self) -> bool:
        """Whether no byte of the next request has come."""
        return self.in_headers and not self.bytes

    @property
    def body_left(self) -> int:
        """How many bytes of the present body or chunk are still to come."""
        return self._body

    def begin_body(self, headers: Iterable[tuple[bytes, bytes]]) -> None:
        """Expect the body that complete headers announce: the parser has checked its length."""
        self.in_headers = False
        self._body = 0
        for name, value in headers:
            if name == b"content-length":
                self._body = int(value.strip()[-LONGEST_LENGTH:])
                break
        self._begin_section(lines=0)

    def begin_chunk(self) -> None:
        """Expect the chunk whose size the latest line gives, or trailers where it is 0."""
        size = int(self._line.partition(b";")[0], 16)
        self._body = size + len(LINE_END) if size else 0
        self._begin_section(lines=1)

    def piece(self, data: bytes, at: int) -> bytes:
        """Return the next piece of `data`, which begins at `at`."""
        if self._body:
            return data[at : at + self._body]
        # Most requests' headers come whole: one piece costs less time than one for each line.
        if self.in_headers and not self.bytes and (blank := data.find(BLANK_LINE, at)) >= 0:
            return data[at : blank + len(BLANK_LINE)]
        return data[at : data.find(b"\n", at) + 1 or len(data)]

    def count(self, piece: bytes) -> Refusal | None:
        """Count a piece before it is parsed; return a refusal where its section exceeds a limit."""
        if self._body:
            self._body -= len(piece)
            return None
        self.bytes += len(piece)
        if self.bytes > self._limits.header_bytes:
            return headers_beyond(self._limits, "headers_too_large")
        whole = self.bytes == len(piece) and piece.endswith(BLANK_LINE)
        if whole and piece.count(b"\n") <= self._limits.header_lines:
            return None  # All of a request's headers, as almost all come: no line of theirs is looked at again.
        return headers_beyond(self._limits, "too_many_headers") if self._too_many_lines(piece) else None

    def _too_many_lines(self, piece: bytes) -> bool:
        if self._line.endswith(LINE_END):
            self._line.clear()
        self._line += piece
        self._lines += piece.count(b"\n")
        # Neither the first line of a section nor the blank one at its end is a header.
        others = 1 + (self._line == LINE_END or self._line.endswith(BLANK_LINE))
        return self._lines > self._limits.header_lines + others

    def _begin_section(self, *, lines: int) -> None:
        self.bytes = 0
        self._lines = lines
