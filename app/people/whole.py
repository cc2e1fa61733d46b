"""A person who is to be forgotten or exported: all addresses and contacts that are known to be the same. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from app.people.addresses import former_host, listed_address

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


@dataclass(frozen=True, slots=True)
class WholePerson:
    """One person. `contacts` are (account, contact id), `portal_contacts` the same as HubSpot's events name them.

    `enrollments` are ids of rows of the person, which are found by nothing else once they are erased.
    """

    emails: tuple[str, ...] = ()
    contacts: tuple[tuple[str, str], ...] = ()
    portal_contacts: tuple[str, ...] = ()
    enrollments: tuple[str, ...] = ()

    @property
    def keys(self) -> dict[str, Any]:
        """The parameters by which statements find the person."""
        return {
            "emails": list(self.emails),
            "accounts": [account for account, _ in self.contacts],
            "contacts": [contact for _, contact in self.contacts],
            "portal_contacts": list(self.portal_contacts),
        }

    def named(self, *names: str) -> dict[str, Any]:
        """Return these of the parameters."""
        return {name: self.keys[name] for name in names}

    def joined(self, rows: Iterable[Any]) -> WholePerson:
        """Return the person with what enrollments of the same addresses or contacts add."""
        emails, contacts, named = set(self.emails), set(self.contacts), set(self.portal_contacts)
        for row in rows:
            if row.email:
                emails.add(row.email)
            if row.contact_id:
                contacts.add((row.account, row.contact_id))
                named |= {f"{row.portal}:{row.contact_id}"} if row.portal else set()
        return replace(
            self, emails=tuple(sorted(emails)), contacts=tuple(sorted(contacts)), portal_contacts=tuple(sorted(named))
        )

    def with_enrollments(self, ids: Iterable[str]) -> WholePerson:
        """Return the person with these rows, too."""
        return replace(self, enrollments=tuple(sorted({*self.enrollments, *ids})))


def named_person(address: str) -> WholePerson:
    """Return the person whom an operator names by an address. Raises ValueError where it is blank.

    An entry that was stored before domains followed IDNA 2008 may have the domain's former form.
    """
    listed = listed_address(address)
    if listed is None:
        raise ValueError("write the address of the person, such as ada@corp.example")
    local, _, host = listed.rpartition("@")
    former = former_host(host)
    return WholePerson((listed, f"{local}@{former}") if former else (listed,))


def stored(person: WholePerson) -> dict[str, Any]:
    """Return the person as JSON."""
    return {
        "emails": list(person.emails),
        "contacts": [list(contact) for contact in person.contacts],
        "portal_contacts": list(person.portal_contacts),
        "enrollments": list(person.enrollments),
    }


def read_person(row: Mapping[str, Any]) -> WholePerson:
    """Return the person that was stored."""
    contacts = tuple((account, contact) for account, contact in row["contacts"])
    return WholePerson(tuple(row["emails"]), contacts, tuple(row["portal_contacts"]), tuple(row["enrollments"]))
