"""A person's fields in a payload: under the names that senders usually choose, at given places, or by questions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypedDict

from app.people.addresses import normalise
from app.people.made_up import made_up
from app.sources.fields import any_text, text
from app.sources.form_labels import by_meaning

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


class Person(TypedDict):
    """The fields of an event that describe its person."""

    email: str | None
    first_name: str | None
    last_name: str | None
    name: str | None
    company: str | None


def person_in(value: Any) -> Person:
    """Return e-mail, names and company of an object that holds them under their usual names."""
    data = value if isinstance(value, dict) else {}
    return {
        "email": any_text(data, "email"),
        "first_name": any_text(data, "first_name", "firstName", "firstname"),
        "last_name": any_text(data, "last_name", "lastName", "lastname"),
        "name": any_text(data, "name", "full_name", "fullName"),
        "company": any_text(data, "company") or text(data, "company", "name"),
    }


def person_at(value: Any, *fields: str, **paths: str) -> Person:
    """Return the texts in an object: those of `fields` under the same names, others at their dotted `paths`."""
    found = {field: text(value, field) for field in fields}
    return _person(found | {field: text(value, *path.split(".")) for field, path in paths.items()})


def person_by_label(labelled: Iterable[tuple[str, str | list[str]]]) -> Person:
    """Return e-mail, names and company of answers, found by the wording of their questions."""
    return _person(by_meaning(labelled))


def first_of(*people: Person) -> Person:
    """Return each field from the first of `people` that has it; an address of theirs goes before a made-up one."""
    found = {name: value for person in reversed(people) for name, value in person.items() if value is not None}
    return _person(found | {"email": own_address(*[person["email"] for person in people])})


def with_address(person: Person, identifier: str | None) -> Person:
    """Return the person; an identifier that is an address is used where there is no other address."""
    return {**person, "email": own_address(person["email"], address_in(identifier))}


def own_address(*addresses: str | None) -> str | None:
    """Return the first address that no tool made up, else the first one."""
    sent = [address for address in addresses if address is not None]
    return next((address for address in sent if not made_up(address)), sent[0] if sent else None)


def address_in(identifier: str | None) -> str | None:
    """Return the identifier where it is an e-mail address: some tools identify people by nothing else."""
    return identifier if normalise(identifier) else None


def _person(found: Mapping[str, Any]) -> Person:
    return {
        "email": found.get("email"),
        "first_name": found.get("first_name"),
        "last_name": found.get("last_name"),
        "name": found.get("name"),
        "company": found.get("company"),
    }
