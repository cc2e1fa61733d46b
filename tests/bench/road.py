"""The road from a webhook to its enrollment, part by part: each on a database, a service and a sandbox of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.bench.enrolling import backlog, enrolling, latency
from tests.bench.receiving import bodies, receiving

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from app.database.embedded import EmbeddedPostgres
    from tests.bench.results import Results

PARTS: dict[str, Callable[[EmbeddedPostgres, Results], Awaitable[None]]] = {
    part.__name__: part for part in (receiving, bodies, enrolling, backlog, latency)
}
