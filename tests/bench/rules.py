"""What 10,000 rules cost: an event, and the event loop while they are loaded."""

from __future__ import annotations

import asyncio
import statistics
import time
import timeit
from typing import TYPE_CHECKING

from app.model import Event
from app.rules.file.documents import Document
from app.rules.load import load
from app.rules.match import decide
from app.sources import PROVIDERS

if TYPE_CHECKING:
    from app.rules.rulebook import Rulebook

FEW, MANY = 10, 10_000
LISTENING = 3
ROUNDS = 5
HEAD = """
version: 1
accounts: {main: {token: t}}
sources: {crm: {provider: standard-webhooks, secrets: [whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw]}}
senders: {anna: {user_id: "7001", email: anna@acme.example}}
rules:
"""


def document(count: int) -> Document:
    """Return rules of which only a few listen to the measured event."""
    lines = [
        f"  - {{id: r{n}, source: crm, type: {'asked' if n < LISTENING else f'other{n}'}, "
        f'when: "event.data.score > {900 - n}", enroll: {{sequence: "310001", sender: anna}}}}'
        for n in range(count)
    ]
    return Document("bench.yaml", HEAD + "\n".join(lines))


def loaded(count: int) -> Rulebook:
    """Return a rulebook of that many rules."""
    return load((document(count),), environment={}, providers=PROVIDERS)


def deciding_ratio() -> tuple[float, float]:
    """Return how much longer an event takes with many rules than with few, and how long (microseconds)."""
    event = Event("crm", "asked", ("1",), email="ada@bench.example", data={"score": 10})
    few, many = loaded(FEW), loaded(MANY)
    times: dict[str, list[float]] = {"few": [], "many": []}
    for _ in range(ROUNDS):
        times["few"].append(timeit.timeit(lambda: decide(event, few), number=2000) / 2000)
        times["many"].append(timeit.timeit(lambda: decide(event, many), number=2000) / 2000)
    slow, fast = statistics.median(times["many"]), statistics.median(times["few"])
    return slow / fast, slow * 1e6


async def longest_stall() -> float:
    """Return the longest time (seconds) that the event loop stood still while many rules were loaded in a thread."""
    loading = asyncio.create_task(asyncio.to_thread(loaded, MANY))
    worst, last = 0.0, time.perf_counter()
    while not loading.done():
        await asyncio.sleep(0.001)
        now = time.perf_counter()
        worst, last = max(worst, now - last - 0.001), now
    await loading
    return worst
