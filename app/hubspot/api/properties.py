"""The definitions of contact properties: which exist, and which values each takes. Sans-I/O.

Source: HubSpot's public OpenAPI collection (CRM/Properties, 2026-03). Scopes that read or write contacts are enough.
Properties that hold sensitive data are not listed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from app.hubspot.api.call import Call, accepted, unreadable
from app.hubspot.api.replies import items, mapping, text, word

if TYPE_CHECKING:
    from app.hubspot.api.replies import Reply

CHECKBOXES = "checkbox"  # several of them; a single one is "booleancheckbox"


@dataclass(frozen=True, slots=True)
class PropertyDefinition:
    """One property. `type` is HubSpot's word (string, number, date, ...), None where it has none.

    `options` are the values of an enumeration, None where HubSpot takes them from elsewhere; `labels` are (label,
    value) of those that have a label. With `several` a value may hold several options, joined by semicolons. Calculated
    properties are also read-only. A `unique` property has each value on one contact only.
    """

    name: str
    type: str | None
    options: tuple[str, ...] | None = ()
    read_only: bool = False
    unique: bool = False
    labels: tuple[tuple[str, str], ...] = ()
    several: bool = False


def contact_properties() -> Call[tuple[PropertyDefinition, ...]]:
    """List the properties of contacts: HubSpot answers with all of them, without pages."""
    return Call("/crm/properties/{version}/contacts", "GET", _listed)


def _listed(reply: Reply) -> tuple[PropertyDefinition, ...]:
    listed = accepted(reply).get("results")
    if not isinstance(listed, list):
        raise unreadable(reply)
    return tuple(_definition(name, item) for item in items(listed) if (name := text(item.get("name"))))


def _definition(name: str, item: dict[str, Any]) -> PropertyDefinition:
    listed = [(option, value) for option in items(item.get("options")) if (value := text(option.get("value")))]
    kept = mapping(item.get("modificationMetadata")).get("readOnlyValue") is True
    return PropertyDefinition(
        name,
        word(item.get("type")),
        None if item.get("externalOptions") is True else tuple(value for _, value in listed),
        read_only=kept or item.get("calculated") is True,
        unique=item.get("hasUniqueValue") is True,
        labels=tuple((label, value) for option, value in listed if (label := text(option.get("label")))),
        several=item.get("fieldType") == CHECKBOXES,
    )
