"""Sequences, enrollments and owners as values: how each request is written and what its reply says. Sans-I/O.

Sources: HubSpot's public OpenAPI collection (Automation/Sequences, CRM/Owners) and its guides for the same areas.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from app.hubspot.api.call import NOT_FOUND, PAGE_LIMIT, Call, Page, accepted, page, paging, unreadable
from app.hubspot.api.replies import identifier, instant, text
from app.model import ObservedEnrollment

if TYPE_CHECKING:
    from datetime import datetime

    from app.hubspot.api.replies import Reply
    from app.model import Sender


STATUS_ROUTE = "/automation/sequences/{version}/enrollments/contact/{contactId}"


@dataclass(frozen=True, slots=True)
class Enrolled:
    """HubSpot's confirmation: its id of the enrollment, and since when the contact is enrolled (aware, UTC)."""

    id: str
    enrolled_at: datetime


@dataclass(frozen=True, slots=True)
class Owner:
    """An owner. `user_id` sends sequences (None: the user is deactivated); `id` is what contacts are assigned to.

    `past_user_id` is the user id even of a deactivated user, where HubSpot gives it.
    """

    id: str
    user_id: str | None
    email: str | None
    name: str | None = None
    past_user_id: str | None = None


@dataclass(frozen=True, slots=True)
class Sequence:
    """A sequence as listed. `updated_at` is the only sign of an edit; there is no active or paused flag."""

    id: str
    name: str
    user_id: str | None
    updated_at: datetime | None


def enroll(contact_id: str, sequence: str, sender: Sender) -> Call[Enrolled]:
    """Enroll one contact. There is no idempotency key: this is the one call that must not be repeated blindly.

    `userId` is mandatory in the query, the sequence goes in the body, and success is 200. The alias is optional.
    """
    alias = {"senderAliasAddress": sender.alias} if sender.alias else {}
    return Call(
        route="/automation/sequences/{version}/enrollments",
        method="POST",
        query=(("userId", sender.user_id),),
        json={"contactId": contact_id, "sequenceId": sequence, "senderEmail": sender.email, **alias},
        parse=_enrolled,
    )


def enrollment_status(contact_id: str) -> Call[ObservedEnrollment | None]:
    """Ask which sequence a contact is in now; None (404) when it is in none.

    An enrollment made by another user may be invisible here, so that None proves nothing.
    """
    return Call(
        route=STATUS_ROUTE,
        method="GET",
        parts={"contactId": contact_id},
        parse=_status,
    )


def list_sequences(user_id: str, after: str | None = None) -> Call[Page[Sequence]]:
    """List the sequences that a user may send, a page at a time."""
    return Call(
        route="/automation/sequences/{version}",
        method="GET",
        query=(("userId", user_id), ("limit", str(PAGE_LIMIT)), *paging(after)),
        parse=lambda reply: page(reply, lambda item: sequence_from(item, reply)),
    )


def get_sequence(user_id: str, sequence: str) -> Call[Sequence]:
    """Read one sequence, as this user sees it."""
    return Call(
        route="/automation/sequences/{version}/{sequenceId}",
        method="GET",
        parts={"sequenceId": sequence},
        query=(("userId", user_id),),
        parse=lambda reply: sequence_from(accepted(reply), reply),
    )


def list_owners(after: str | None = None, *, archived: bool = False) -> Call[Page[Owner]]:
    """List the owners who are not archived (or those who are), a page at a time."""
    gone = (("archived", "true"),) if archived else ()
    return Call(
        route="/crm/owners/{version}",
        method="GET",
        query=(("limit", str(PAGE_LIMIT)), *gone, *paging(after)),
        parse=lambda reply: page(reply, _owner),
    )


def _enrolled(reply: Reply) -> Enrolled:
    body = accepted(reply)
    enrollment_id, enrolled_at = identifier(body.get("id")), instant(body.get("enrolledAt"))
    if enrollment_id is None or enrolled_at is None:
        raise unreadable(reply)
    return Enrolled(enrollment_id, enrolled_at)


def _status(reply: Reply) -> ObservedEnrollment | None:
    if reply.status == NOT_FOUND:
        return None
    sequence = identifier(accepted(reply).get("sequenceId"))
    enrolled = _enrolled(reply)
    if sequence is None:
        raise unreadable(reply)
    return ObservedEnrollment(sequence, enrolled.enrolled_at)


def _owner(item: dict[str, Any]) -> Owner | None:
    id_ = identifier(item.get("id"))
    if id_ is None:
        return None
    name = " ".join(part for key in ("firstName", "lastName") if (part := text(item.get(key))))
    past = identifier(item.get("userIdIncludingInactive"))
    return Owner(id_, identifier(item.get("userId")), text(item.get("email")), name or None, past)


def sequence_from(body: dict[str, Any], reply: Reply) -> Sequence:
    """Return the sequence that an object describes. Raises OutcomeUnknown."""
    sequence = identifier(body.get("id"))
    if sequence is None:
        raise unreadable(reply)
    name = text(body.get("name")) or sequence
    return Sequence(sequence, name, identifier(body.get("userId")), instant(body.get("updatedAt")))
