"""What the children share because the parent imports it: each of them would otherwise have a copy of its own."""

from __future__ import annotations

import warnings
from contextlib import suppress
from importlib import import_module
from typing import TYPE_CHECKING

from app.tls import tls_context

if TYPE_CHECKING:
    from collections.abc import Callable

# What libraries import at their first use. A child that imports takes three times as much as the modules themselves:
# it writes to pages that it shares with its parent.
AT_FIRST_USE = ("httpcore", "pydantic.v1", "uvicorn.lifespan.off")


def import_for_children(also: Callable[[], object]) -> None:
    """Import, and read the certificates: 12 MB and 100 ms of processor time less in all. `also` imports more."""
    also()
    with warnings.catch_warnings(action="ignore"):
        for name in AT_FIRST_USE:
            with suppress(ImportError):  # another version of the library may have no such module
                import_module(name)
    tls_context()
