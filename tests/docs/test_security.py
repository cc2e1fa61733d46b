"""The table of requirements names tests that exist, and counts its own rows."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/security.md").read_text(encoding="utf-8")
ROWS = [line.split(" | ") for line in PAGE.splitlines() if re.match(r"\| \d+\.\d+\.\d+", line)]
MUST_HOLD = 90


def test_rows_are_counted_rightly() -> None:
    found = Counter(row[2] for row in ROWS)
    assert found["holds"] >= MUST_HOLD
    counted = f"Of the {len(ROWS)} rows that apply {found['holds']} hold, {found['falls short']} fall short"
    assert counted in PAGE


def test_a_row_that_holds_names_what_holds_it_and_one_that_falls_short_says_what_to_do() -> None:
    for row in ROWS:
        requirement, result, how, held = row[0], row[2], row[3], row[4].removesuffix(" |").strip()
        if result == "holds":
            assert held, requirement
        elif result == "falls short":
            assert how, requirement


def test_the_tests_that_are_named_exist() -> None:
    named = re.findall(r"`(tests/[^`]+)`", PAGE)
    assert named != []
    assert [path for path in named if not (ROOT / path).exists()] == []
