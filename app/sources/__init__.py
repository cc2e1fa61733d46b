"""Sources: one module per provider that verifies and normalises what it sends, without I/O.

A new provider is a module in `providers` with a `PROVIDER`; it is found by being there.
"""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules
from types import MappingProxyType
from typing import TYPE_CHECKING

from app.sources import providers

if TYPE_CHECKING:
    from collections.abc import Mapping

    from app.sources.base import Provider


def _found() -> dict[str, Provider]:
    names = sorted(module.name for module in iter_modules(providers.__path__))
    found: list[Provider] = [import_module(f"{providers.__name__}.{name}").PROVIDER for name in names]
    return {provider.name: provider for provider in sorted(found, key=lambda provider: provider.name)}


PROVIDERS: Mapping[str, Provider] = MappingProxyType(_found())
