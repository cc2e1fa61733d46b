"""Metrics that speak for all processes of a service: each counts in its slot, and a read adds up all slots.

prometheus_client makes the value of each metric by `values.ValueClass`; this module gives it one over shared memory.
The library's own mode for several processes writes files, and keeps the labels of gauges that were cleared.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import orjson
from prometheus_client import values

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from app.observability.shared import Shared

MOST_RECENT: Final = "mostrecent"
BUCKET = "_bucket"


class SharedValue:
    """The value of a counter or of a part of a histogram: the sum over all processes.

    Only the thread of the event loop counts, so that no lock is needed.
    """

    _multiprocess = True

    def __init__(self, shared: Shared, key: bytes) -> None:
        self._key = key
        self._all = [slot.numbers for slot in shared.slots]
        place = shared.own.numbers.place(key)
        # Without room left in the slot, this process alone shows what it counts.
        self._values: Any = [0.0, 0.0] if place is None else shared.own.numbers.values
        self._private = place is None
        self._place = place or 0

    def inc(self, amount: float) -> None:
        """Count in this process."""
        self._values[self._place] += amount

    def set(self, value: float, timestamp: float | None = None) -> None:
        """Set this process's value, at a time (seconds since 1970)."""
        self._values[self._place] = value
        self._values[self._place + 1] = timestamp or 0.0

    def get(self) -> float:
        """Return the sum over all processes."""
        return float(sum(value for value, _ in self._found()))

    def get_exemplar(self) -> None:
        """Return that there is none."""

    def _found(self) -> Iterator[tuple[float, float]]:
        """Yield the value in each slot, and when it was set."""
        if self._private:
            yield self._values[0], self._values[1]
        for numbers in self._all:
            place = numbers.places().get(self._key)
            if place is not None:
                yield numbers.values[place], numbers.values[place + 1]


class SharedGauge(SharedValue):
    """The value of a gauge: the one that any process has set last."""

    def get(self) -> float:
        """Return the value that was set last."""
        return max(self._found(), key=lambda found: found[1], default=(0.0, 0.0))[0]


def share_metrics(shared: Shared) -> None:
    """Let every metric that this process makes from now on speak for all processes.

    A gauge without the mode `mostrecent` stays this process's own: it is set on each scrape by the one that answers.
    """
    private: Any = values.MutexValue

    def value(kind: str, metric: str, name: str, _: Any, labels: Sequence[str], text: str, **more: Any) -> Any:
        if kind == "gauge" and more.get("multiprocess_mode") != MOST_RECENT:
            return private(kind, metric, name, _, labels, text, **more)
        return (SharedGauge if kind == "gauge" else SharedValue)(shared, orjson.dumps([metric, name, labels]))

    values.ValueClass = value


def labels_elsewhere(shared: Shared) -> Iterator[tuple[str, list[str]]]:
    """Yield each metric with the values of its labels that any process uses."""
    for slot in shared.slots:
        for key in slot.numbers.places():
            metric, name, labels = orjson.loads(key)
            if labels and not name.endswith(BUCKET):
                yield metric, labels
