"""The order in which tests are given to workers."""

from __future__ import annotations

from dataclasses import dataclass

from tests.support.order import dealt


@dataclass(frozen=True)
class Named:
    nodeid: str


SHORT = [Named(f"tests/rules/test_rules.py::test_{number}") for number in range(14)]
CRASH = [Named(f"tests/crash/test_crash.py::test_{number}") for number in range(2)]
OUTAGE, BACKUP = Named("tests/journeys/test_outage.py::test_it"), Named("tests/backup/test_backup.py::test_it")
ALL = [*SHORT[:5], OUTAGE, *SHORT[5:9], *CRASH, *SHORT[9:], BACKUP]


def test_each_worker_begins_with_long_files_of_its_own() -> None:
    order = dealt(ALL, 3)
    assert [order[:6], order[6:12], order[12:]] == [
        [*CRASH, *SHORT[:4]],
        [BACKUP, *SHORT[4:9]],
        [OUTAGE, *SHORT[9:]],
    ]


def test_a_single_worker_runs_every_test_once() -> None:
    assert dealt(ALL, 1) == [*CRASH, BACKUP, OUTAGE, *SHORT]


def test_more_workers_than_tests_lose_none() -> None:
    assert sorted(dealt(ALL, 40), key=lambda test: test.nodeid) == sorted(ALL, key=lambda test: test.nodeid)
