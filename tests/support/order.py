"""The order of the tests: each worker begins with its share of the long files."""

from __future__ import annotations

from itertools import chain, groupby
from typing import Protocol, TypeVar

# They start processes and servers of their own; the longest come first.
LONG = (
    "tests/crash/",
    "tests/backup/",
    "tests/journeys/",
    "tests/browser/",
    "tests/processes/",
    "tests/database/embedded/",
    "tests/cli/test_start_errors.py",
    "tests/docs/test_readme_steps.py",
    "tests/packaging/test_wheel.py",
)


class Collected(Protocol):
    """What the order looks at."""

    @property
    def nodeid(self) -> str: ...


T = TypeVar("T", bound=Collected)


def dealt(tests: list[T], workers: int) -> list[T]:
    """Return the tests in an order in which each of `workers` equal parts begins with other long files.

    pytest-xdist gives each worker one such part, and moves tests only when a worker has nothing left. A long test that
    starts late keeps one worker busy while the others have ended.
    """
    short = [test for test in tests if not test.nodeid.startswith(LONG)]
    long = sorted((test for test in tests if test.nodeid.startswith(LONG)), key=_rank)
    files = [list(file) for _, file in groupby(long, key=_file)]
    order: list[T] = []
    for number in range(workers):
        part = list(chain.from_iterable(files[number::workers]))
        size = (len(tests) - len(order)) // (workers - number)
        rest = max(0, size - len(part))
        order += part + short[:rest]
        short = short[rest:]
    return order + short


def _rank(test: Collected) -> int:
    return next(number for number, start in enumerate(LONG) if test.nodeid.startswith(start))


def _file(test: Collected) -> str:
    return test.nodeid.partition("::")[0]
