"""A payload with nothing left of it but what some paths lead to. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Path = tuple[str | int, ...]


def pruned(value: Any, paths: Sequence[Path], kept: Callable[[Any], Any]) -> Any:
    """Return the parts of a value that the paths lead to; what a path ends at is what `kept` makes of it.

    A list keeps the items before the last one that is read, so that each item stays where it is: unread ones are null.
    """
    if not all(paths):
        return kept(value)
    if isinstance(value, Mapping):
        names = dict.fromkeys(path[0] for path in paths if path[0] in value)
        return {name: pruned(value[name], _after(paths, name), kept) for name in names}
    if isinstance(value, list):
        places = {path[0] for path in paths if isinstance(path[0], int) and 0 <= path[0] < len(value)}
        length = max(places, default=-1) + 1
        return [pruned(value[at], _after(paths, at), kept) if at in places else None for at in range(length)]
    return kept(value)


def _after(paths: Sequence[Path], step: str | int) -> list[Path]:
    return [path[1:] for path in paths if path[0] == step]
