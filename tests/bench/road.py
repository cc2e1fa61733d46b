"""The road from a webhook to its enrollment, part by part: each on a database, a service and a sandbox of its own."""

from __future__ import annotations

import sys
import time
import timeit
from typing import TYPE_CHECKING

from tests.bench.enrolling import backlog, enrolling, latency
from tests.bench.receiving import bodies, receiving
from tests.bench.resting import memory, startup
from tests.bench.usage import PROC
from tests.bench.windows import accounts, together

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from app.database.embedded import EmbeddedPostgres
    from tests.bench.results import Results

PARTS: dict[str, Callable[[EmbeddedPostgres, Results], Awaitable[None]]] = {
    part.__name__: part
    for part in (receiving, bodies, enrolling, backlog, together, latency, memory, startup, accounts)
}


async def measure(server: EmbeddedPostgres, names: Sequence[str], results: Results) -> None:
    """Run these parts. They read /proc, which only Linux has."""
    if not names:
        return
    if not PROC.is_dir():
        results.tell(", ".join(names), "not measured: Linux alone has /proc")
        return
    for name in names:
        begun = time.monotonic()
        _tell_speed(name, results)
        await PARTS[name](server, results)
        sys.stderr.write(f"{name}: {time.monotonic() - begun:.0f} s\n")


def _tell_speed(name: str, results: Results) -> None:
    """Add how fast the processor is at this moment: figures of processor time can be compared where it is the same."""
    seconds = min(timeit.repeat("sum(range(1_000_000))", number=1, repeat=5))
    results.tell(f"{name}: a million additions", f"{seconds * 1000:.1f} ms")
