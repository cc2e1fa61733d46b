"""What is shown of rules, with the names of variables in place of their values. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


def without_values(shown: Any, values: Mapping[str, str]) -> Any:
    """Return a JSON value in which `${NAME}` stands for each value of `values`, which has these names.

    A value that holds another one is replaced first.
    """
    longest_first = sorted(values.items(), key=lambda item: len(item[1]), reverse=True)
    return _without(shown, longest_first) if values else shown


def _without(shown: Any, values: list[tuple[str, str]]) -> Any:
    if isinstance(shown, str):
        for name, value in values:
            shown = shown.replace(value, name)
        return shown
    if isinstance(shown, list | tuple):
        return [_without(item, values) for item in shown]
    if isinstance(shown, dict):
        return {_without(name, values): _without(item, values) for name, item in shown.items()}
    return shown
