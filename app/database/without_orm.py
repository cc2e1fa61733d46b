"""Import SQLAlchemy's engines for asyncio without its ORM, of which Segue uses nothing."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from importlib.util import find_spec, module_from_spec
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

PACKAGE = "sqlalchemy.ext.asyncio"


@contextmanager
def without_orm() -> Iterator[None]:
    """Let the block import modules of the package `sqlalchemy.ext.asyncio` without running the package's own code.

    That imports the sessions, and with them the ORM: 7 MB and 50 ms of processor time in each start. The package can
    still be imported afterwards, and then has the same classes.
    """
    spec = None if PACKAGE in sys.modules else find_spec(PACKAGE)
    if spec is None:
        yield
        return
    sys.modules[PACKAGE] = module_from_spec(spec)
    try:
        yield
    finally:
        del sys.modules[PACKAGE]
