"""HubSpot's API as values: how each request is written and what its reply says. Sans-I/O.

Paths are date-versioned (`2026-03`): `v4` of the sequences API is unsupported from 2027-03-30. Sources: HubSpot's
public OpenAPI collection (Automation/Sequences, CRM/Contacts, CRM/Owners) and its guides for the same areas.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, TypeVar
from urllib.parse import quote

from app.errors import OutcomeUnknown
from app.hubspot.api.refusals import raise_for
from app.hubspot.api.replies import identifier, instant, items, mapping, text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from app.hubspot.api.replies import Reply
    from app.model import Sender

DEFAULT_VERSION = "2026-03"
NOT_FOUND = 404
PAGE_LIMIT = 100  # no maximum is stated; 100 is known to work

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Call(Generic[T]):
    """One request and how its reply is read. `route` is the template for logs: neither ids nor addresses.

    `decipher` returns the value or raises Refusal or OutcomeUnknown. `bearer` says that the token goes with it. `kind`
    names HubSpot's limit for which it counts: `general`, or `search`, which counts for both.
    """

    route: str
    method: str
    path: str
    decipher: Callable[[Reply], T]
    query: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    json: Mapping[str, Any] | None = field(default=None, repr=False)  # people, and once a token, stand in it
    bearer: bool = True
    kind: str = "general"


@dataclass(frozen=True, slots=True)
class Enrolled:
    """HubSpot's yes: its id of the enrollment, and since when (aware, UTC)."""

    id: str
    enrolled_at: datetime


@dataclass(frozen=True, slots=True)
class EnrollmentStatus:
    """The sequence a contact is in at the time of asking. There is no state, no step and no end in it."""

    id: str
    sequence: str
    enrolled_at: datetime


@dataclass(frozen=True, slots=True)
class Owner:
    """An owner. `user_id` is what sequences are sent by (None: deactivated); `id` is what contacts are assigned to.

    `past_user_id` is the user id also of one who was deactivated, where HubSpot tells it.
    """

    id: str
    user_id: str | None
    email: str | None
    name: str | None = None
    past_user_id: str | None = None


@dataclass(frozen=True, slots=True)
class OwnerPage:
    """One page of owners; `after` asks for the next, None at the end."""

    owners: tuple[Owner, ...]
    after: str | None


@dataclass(frozen=True, slots=True)
class Sequence:
    """A sequence as listed. `updated_at` is the only sign of an edit; there is no active or paused flag."""

    id: str
    name: str
    user_id: str | None
    updated_at: datetime | None


@dataclass(frozen=True, slots=True)
class SequencePage:
    """One page of the list; `after` asks for the next, None at the end."""

    sequences: tuple[Sequence, ...]
    after: str | None


def enroll(version: str, contact_id: str, sequence: str, sender: Sender) -> Call[Enrolled]:
    """Enroll one contact. There is no idempotency key: this is the one call that must not be repeated blindly.

    `userId` is mandatory in the query, the sequence goes in the body, and success is 200.
    """
    return Call(
        route="/automation/sequences/{version}/enrollments",
        method="POST",
        path=f"/automation/sequences/{quote(version, safe='')}/enrollments",
        query=(("userId", sender.user_id),),
        json={"contactId": contact_id, "sequenceId": sequence, "senderEmail": sender.email},
        decipher=_enrolled,
    )


def enrollment_status(version: str, contact_id: str) -> Call[EnrollmentStatus | None]:
    """Ask which sequence a contact is in now; None (404) when it is in none."""
    return Call(
        route="/automation/sequences/{version}/enrollments/contact/{contactId}",
        method="GET",
        path=f"/automation/sequences/{quote(version, safe='')}/enrollments/contact/{quote(contact_id, safe='')}",
        decipher=_status,
    )


def list_sequences(version: str, user_id: str, after: str | None = None) -> Call[SequencePage]:
    """List the sequences that a user may send, a page at a time."""
    paging = (("after", after),) if after else ()
    return Call(
        route="/automation/sequences/{version}",
        method="GET",
        path=f"/automation/sequences/{quote(version, safe='')}",
        query=(("userId", user_id), ("limit", str(PAGE_LIMIT)), *paging),
        decipher=_sequence_page,
    )


