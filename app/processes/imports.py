"""What the children share because the parent imports it: each of them would otherwise have a copy of its own."""

from __future__ import annotations

import sys
import warnings
from contextlib import suppress
from importlib import import_module
from typing import TYPE_CHECKING, Any

from app.tls import tls_context

if TYPE_CHECKING:
    from collections.abc import Callable

# What libraries import at their first use. A child that imports takes three times as much as the modules themselves:
# it writes to pages that it shares with its parent.
AT_FIRST_USE = ("httpcore", "uvicorn.lifespan.off")
# FastAPI takes models of Pydantic's first version where it can be imported. Segue has none, and it takes 2 MB.
UNUSED = "pydantic.v1"


def import_for_children(also: Callable[[], object]) -> None:
    """Import, and read the certificates: 12 MB and 100 ms of processor time less in all. `also` imports more."""
    modules: dict[str, Any] = sys.modules
    modules.setdefault(UNUSED, None)
    also()
    with warnings.catch_warnings(action="ignore"):
        for name in AT_FIRST_USE:
            with suppress(ImportError):  # another version of the library may have no such module
                import_module(name)
    tls_context()
