"""A service imports only what it needs; what it leaves out can be imported later, in the same process."""

from __future__ import annotations

import subprocess
import sys

from tests.support.processes import ROOT

PROGRAM = """
import sys
from app.cli.without_rich import without_rich
with without_rich():
    import app.main
from app.processes.imports import import_for_children
from app.web.wiring import resource_modules
import_for_children(resource_modules)
unneeded = ["rich", "pygments", "alembic", "sqlalchemy.orm", "cryptography", "cel_expr_python", "pydantic.v1"]
print([name for name in unneeded if sys.modules.get(name)])
from app.database.engine import AsyncEngine
from sqlalchemy.ext import asyncio
print(asyncio.AsyncEngine is AsyncEngine)
import rich.console
with without_rich():
    import rich.table
print(rich.table.Table.__name__)
"""


def test_a_service_is_imported_without_what_only_some_need_which_can_be_imported_later() -> None:
    ended = subprocess.run([sys.executable, "-c", PROGRAM], cwd=ROOT, capture_output=True, text=True, check=True)
    assert ended.stdout.splitlines() == ["[]", "True", "Table"]
