"""Sources: verify a delivery and normalise it to events, one module per provider, without I/O.

A delivery (raw body, headers, URL), the source's configuration and the time come in; events come out, or the response
to a challenge. A delivery that does not prove its origin raises `Unauthenticated`, and one that cannot be read raises
`Unreadable`; both are `DeliveryRejected`. A sample for a source without a usable secret raises `StartError`.

Others import `PROVIDERS` from here, the class of a provider and its values from `base`, and `normalised` (the end of a
normalisation, alike for all providers), `encodings` (packed bodies, charsets), `diagnose`, `renewing`, `sample_files`,
`sample_events`, `standard_scheme` and `strict_json`. A new provider is a module in `providers` with a `PROVIDER`;
discovery finds it.
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


def _discovered() -> dict[str, Provider]:
    names = sorted(module.name for module in iter_modules(providers.__path__))
    found: list[Provider] = [import_module(f"{providers.__name__}.{name}").PROVIDER for name in names]
    return {provider.name: provider for provider in sorted(found, key=lambda provider: provider.name)}


PROVIDERS: Mapping[str, Provider] = MappingProxyType(_discovered())
