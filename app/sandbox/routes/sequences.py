"""Sequences: list, read, enroll, and the status of a contact."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from app.sandbox.bodies import page_of
from app.sandbox.errors import not_found, plain, validation
from app.sandbox.request import text_of
from app.sandbox.state.contacts import stamp
from app.sandbox.state.eligibility import FORBIDDEN, NO_SEAT, require_alias, require_eligible, require_sender

if TYPE_CHECKING:
    from app.sandbox.request import Request, Response
    from app.sandbox.state.account import Account
    from app.sandbox.state.contacts import Sequence
    from app.sandbox.state.ledger import Entry
    from app.sandbox.state.seed import User

CREATED = "2026-01-05T09:00:00.000Z"
SETTINGS = {
    "eligibleFollowUpDays": "BUSINESS_DAYS",
    "sellingStrategy": "LEAD_BASED",
    "sendWindowStartMinute": 480,
    "sendWindowEndMinute": 1080,
    "taskReminderMinute": 480,
    "individualTaskRemindersEnabled": False,
}


def list_all(account: Account, request: Request) -> Response:
    """List the sequences that are visible to a user."""
    user = _user(account, request)
    wanted = request.query.get("name", "").lower()
    visible = [
        sequence
        for sequence in account.sequences.values()
        if _visible(sequence, user) and wanted in sequence.name.lower()
    ]
    page, paging = page_of(request, visible)
    return 200, {"total": len(visible), "results": [_summary(sequence) for sequence in page]} | paging


def read(account: Account, request: Request) -> Response:
    """Read one sequence with its steps."""
    sequence = _sequence(account, request.path["sequenceId"], _user(account, request))
    steps = [_step(sequence, number) for number in range(sequence.steps)]
    settings = SETTINGS | {"id": sequence.id, "createdAt": CREATED, "updatedAt": CREATED}
    return 200, _summary(sequence) | {"steps": steps, "settings": settings, "dependencies": []}


def _step(sequence: Sequence, number: int) -> dict[str, Any]:
    """Return a step, its e-mail or task with the fields of the published schema: a template has no name there."""
    dates = {"createdAt": CREATED, "updatedAt": CREATED}
    id_ = f"{sequence.id}{number}"
    if sequence.kind == "TASK":
        task = {"id": f"8{id_}", "taskType": "CALL", "taskPriority": "HIGH", "subject": f"Call: {sequence.name}"}
        pattern = {"taskPattern": task | dates}
    else:
        pattern = {"emailPattern": {"id": f"8{id_}", "templateId": f"9{id_}"} | dates}
    delay = 0 if number == 0 else 86_400_000
    return {"id": id_, "stepOrder": number, "actionType": sequence.kind, "delayMillis": delay} | pattern | dates


def enroll(account: Account, request: Request, entry: Entry) -> Response:
    """Enroll a contact, or raise Refused with HubSpot's code. `entry` is this request's entry in the ledger."""
    user = _user(account, request)
    body = request.object()
    contact_id, sequence_id, sender = (text_of(body, name) for name in ("contactId", "sequenceId", "senderEmail"))
    sequence = _sequence(account, sequence_id, user)
    require_sender(account, user, sender)
    require_alias(user, body.get("senderAliasAddress"))
    contact = account.contact(contact_id)
    if contact is None:
        raise not_found("contact")
    require_eligible(account, contact)
    enrollment = account.enroll(contact, sequence, user_id=user.id, sender=sender)
    entry.processed, entry.outcome, entry.enrollment_id = True, "enrolled", enrollment.id
    when = stamp(enrollment.since)
    return 200, {"id": enrollment.id, "toEmail": contact.email, "enrolledAt": when, "updatedAt": when}


def status(account: Account, request: Request) -> Response:
    """Return the sequence that a contact is in now; 404 when none, or when a colleague enrolled it in HubSpot."""
    contact = account.contact(request.path["contactId"])
    enrollment = contact.enrollment if contact is not None else None
    if contact is None or enrollment is None or enrollment.user_id not in account.users:
        raise not_found("enrollment")
    when = stamp(enrollment.since)
    return 200, {
        "id": enrollment.id,
        "toEmail": contact.email,
        "enrolledAt": when,
        "updatedAt": when,
        "sequenceId": enrollment.sequence.id,
        "sequenceName": enrollment.sequence.name,
        "enrolledBy": enrollment.user_id,
        "enrolledByEmail": enrollment.sender,
    }


def _user(account: Account, request: Request) -> User:
    id_ = request.query.get("userId")
    if not id_:
        raise validation("query param userId may not be null")
    user = account.users.get(id_)
    if user is None:
        raise validation("The user id provided is invalid")  # the live body is not known
    if not user.seat and account.settings.sender_refusals == FORBIDDEN:
        raise plain(FORBIDDEN, NO_SEAT)  # whether the seat counts for reading, too, is not known
    return user


def _visible(sequence: Sequence, user: User) -> bool:
    return not sequence.private or sequence.owner == user.id


def _sequence(account: Account, id_: str, user: User) -> Sequence:
    sequence = account.sequences.get(id_)
    if not id_.isdecimal():
        raise validation("The sequence ID provided is invalid", context={"sequenceId": [id_]})
    if sequence is None or not _visible(sequence, user):
        raise not_found("sequence")  # the live body for another user's private sequence is not known
    return sequence


def _summary(sequence: Sequence) -> dict[str, Any]:
    return {
        "id": sequence.id,
        "name": sequence.name,
        "createdAt": CREATED,
        "updatedAt": CREATED,
        "userId": sequence.owner,
    }
