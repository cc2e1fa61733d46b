from __future__ import annotations

import io

import pytest
from rich.console import Console

from tests.bench.results import Aim, Results


@pytest.mark.parametrize(
    ("aim", "figure", "missed"),
    [
        (Aim("<= 1.05", most=1.05), 1.05, False),
        (Aim("<= 1.05", most=1.05), 1.051, True),
        (Aim(">= 90 %", least=0.9), 0.9, False),
        (Aim(">= 90 %", least=0.9), 0.89, True),
        (Aim("2000", least=2000, most=2000), 1999, True),
    ],
)
def test_an_aim_that_is_missed_fails_the_run_and_is_named(aim: Aim, figure: float, *, missed: bool) -> None:
    results, printed = Results("what was measured"), io.StringIO()
    results.tell("how long it took", "far too long", aim="<= 1 ms")
    results.judge("calls", figure, aim, measured=f"{figure}")
    assert results.show(Console(file=printed, width=110)) == int(missed)
    assert (f"missed: calls: {figure}, the aim is {aim.words}" in printed.getvalue()) == missed
