from __future__ import annotations

import os
import resource
import subprocess
import sys

import pytest

from tests.bench.usage import PROC, cpu_seconds, family, pss_megabytes

pytestmark = pytest.mark.skipif(not PROC.is_dir(), reason="Linux alone has /proc")
WAITS = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'print(1, flush=True); input()'])"


def test_a_descendant_that_has_ended_counts_as_one_that_runs() -> None:
    before, children = cpu_seconds([os.getpid()]), resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-c", "sum(range(20_000_000))"], check=True)
    spent, after = cpu_seconds([os.getpid()]) - before, resource.getrusage(resource.RUSAGE_CHILDREN)
    # The kernel counts the time of ended children in hundredths of a second.
    assert spent >= after.ru_utime - children.ru_utime - 0.02


def test_a_family_is_the_process_with_its_children_and_theirs() -> None:
    with subprocess.Popen([sys.executable, "-c", WAITS], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline()
        found = family(parent.pid)
        assert parent.pid in found
        assert len(found) == 2
        assert pss_megabytes([parent.pid]) > 1
        parent.communicate(b"\n")
