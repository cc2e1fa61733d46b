"""Asking a tool for the person that an event names by an id only: the request, and how its answer is read. Pure."""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from app.errors import Unreadable
from app.sources.base import Lookup, Provider
from app.sources.fields import find, first_text, id_at
from app.sources.options import token_of
from app.sources.person_fields import Person, first_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from app.model import Event, SourceConfig

# An id becomes one part of a path: nothing in it may end that part, and one of dots alone would leave it.
ID = re.compile(r"(?=.*[A-Za-z0-9])[A-Za-z0-9_@.+~:-]{1,150}")
KEEP_SECONDS = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonLookup:
    """How a tool answers a person by id.

    `path` returns the path for an event's data, None where they name no person. `headers` returns the headers for a
    token. The person is at `within` of the answer, and `read` reads it. A replica asks `per_minute` times at most.
    """

    path: Callable[[Mapping[str, Any]], str | None]
    headers: Callable[[str], Mapping[str, str]]
    read: Callable[[Any], Person]
    per_minute: int
    within: tuple[str, ...] = ()


class PersonProvider(Provider):
    """Base of the providers that are asked for a person by id; `event.data.person` is what they answer."""

    person: PersonLookup

    def lookup_host(self, config: SourceConfig) -> str:
        """Return the host that is asked, one of `hosts`; by default there is only one."""
        return next(iter(self.hosts))

    def lookup(self, event: Event, config: SourceConfig) -> Lookup | None:
        """Return the request for the event's person, None where the source has no token or the event names no one."""
        token, path = token_of(config), self.person.path(event.data)
        if token is None or path is None:
            return None
        return Lookup(
            self.lookup_host(config),
            path,
            self.person.headers(token),
            per_minute=self.person.per_minute,
            keep_seconds=KEEP_SECONDS,
        )

    def enriched(self, event: Event, found: Any) -> Event:
        """Return the event with the person; what the tool does not say stays as the event says it."""
        subject = find(found, *self.person.within)
        if not isinstance(subject, dict):
            raise Unreadable("malformed_body", f"the answer holds no {self.lookup_subject}")
        person = _with(self.person.read(subject), event)
        lacking = None if person["email"] else f"the {self.lookup_subject} that it names has none"
        return replace(event, data={**event.data, "person": subject}, lacking=lacking, **person)


def by_id(template: str, *places: tuple[str | int, ...]) -> Callable[[Mapping[str, Any]], str | None]:
    """Return the `path` of a lookup: `template` with the first id at `places` of an event's data."""
    return lambda data: with_id(template, first_text(*[id_at(data, *place) for place in places]))


def with_id(template: str, identifier: str | None) -> str | None:
    """Return `template` with the id in place of `{}`; None without an id, or where it cannot be part of a path."""
    if identifier is None or not ID.fullmatch(identifier):
        return None
    return template.replace("{}", quote(identifier, safe=""))


def bearer(token: str) -> dict[str, str]:
    """Return the header of a bearer token."""
    return {"authorization": f"Bearer {token}"}


def basic(token: str) -> dict[str, str]:
    """Return the header of a key that is sent as a user without a password."""
    return {"authorization": "Basic " + base64.b64encode(f"{token}:".encode()).decode()}


def _with(asked: Person, event: Event) -> Person:
    """Return the person with the fields of the event that it lacks.

    Names are taken together: the first name of the one and the last name of the other would be a third person's.
    """
    named = asked["first_name"] or asked["last_name"] or asked["name"]
    own: Person = {
        "email": event.email,
        "first_name": None if named else event.first_name,
        "last_name": None if named else event.last_name,
        "name": None if named else event.name,
        "company": event.company,
    }
    return first_of(asked, own)
