"""What is done for a person, in words: done, and not done. A test requires an entry for each action of rules. Pure."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from app.model import ENROLL

if TYPE_CHECKING:
    from collections.abc import Mapping


class Words(NamedTuple):
    """An action done, not done, not done yet, and asked for: `{name}` is the person, `{target}` what it names."""

    done: str
    undone: str
    waiting: str
    asked: str


OF_ACTIONS: Mapping[str, Words] = MappingProxyType(
    {
        ENROLL: Words(
            "{name} was enrolled in {target}",
            "{name} was not enrolled in {target}",
            "{name} has not been enrolled in {target} yet",
            "enroll {name} in {target}",
        ),
        "workflow": Words(
            "{name} was put into {target}",
            "{name} was not put into {target}",
            "{name} has not been put into {target} yet",
            "put {name} into {target}",
        ),
        "unenroll": Words(
            "{name} was taken out of sequences",
            "{name} was not taken out of sequences",
            "{name} has not been taken out of sequences yet",
            "take {name} out of sequences",
        ),
        "cancel": Words(
            "What waited for {name} was cancelled",
            "What waited for {name} was not cancelled",
            "What waits for {name} has not been cancelled yet",
            "cancel what waits for {name}",
        ),
        "update": Words(
            "The contact of {name} was updated in HubSpot",
            "The contact of {name} was not updated in HubSpot",
            "The contact of {name} has not been updated in HubSpot yet",
            "update the contact of {name} in HubSpot",
        ),
        "note": Words(
            "A note was written on the contact of {name} in HubSpot",
            "No note was written on the contact of {name} in HubSpot",
            "No note has been written on the contact of {name} in HubSpot yet",
            "write a note on the contact of {name} in HubSpot",
        ),
    }
)
UNKNOWN = Words(
    "The action {action} was done for {name}",
    "The action {action} was not done for {name}",
    "The action {action} has not been done for {name} yet",
    "do the action {action} for {name}",
)


def words_of(action: str, *, name: str, target: str) -> Words:
    """Return the words of an action for one person; one of a later version is named as it is."""
    found = OF_ACTIONS.get(action, UNKNOWN)
    return Words(*(_filled(one, action=action, name=name, target=target) for one in found))


def _filled(text: str, **values: str) -> str:
    for key, value in values.items():
        text = text.replace(f"{{{key}}}", value)
    return text


def target_named(action: str, target: str, sequence_name: str | None) -> str:
    """Return what an action is directed at, as people call it: a sequence's name, else its id."""
    if action == ENROLL:
        return sequence_name or f"sequence {target}"
    return f"workflow {target}" if action == "workflow" else "HubSpot"
