"""Which versions of PostgreSQL are warned of."""

from __future__ import annotations

from datetime import date

import pytest

from app.database.server import END_OF_SUPPORT, OLDEST_MAJOR, Server, concern, version_of_number

DAY = date(2026, 11, 29)


@pytest.mark.parametrize(
    ("version", "today", "problem"),
    [
        ((18, 6), DAY, None),
        ((18, 4), DAY, "PostgreSQL 18.4 lacks security fixes that 18.6 has"),
        ((15, 1), DAY, None),
        ((15, 1), date(2027, 11, 11), None),
        ((15, 1), date(2027, 11, 12), "PostgreSQL 15 had its last security fixes on 2027-11-11"),
        ((19, 0), date(2035, 1, 1), None),
    ],
)
def test_what_speaks_against_a_version(version: tuple[int, int], today: date, problem: str | None) -> None:
    assert concern(version, today) == problem


def test_the_oldest_version_that_is_taken_is_still_supported() -> None:
    assert min(END_OF_SUPPORT) == OLDEST_MAJOR
    assert END_OF_SUPPORT[OLDEST_MAJOR] > DAY


def test_a_server_is_named_with_its_version_and_origin() -> None:
    assert version_of_number(180006) == (18, 6)
    assert str(Server((17, 10), "at SEGUE_DATABASE_URL")) == "PostgreSQL 17.10 (at SEGUE_DATABASE_URL)"
