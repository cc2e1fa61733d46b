"""The kinds of jobs: each module of this package is one, with a `KIND`, and is found by being there."""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules
from types import MappingProxyType
from typing import TYPE_CHECKING

from app.errors import FilterRejected

if TYPE_CHECKING:
    from collections.abc import Mapping

    from app.bulk.job import Kind


def _found() -> dict[str, Kind]:
    modules = (import_module(f"{__name__}.{found.name}") for found in iter_modules(__path__))
    return {module.KIND.name: module.KIND for module in modules}


KINDS: Mapping[str, Kind] = MappingProxyType(_found())


def kind_of(name: str) -> Kind:
    """Return the kind of this name. Raises FilterRejected where there is none."""
    kind = KINDS.get(name)
    if kind is None:
        raise FilterRejected(f"kind: there is none called {name[:100]!r}; there are {', '.join(sorted(KINDS))}.")
    return kind
