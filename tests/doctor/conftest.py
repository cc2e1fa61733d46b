"""An account of the sandbox, and a far end that changes what it answers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import yaml
from typer.testing import CliRunner

from app.__main__ import build
from app.tls import tls_context
from tests.support.processes import ROOT
from tests.support.world import SECRET

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from typer.testing import Result

ANNA = {"user_id": "7001", "email": "anna@acme.example"}
BEN = {"user_id": "7002", "email": "ben@acme.example"}
CLEO = {"user_id": "7003", "email": "cleo@acme.example"}


class Practice:
    """One account of the sandbox, and the commands that look at it."""

    def __init__(self, url: str, name: str, folder: Path) -> None:
        self.url, self.name, self.folder = url, name, folder
        self.environment = {
            "SEGUE_CONFIG": str(folder / "rules.yaml"),
            "SEGUE_HUBSPOT_BASE_URL": url,
            "SEGUE_DATA_DIR": str(folder / "none"),
            "SEGUE_HUBSPOT_TOKEN": f"pat-sandbox-{name}",
        }
        self.rules(anna=ANNA)

    def control(self, path: str, told: Any) -> None:
        reply = httpx.post(
            f"{self.url}/_sandbox/{path}",
            params={"portal": self.name},
            json=told,
            trust_env=False,
            verify=tls_context(),
        )
        reply.raise_for_status()

    def calls(self) -> dict[str, Any]:
        params = {"portal": self.name}
        told: dict[str, Any] = httpx.get(
            f"{self.url}/_sandbox/calls", params=params, trust_env=False, verify=tls_context()
        ).json()
        return told

    def refuse(self, route: str, status: int, code: str) -> None:
        self.control("faults", [{"route": route, "kind": "status", "status": status, "code": code}])

    def rules(self, *, sequence: str = "310001", sender: str = "anna", more: Any = None, **senders: Any) -> None:
        rule = {"id": "demo", "source": "crm", "type": "demo", "enroll": {"sequence": sequence, "sender": sender}}
        document = {
            "version": 1,
            "accounts": {"main": {"token": "${SEGUE_HUBSPOT_TOKEN}"}},
            "sources": {"crm": {"provider": "standard-webhooks", "secrets": [SECRET]}},
            "senders": senders,
            "rules": [rule],
        }
        (self.folder / "rules.yaml").write_text(yaml.safe_dump(document | (more or {})), encoding="utf-8")

    def run(self, *arguments: str, **environment: str) -> Result:
        return CliRunner().invoke(build(), list(arguments), env=self.environment | environment)

    def doctor(self, *arguments: str, **environment: str) -> tuple[int, dict[str, dict[str, str]]]:
        """Return the exit code, and the findings by their checks."""
        result = self.run("doctor", "--json", *arguments, **environment)
        assert result.stdout, result.exception
        return result.exit_code, {one["check"]: one for one in json.loads(result.stdout)["findings"]}

    def process(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run a command as a process of its own, where logs go as they do for an operator."""
        command = [sys.executable, "-m", "app", *arguments]
        variables = {**os.environ, **self.environment, **environment}
        return subprocess.run(
            command, cwd=ROOT, env=variables, capture_output=True, text=True, timeout=300, check=False
        )


@pytest.fixture
def practice(sandbox_url: str, tmp_path: Path, request: pytest.FixtureRequest) -> Practice:
    name = f"t{abs(hash(request.node.nodeid)):x}"[:30]
    return Practice(sandbox_url, name, tmp_path)


@contextmanager
def _serving(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    serving = threading.Thread(target=server.serve_forever, daemon=True)
    serving.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        serving.join()


@pytest.fixture
def far_end(sandbox_url: str) -> Iterator[Callable[[timedelta], str]]:
    """Passes everything on to the sandbox, and dates its answers by a clock that is so far ahead of ours."""
    shift = [timedelta()]

    class Passing(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            asked = {"authorization": self.headers.get("authorization", ""), "content-type": "application/json"}
            reply = httpx.request(
                self.command,
                sandbox_url + self.path,
                content=body,
                headers=asked,
                timeout=300,
                trust_env=False,
                verify=tls_context(),
            )
            self.send_response_only(reply.status_code)
            self.send_header("Date", format_datetime(datetime.now(UTC) + shift[0], usegmt=True))
            self.send_header("Content-Length", str(len(reply.content)))
            self.end_headers()
            self.wfile.write(reply.content)

        do_POST = do_GET  # noqa: N815  # the library's name

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    with _serving(Passing) as url:

        def shifted(ahead: timedelta) -> str:
            shift[0] = ahead
            return url

        yield shifted
