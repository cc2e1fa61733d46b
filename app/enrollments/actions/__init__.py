"""What is done for a person beside enrolling: one module per action of rules, found by being there.

In goes a claimed enrollment; out comes one sentence that says what was done. A module has an `ACTION`, and its name is
the action's in the plan. What can go wrong is raised from the error tree, which says what follows. Others import
`ACTIONS` and `Tools`.
"""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules
from types import MappingProxyType
from typing import TYPE_CHECKING

from app.enrollments.actions.base import Tools

if TYPE_CHECKING:
    from collections.abc import Mapping

    from app.enrollments.actions.base import Action

__all__ = ["ACTIONS", "Tools"]


def _found() -> dict[str, Action]:
    names = (module.name for module in iter_modules(__path__) if module.name != "base")
    return {name: import_module(f"{__name__}.{name}").ACTION for name in names}


ACTIONS: Mapping[str, Action] = MappingProxyType(_found())
