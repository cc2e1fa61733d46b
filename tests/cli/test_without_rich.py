"""A service imports no Rich; a command that prints tables does, in the same process."""

from __future__ import annotations

import subprocess
import sys

from tests.support.processes import ROOT

PROGRAM = """
import sys
from app.cli.without_rich import without_rich
with without_rich():
    import app.main
print(sorted({"rich", "alembic"} & sys.modules.keys()))
import rich.console
with without_rich():
    import rich.table
print(rich.table.Table.__name__)
"""


def test_a_service_is_imported_without_rich_and_rich_can_be_imported_later() -> None:
    ended = subprocess.run([sys.executable, "-c", PROGRAM], cwd=ROOT, capture_output=True, text=True, check=True)
    assert ended.stdout.splitlines() == ["[]", "Table"]
