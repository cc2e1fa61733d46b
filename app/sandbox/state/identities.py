"""By what a contact is found: its id, its addresses, and the ids of contacts that were merged into it.

From HubSpot's staff in a public issue, another product's live test and HubSpot's changelog (confidence: medium). An
upsert and a read by email find a contact by its secondary addresses, and answer with the primary one. A merge makes a
third record with an id of its own, and both old ids answer as the new one. Which enrollment survives a merge is not
known: here the primary contact's, else the other's. Properties that have not shown yet are lost in a merge.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from app.sandbox.state.contacts import Contact

SECONDARY = "hs_additional_emails"
MERGED, MERGED_AT = "hs_merged_object_ids", "hs_calculated_merged_vids"


class Identities:
    """The contacts of one account, by what they are found by."""

    def __init__(self) -> None:
        self._by_id: dict[str, Contact] = {}
        self._by_email: dict[str, Contact] = {}  # by every address
        self._merged_into: dict[str, str] = {}

    def add(self, contact: Contact) -> None:
        """Find the contact by its id and its addresses from now on."""
        self._by_id[contact.id] = contact
        self._by_email |= dict.fromkeys(addresses_of(contact), contact)

    def remove(self, contact: Contact) -> None:
        """Find the contact by nothing any more."""
        del self._by_id[contact.id]
        self.forget_addresses(contact)

    def forget_addresses(self, contact: Contact) -> None:
        """Find the contact by its id alone."""
        for address in addresses_of(contact):
            self._by_email.pop(address, None)

    def by_id(self, key: str) -> Contact | None:
        """Return the contact with this id, or the one that it was merged into."""
        while key in self._merged_into:
            key = self._merged_into[key]
        return self._by_id.get(key)

    def by_email(self, address: str) -> Contact | None:
        """Return the contact with this primary or secondary address."""
        return self._by_email.get(address.lower())

    def ids(self) -> list[str]:
        """Return the ids of the contacts that there are."""
        return list(self._by_id)

    def merged(self, old: Contact, into: Contact) -> None:
        """Find `into` by the id of `old` from now on."""
        self._merged_into[old.id] = into.id


def addresses_of(contact: Contact) -> list[str]:
    """Return the contact's addresses, the primary one first."""
    secondary = contact.properties.get(SECONDARY, "").split(";")
    return [address for address in (contact.email, *secondary) if address]


def merge(primary: Contact, other: Contact, into: Contact, now: float) -> None:
    """Make `into` what the merge of two contacts is. The primary contact's values win."""
    milliseconds = int(now * 1000)
    olds = [id_ for old in (primary, other) for id_ in (*_listed(old, MERGED), old.id)]
    times = [time for old in (primary, other) for time in (*_listed(old, MERGED_AT), f"{old.id}:{milliseconds}")]
    secondary = [address for address in (*addresses_of(primary), *addresses_of(other)) if address != primary.email]
    into.set_properties(other.properties | primary.properties, now)
    identity = {SECONDARY: ";".join(secondary), MERGED: ";".join(olds), MERGED_AT: ";".join(times)}
    into.set_properties(identity, now)
    into.refusal = primary.refusal or other.refusal
    into.enrollment = primary.enrollment or other.enrollment


def _listed(contact: Contact, name: str) -> list[str]:
    return [entry for entry in contact.properties.get(name, "").split(";") if entry]
