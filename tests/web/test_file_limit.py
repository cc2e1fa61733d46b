"""Connections fit in what files a process may have open, and a line says where it can open no more."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.support.processes import ROOT

LIMITED = """
import json, os, resource, sys
from app.web.file_limit import FileWatch, room_for
soft, hard, wanted = map(int, sys.argv[1:])
resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
room = room_for(wanted)
reached = []
watch = FileWatch(lambda: reached.append(True))
watch.look()
counts = [len(reached)]
taken = []
try:
    while True:
        taken.append(os.dup(0))
except OSError:
    pass
watch.look(), watch.look()
counts.append(len(reached))
os.close(taken.pop())
watch.look()
taken.append(os.dup(0))
watch.look()
counts.append(len(reached))
os.close(taken.pop())
print(json.dumps([room, resource.getrlimit(resource.RLIMIT_NOFILE)[0], counts]))
"""


@pytest.mark.parametrize(
    ("soft", "hard", "room", "files"),
    [(256, 4096, 1000, 1100), (256, 500, 400, 500), (150, 150, 75, 150), (2000, 4096, 1000, 2000)],
)
def test_connections_fit_in_the_files_that_a_process_may_have(soft: int, hard: int, room: int, files: int) -> None:
    run = subprocess.run(
        [sys.executable, "-c", LIMITED, str(soft), str(hard), "1000"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        stdin=subprocess.DEVNULL,
    )
    assert json.loads(run.stdout.splitlines()[-1]) == [room, files, [0, 1, 2]]
    assert ("connections.limited_by_files" in run.stdout) == (room < 1000)
    assert run.stdout.count("files.limit_reached") == 2
