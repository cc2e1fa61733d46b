"""What rules can do: one module per action, found by its presence in this package.

In: a rule's entry. Out: what a matching event asks for (`EnrollAction`, None for a rule that does nothing). A module
has an `ACTION`, and its name is the key in the rules file, the verdict of the decision, and the name of the module in
`app.enrollments.actions` that carries it out. Mistakes are noted with file, line and column.

Others import `ACTIONS`.
"""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from app.rules.actions.base import RuleAction


def _found() -> dict[str, RuleAction]:
    names = sorted(module.name for module in iter_modules(__path__) if module.name != "base")
    found: dict[str, RuleAction] = {name: import_module(f"{__name__}.{name}").ACTION for name in names}
    return dict(sorted(found.items(), key=lambda item: item[1].is_flag))


ACTIONS: Mapping[str, RuleAction] = MappingProxyType(_found())
