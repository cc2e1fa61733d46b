"""What it costs to verify one delivery, by provider: a ratio to a bare HMAC-SHA256 of the same body."""

from __future__ import annotations

import hmac
import json
import timeit
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import app.sources
from app.model import Delivery, Secret, SourceConfig
from app.sources import PROVIDERS

if TYPE_CHECKING:
    from tests.bench.results import Results

FOLDER = Path(app.sources.__file__).parent / "samples"
LARGE = 64 * 1024
ROUNDS, SECONDS = 5, 0.01
KEY = b"a key of thirty-two bytes, no less"


def costs(results: Results) -> None:
    """Add a row for each provider: its sample, and one of 64 KiB, against the bare digest of the same bytes."""
    for name in PROVIDERS:
        sample, large = (delivered(name, size) for size in (0, LARGE))
        ratios = f"{ratio(name, sample):.1f} x, {ratio(name, large):.2f} x of 64 KiB"
        results.tell(f"verify {name}", f"{len(sample[0].body)} bytes", ratios)


def delivered(name: str, size: int) -> tuple[Delivery, SourceConfig]:
    """Return a delivery of this provider, its body made so large by white space at its end, and its source."""
    case = genuine(name)
    provider, now = PROVIDERS[name], datetime.now(UTC)
    model = provider.Options.model_validate(case.get("options", {}))
    config = SourceConfig("x", name, (Secret(case["secret"]),), model)
    body = case["body"].encode().ljust(size)
    url = provider.address("https://segue.example/webhooks/x", config, now)
    headers = {key.lower(): value for key, value in case["headers"].items()}
    proving = provider.sign(body, config, now, method="POST", url=url)
    return Delivery("d", "x", now, "POST", url, {**headers, **proving}, body), config


def genuine(name: str) -> dict[str, Any]:
    """Return the provider's first sample."""
    (top, *_) = [json.loads(path.read_text()) for path in sorted((FOLDER / name).glob("*.json"))]
    return dict(top)


def ratio(name: str, sent: tuple[Delivery, SourceConfig]) -> float:
    """Return how many bare digests one verification takes, best of some rounds of each, taken in turns."""
    delivery, config = sent
    provider = PROVIDERS[name]
    # A copy for each: nothing that a provider may remember of one delivery helps with the next.
    once = replace(delivery)
    provider.verify(once, config, delivery.received_at)
    ours, bare = [], []
    for _ in range(ROUNDS):
        ours.append(per_call(lambda: provider.verify(replace(delivery), config, delivery.received_at)))
        bare.append(per_call(lambda: hmac.digest(KEY, delivery.body, "sha256")))
    return min(ours) / min(bare)


def per_call(call: Any) -> float:
    """Return the seconds that one call takes."""
    timer = timeit.Timer(call)
    number = 1
    while timer.timeit(number) < SECONDS:
        number *= 2
    return timer.timeit(number) / number
