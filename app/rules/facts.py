"""One event as expressions see it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from app.people.domain_lists import AS_PACKAGED
from app.people.invisible import visible

if TYPE_CHECKING:
    from collections.abc import Callable

    from app.model import Event
    from app.people.domain_lists import DomainLists
    from app.rules.conditions import Field
    from app.rules.explain import Seen
    from app.rules.tokens import Macros

FIELDS = (
    "id",
    "source",
    "type",
    "occurred_at",
    "email",
    "first_name",
    "last_name",
    "name",
    "company",
    "exit",
    "data",
    "answers",
)
LOWEST, HIGHEST = -(1 << 63), (1 << 64) - 1  # what the engine takes for a whole number, signed or not
MOST_STEPS = 10_000  # the engine's own limit for the macros of one evaluation


class Facts:
    """One event as expressions see it: built for the first expression, shared by all rules of one decision.

    `lists` are those with which the expressions were compiled.
    """

    __slots__ = ("_activations", "_size", "event", "lists", "seen")

    def __init__(self, event: Event, lists: DomainLists = AS_PACKAGED) -> None:
        self.event = event
        self.lists = lists
        # What fields hold, in a sentence each: rules mostly look at the same fields.
        self.seen: dict[Field, Seen] = {}
        self._activations: dict[frozenset[str], Any] = {}
        self._size: tuple[int, int] | None = None

    def value(self, name: str) -> Any:
        """Return a field of the event: the address is without characters that are not seen."""
        if name == "email" and self.event.email is not None:
            return visible(self.event.email)
        return getattr(self.event, name, None)

    def repeated(self, macros: Macros) -> int:
        """Return how many characters the macros can make by repeating texts of the event, at most."""
        if self._size is None:
            self._size = _size([getattr(self.event, name) for name in FIELDS])
        values, longest = self._size
        steps = max(values, longest) if macros.splits else values
        return int(min(MOST_STEPS, steps**macros.depth)) * longest

    def activation(self, environment: Callable[[DomainLists], Any], names: frozenset[str]) -> Any:
        """Return the engine's form of the fields `names`. An absent one is null; an absent time has no value at all."""
        if names not in self._activations:
            fields = {f"event.{name}": self._engines(name) for name in names}
            if self.event.occurred_at is None:
                fields.pop("event.occurred_at", None)
            self._activations[names] = environment(self.lists).Activation(fields)
        return self._activations[names]

    def _engines(self, name: str) -> Any:
        value = self.value(name)
        if isinstance(value, Mapping) and type(value) is not dict:
            value = dict(value)
        return in_range(value) if name == "data" else value


def in_range(value: Any) -> Any:
    """Return `value` with a text for each whole number beyond 64 bits, which the engine cannot hold.

    Such a number is an identifier more often than not: a text keeps all of its digits. What needs no change is returned
    as it is, not as a copy.
    """
    kind = type(value)
    if kind is int:
        return value if LOWEST <= value <= HIGHEST else str(value)
    if kind is dict:
        changed = {key: new for key, old in value.items() if (new := in_range(old)) is not old}
        return value | changed if changed else value
    if kind is list:
        items = [in_range(item) for item in value]
        return items if any(new is not old for new, old in zip(items, value, strict=True)) else value
    return value


def _size(value: Any) -> tuple[int, int]:
    """Return how many values a value holds, itself included, and how long the longest text in it is."""
    values, longest, waiting = 0, 0, [value]
    while waiting:
        one = waiting.pop()
        values += 1
        if isinstance(one, str):
            longest = max(longest, len(one))
        elif isinstance(one, Mapping):
            waiting += [*one, *one.values()]
        elif isinstance(one, list | tuple):
            waiting += one
    return values, longest
