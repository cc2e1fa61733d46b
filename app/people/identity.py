"""Who a contact of HubSpot is: its ids and its addresses. Pure.

One contact has a primary address, to which sequences write, and secondary ones, by which it is found as well. A merge
of two contacts makes a third one with an id of its own; the ids of both lead to it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.people.addresses import normalise

if TYPE_CHECKING:
    from collections.abc import Mapping

ID, PRIMARY, SECONDARY = "hs_object_id", "email", "hs_additional_emails"
MERGED, MERGED_AT = "hs_merged_object_ids", "hs_calculated_merged_vids"
PROPERTIES = (ID, PRIMARY, SECONDARY, MERGED, MERGED_AT)


@dataclass(frozen=True, slots=True)
class Person:
    """One contact as HubSpot knows it.

    `ids` are `contact_id` and the ids of contacts that were merged into it; `others` are its addresses in normal form,
    without the one that the event named.
    """

    contact_id: str
    ids: tuple[str, ...]
    others: tuple[str, ...] = ()


def person_of(email: str, contact_id: str, properties: Mapping[str, str | None]) -> Person:
    """Return the person behind a contact that was found by `email` or read by `contact_id`.

    The contact's own id counts: an id of before a merge finds the contact that the merge has made.
    """
    now = properties.get(ID) or contact_id
    merged = [entry.partition(":")[0] for entry in (*_listed(properties, MERGED), *_listed(properties, MERGED_AT))]
    addresses = {normalise(address) for address in (*_listed(properties, PRIMARY), *_listed(properties, SECONDARY))}
    others = {address for address in addresses if address is not None and address != email}
    return Person(now, tuple(sorted({now, contact_id, *merged})), tuple(sorted(others)))


def _listed(properties: Mapping[str, str | None], name: str) -> list[str]:
    """Return the entries of a property, which semicolons separate."""
    entries = (entry.strip() for entry in (properties.get(name) or "").split(";"))
    return [entry for entry in entries if entry]