def get_sequence(version: str, user_id: str, sequence: str) -> Call[Sequence]:
    """Read one sequence."""
    return Call(
        route="/automation/sequences/{version}/{sequenceId}",
        method="GET",
        path=f"/automation/sequences/{quote(version, safe='')}/{quote(sequence, safe='')}",
        query=(("userId", user_id),),
        decipher=_sequence,
    )


def owners_by_email(version: str, email: str) -> Call[tuple[Owner, ...]]:
    """Find owners by address: the cheapest way from an address to a user id."""
    return Call(
        route="/crm/owners/{version}",
        method="GET",
        path=f"/crm/owners/{quote(version, safe='')}",
        query=(("email", email), ("limit", str(PAGE_LIMIT))),
        decipher=_owners,
    )


def list_owners(version: str, after: str | None = None, *, archived: bool = False) -> Call[OwnerPage]:
    """List the owners who were not archived (or those who were), a page at a time."""
    gone = (("archived", "true"),) if archived else ()
    paging = (*gone, *((("after", after),) if after else ()))
    return Call(
        route="/crm/owners/{version}",
        method="GET",
        path=f"/crm/owners/{quote(version, safe='')}",
        query=(("limit", str(PAGE_LIMIT)), *paging),
        decipher=_owner_page,
    )


def accepted(reply: Reply) -> dict[str, Any]:
    """Return the JSON object of a successful reply. Raises Refusal or OutcomeUnknown; a torn body is OutcomeUnknown."""
    if not reply.ok:
        raise_for(reply)
    body = reply.json()
    if not isinstance(body, dict):
        raise unreadable(reply)
    return body


def unreadable(reply: Reply) -> OutcomeUnknown:
    """Return the error for a success that does not say what it should: nobody knows what HubSpot did."""
    return OutcomeUnknown(f"HubSpot answered {reply.status}, but its answer cannot be read")


def _enrolled(reply: Reply) -> Enrolled:
    body = accepted(reply)
    enrollment_id, enrolled_at = identifier(body.get("id")), instant(body.get("enrolledAt"))
    if enrollment_id is None or enrolled_at is None:
        raise unreadable(reply)
    return Enrolled(enrollment_id, enrolled_at)


def _status(reply: Reply) -> EnrollmentStatus | None:
    if reply.status == NOT_FOUND:
        return None
    body = accepted(reply)
    sequence = identifier(body.get("sequenceId"))
    enrolled = _enrolled(reply)
    if sequence is None:
        raise unreadable(reply)
    return EnrollmentStatus(enrolled.id, sequence, enrolled.enrolled_at)


def _sequence_page(reply: Reply) -> SequencePage:
    body = accepted(reply)
    listed = tuple(sequence_from(item, reply) for item in items(body.get("results")))
    return SequencePage(listed, next_page(body))


def next_page(body: dict[str, Any]) -> str | None:
    """Return what asks for the next page, None at the end."""
    return text(mapping(mapping(body.get("paging")).get("next")).get("after"))


def _owner_page(reply: Reply) -> OwnerPage:
    return OwnerPage(_owners(reply), next_page(accepted(reply)))


def _sequence(reply: Reply) -> Sequence:
    return sequence_from(accepted(reply), reply)


def sequence_from(body: dict[str, Any], reply: Reply) -> Sequence:
    """Return the sequence that an object describes. Raises OutcomeUnknown."""
    sequence = identifier(body.get("id"))
    if sequence is None:
        raise unreadable(reply)
    name = text(body.get("name")) or sequence
    return Sequence(sequence, name, identifier(body.get("userId")), instant(body.get("updatedAt")))


def _owners(reply: Reply) -> tuple[Owner, ...]:
    listed = ((identifier(item.get("id")), item) for item in items(accepted(reply).get("results")))
    return tuple(_owner(owner, item) for owner, item in listed if owner)


def _owner(identity: str, item: dict[str, Any]) -> Owner:
    name = " ".join(part for key in ("firstName", "lastName") if (part := text(item.get(key))))
    past = identifier(item.get("userIdIncludingInactive"))
    return Owner(identity, identifier(item.get("userId")), text(item.get("email")), name or None, past)
