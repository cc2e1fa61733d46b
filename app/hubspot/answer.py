"""An HTTP/1.1 reply while it arrives, read by httptools."""

from __future__ import annotations

import httptools
import httpx

INFORMATIONAL = range(100, 200)
SWITCHING_PROTOCOLS = 101


class Answer:
    """One reply while it arrives: the callbacks of the parser fill it. `reusable`: another request may follow it."""

    def __init__(self) -> None:
        self.status = 0
        self.headers: list[tuple[bytes, bytes]] = []
        self.body = bytearray()
        self.complete = False
        self.reusable = False
        self._ends_with_connection = False
        self._parser = httptools.HttpResponseParser(self)

    def feed(self, data: bytes) -> None:
        """Read a piece. Raises httpx.RemoteProtocolError for what is not HTTP, or follows the reply unasked."""
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            self.reusable = False
            if not self.complete:
                raise httpx.RemoteProtocolError("the reply is not HTTP") from error
        if self.complete:
            del self._parser  # it refers to this object: the garbage collector would have to find both

    def end(self) -> None:
        """Note that the connection has ended: a reply without a stated length is complete with it."""
        self.complete = self.complete or self._ends_with_connection

    def on_message_begin(self) -> None:
        """Stop the parser at whatever follows the reply."""
        if self.complete:
            raise httptools.HttpParserError("a second reply")

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header."""
        self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        """Note what the headers say about the connection."""
        self.status = self._parser.get_status_code()
        if self.status < INFORMATIONAL.start or self.status == SWITCHING_PROTOCOLS:
            raise httptools.HttpParserError("no status that answers a request")
        self.reusable = self._parser.should_keep_alive()
        framed = {name.lower() for name, _ in self.headers} & {b"content-length", b"transfer-encoding"}
        self._ends_with_connection = not framed

    def on_body(self, piece: bytes) -> None:
        """Keep a piece of the body."""
        self.body += piece

    def on_message_complete(self) -> None:
        """End the reply, or what came ahead of it (100 Continue, 103 Early Hints)."""
        if self.status in INFORMATIONAL:
            self.headers.clear()
            self._ends_with_connection = False
        else:
            self.complete = True
