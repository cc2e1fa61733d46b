"""Plain requests that came whole in one read. They are read here, in a third of the time that the parser takes.

What is taken here can be read in one way only: one POST for a delivery, header lines of visible ASCII, each name once,
and a body as long as `content-length` says. Whatever else may come is the parser's to read or to refuse.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from app.web.limits import Limits

BLANK_LINE = b"\r\n\r\n"
# No part gives a byte back (`++`), so that the time stays linear in untrusted bytes.
HEAD = re.compile(
    rb"POST /webhooks/[!-\"$&-~]*+ HTTP/1\.1"
    rb"(?:\r\n[!#$%&'*+.^_`|~0-9A-Za-z-]++: [!-~]++(?:[ \t]++[!-~]++)*+)++"
)
# The names by which a request says how it is to be read. Of `connection` the usual value is taken, which says nothing.
FRAMING = frozenset({"expect", "proxy-connection", "transfer-encoding", "upgrade"})
KEEP_ALIVE = "keep-alive"


class PlainPost(NamedTuple):
    """A request: its path with the query, its headers by lower-case name, and its body."""

    url: str
    headers: dict[str, str]
    body: bytes


def plain_post(data: bytes, limits: Limits) -> PlainPost | None:
    """Return the plain request that `data` is, None where it is anything else: the parser reads that."""
    end = data.find(BLANK_LINE, 0, limits.header_bytes)
    if end < 0 or not HEAD.fullmatch(data, 0, end):
        return None
    first, *lines = data[:end].decode().split("\r\n")
    headers = {name.lower(): value for name, _, value in [line.partition(": ") for line in lines]}
    body = data[end + len(BLANK_LINE) :]
    if len(headers) != len(lines) or len(lines) > limits.header_lines or not FRAMING.isdisjoint(headers):
        return None
    if headers.get("content-length") != str(len(body)) or headers.get("connection", KEEP_ALIVE).lower() != KEEP_ALIVE:
        return None
    return PlainPost(first.split(" ")[1], headers, body)
