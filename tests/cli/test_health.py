"""`segue health`, as the image's HEALTHCHECK asks `serve` and `worker`."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from app.cli import health
from app.cli.health import ailing

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]


@contextmanager
def answering(status: int = 200) -> Iterator[str]:
    """Answer every request to /healthz; give the port."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status if self.path == "/healthz" else 404)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield str(server.server_port)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def closed() -> Iterator[str]:
    """A port on which nothing listens."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield str(bound.getsockname()[1])


def test_a_service_answers_on_its_port_and_a_worker_on_the_operators(closed: str) -> None:
    with answering() as port:
        assert ailing({"SEGUE_HOST": "0.0.0.0", "SEGUE_PORT": port}) is None  # noqa: S104  # the image's setting
        assert ailing({"SEGUE_PORT": closed, "SEGUE_ADMIN_PORT": port}) is None
    assert ailing({"SEGUE_PORT": closed}) == f"nothing listens on port {closed} of 127.0.0.1"


def test_a_refusal_is_told(closed: str) -> None:
    with answering(503) as port:
        assert ailing({"SEGUE_PORT": port, "SEGUE_ADMIN_PORT": closed}) == f"port {port} of 127.0.0.1 answers 503"
    assert "does not answer: ValueError" in str(ailing({"SEGUE_PORT": "tcp://x"}))


def test_a_process_that_hangs_is_not_excused_by_its_other_port(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "ANSWER_SECONDS", 0.01)
    with socket.socket() as hung, answering() as port:
        hung.bind(("127.0.0.1", 0))
        hung.listen()
        asked = ailing({"SEGUE_PORT": str(hung.getsockname()[1]), "SEGUE_ADMIN_PORT": port})
    assert asked is not None
    assert "does not answer: TimeoutError" in asked


def test_the_images_command_imports_next_to_nothing_and_ends_with_one(closed: str) -> None:
    program = "import runpy, sys; sys.argv = ['x']\ntry: runpy.run_module('app.cli.health', run_name='__main__')\n"
    program += "finally: print(*{'typer', 'pydantic', 'structlog', 'httpx'} & sys.modules.keys())"
    environment = {"SEGUE_PORT": closed, "http_proxy": "http://127.0.0.1:9"}
    ended = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert (ended.returncode, ended.stdout.strip()) == (1, "")
    assert f"nothing listens on port {closed}" in ended.stderr
