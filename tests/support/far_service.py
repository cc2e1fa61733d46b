"""A service to send samples to, which keeps every request and says of itself what a test wants."""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING, Any

from app.clock import utc_now
from app.model import Delivery

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass
class Far:
    """`health` is what `/healthz` answers (bytes as they are, else JSON), `status` what deliveries are answered."""

    url: str = ""
    health: Any = field(default_factory=lambda: {"status": "ok", "practice": False})
    status: int = 200
    seen: list[Delivery] = field(default_factory=list)


def handler_of(far: Far) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            if self.path == "/healthz":
                body = far.health if isinstance(far.health, bytes) else json.dumps(far.health).encode()
                self.reply(200, body)
                return
            headers = {name.lower(): value for name, value in self.headers.items()}
            url = far.url + self.path
            far.seen.append(Delivery("d1", "the-source", utc_now(), self.command, url, headers, body))
            self.reply(far.status, b"{}")

        def reply(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = answer  # noqa: N815  # the library's names

        def log_message(self, *_: Any) -> None:  # the library's signature
            return

    return Handler


@contextmanager
def far_service() -> Iterator[Far]:
    """Run one on a free port."""
    far = Far()
    with HTTPServer(("127.0.0.1", 0), handler_of(far)) as server:
        far.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield far
        finally:
            server.shutdown()
            thread.join()
