"""What a start costs: seconds of processor time, so that what else the machine does counts little."""

from __future__ import annotations

import resource
import statistics
import subprocess
import sys
from typing import TYPE_CHECKING

from tests.bench.results import Aim
from tests.support.processes import ROOT

if TYPE_CHECKING:
    from tests.bench.results import Results

ROUNDS = 5
RULES = "--placeholders deploy/rules/example.yaml"
COMMANDS = (
    "--help",
    "--version",
    "new-key",
    f"check {RULES}",
    f"test {RULES}",
    "schema",
    "sources",
    "send-sample --help",
    "doctor --help",
    "serve --help",
)
AIM = Aim("<= 0.5 s", most=0.5)


def starts(results: Results) -> None:
    """Measure commands that need no database, from the start of the interpreter to its end."""
    for command in COMMANDS:
        seconds = statistics.median(_seconds(command) for _ in range(ROUNDS))
        results.judge(f"processor time of segue {command}", seconds, AIM, measured=f"{seconds:.2f} s")


def _seconds(command: str) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-m", "app", *command.split()], cwd=ROOT, stdout=subprocess.DEVNULL, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
