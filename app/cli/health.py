"""`segue health`: whether the process that has this environment answers, `serve` or `worker`.

It runs every few seconds, as the image's HEALTHCHECK does by `python -m app.cli.health`, so it imports next to nothing.
"""

from __future__ import annotations

import http.client
import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

ANSWER_SECONDS = 2.0
EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  # compared with, not bound to


def health() -> None:
    """Ask `/healthz` on SEGUE_PORT; where nothing listens there (a worker), on SEGUE_ADMIN_PORT. Exit 1: no answer."""
    trouble = ailing(os.environ)
    if trouble is not None:
        sys.stderr.write(f"{trouble}\n")
        sys.exit(1)


def ailing(environment: Mapping[str, str]) -> str | None:
    """Return what is wrong, None where `/healthz` is answered with 200.

    A port that takes connections and does not answer is a process that hangs: the other port is not asked then.
    """
    named = environment.get("SEGUE_HOST", "127.0.0.1")
    host = EVERYWHERE.get(named, named)
    ports = [environment.get("SEGUE_PORT") or "8080", environment.get("SEGUE_ADMIN_PORT")]
    asked = [port for port in ports if port]
    for port in asked:
        try:
            status = _status(host, int(port))
        except ConnectionRefusedError:
            continue
        except (OSError, ValueError, http.client.HTTPException) as error:
            return f"port {port} of {host} does not answer: {type(error).__name__}"
        return None if status == http.HTTPStatus.OK else f"port {port} of {host} answers {status}"
    return f"nothing listens on port {' or '.join(asked)} of {host}"


def _status(host: str, port: int) -> int:
    connection = http.client.HTTPConnection(host, port, timeout=ANSWER_SECONDS)  # no proxy of the environment
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status
    finally:
        connection.close()


if __name__ == "__main__":
    health()
