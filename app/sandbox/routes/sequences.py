"""Sequences: list, read, enroll, and the status of a contact."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from app.sandbox.errors import not_found, validation
from app.sandbox.request import Asked, number_of, text_of
from app.sandbox.state.contacts import stamp
from app.sandbox.state.eligibility import require_sender, require_willing

if TYPE_CHECKING:
    from app.sandbox.state.account import State
    from app.sandbox.state.contacts import SequencePlan
    from app.sandbox.state.ledger import Entry
    from app.sandbox.state.seed import User

Answer = tuple[int, dict[str, Any]]
PAGE = 100
CREATED = "2026-01-05T09:00:00.000Z"


def list_all(state: State, asked: Asked) -> Answer:
    """List the sequences that a user sees."""
    user = _user(state, asked)
    wanted = asked.query.get("name", "").lower()
    seen = [plan for plan in state.sequences.values() if _visible(plan, user) and wanted in plan.name.lower()]
    start, limit = number_of(asked, "after", 0), min(max(number_of(asked, "limit", PAGE), 1), PAGE)
    page = seen[start : start + limit]
    body: dict[str, Any] = {"total": len(seen), "results": [_lite(plan) for plan in page]}
    if start + limit < len(seen):
        body["paging"] = {"next": {"after": str(start + limit)}}
    return 200, body


def read(state: State, asked: Asked) -> Answer:
    """Read one sequence with its steps."""
    user = _user(state, asked)
    plan = _plan(state, asked.path["sequenceId"], user)
    steps = [
        {
            "id": f"{plan.id}{number}",
            "stepOrder": number,
            "actionType": plan.kind,
            "delayMillis": 0 if number == 0 else 86_400_000,
            "createdAt": CREATED,
            "updatedAt": CREATED,
        }
        for number in range(plan.steps)
    ]
    settings = {
        "id": plan.id,
        "createdAt": CREATED,
        "updatedAt": CREATED,
        "eligibleFollowUpDays": "BUSINESS_DAYS",
        "sellingStrategy": "LEAD_BASED",
        "sendWindowStartMinute": 480,
        "sendWindowEndMinute": 1080,
        "taskReminderMinute": 480,
        "individualTaskRemindersEnabled": False,
    }
    return 200, _lite(plan) | {"steps": steps, "settings": settings, "dependencies": []}


def enroll(state: State, asked: Asked, entry: Entry) -> Answer:
    """Enroll a contact, or refuse with HubSpot's code. `entry` is this request's line in the ledger."""
    user = _user(state, asked)
    body = asked.object()
    contact_id, sequence_id, sender = (text_of(body, name) for name in ("contactId", "sequenceId", "senderEmail"))
    plan = _plan(state, sequence_id, user)
    require_sender(state, user, sender)
    person = state.person(contact_id)
    if person is None:
        raise not_found("contact")
    require_willing(state, person)
    running = state.begin(person, plan, user_id=user.id, sender=sender)
    entry.processed, entry.outcome, entry.enrollment_id = True, "enrolled", running.id
    when = stamp(running.since)
    return 200, {"id": running.id, "toEmail": person.email, "enrolledAt": when, "updatedAt": when}


def status(state: State, asked: Asked) -> Answer:
    """Tell which sequence a contact is in now; 404 when none, or when a colleague's own hands enrolled it."""
    person = state.person(asked.path["contactId"])
    running = person.running if person is not None else None
    if person is None or running is None or running.user_id not in state.users:
        raise not_found("enrollment")
    when = stamp(running.since)
    return 200, {
        "id": running.id,
        "toEmail": person.email,
        "enrolledAt": when,
        "updatedAt": when,
        "sequenceId": running.sequence.id,
        "sequenceName": running.sequence.name,
        "enrolledBy": running.user_id,
        "enrolledByEmail": running.sender,
    }


def _user(state: State, asked: Asked) -> User:
    identity = asked.query.get("userId")
    if not identity:
        raise validation("query param userId may not be null")
    user = state.users.get(identity)
    if user is None:
        raise validation("The user id provided is invalid")  # the live body is not known
    return user


def _visible(plan: SequencePlan, user: User) -> bool:
    return not plan.private or plan.owner == user.id


def _plan(state: State, identity: str, user: User) -> SequencePlan:
    plan = state.sequences.get(identity)
    if not identity.isdecimal():
        raise validation("The sequence ID provided is invalid", context={"sequenceId": [identity]})
    if plan is None or not _visible(plan, user):
        raise not_found("sequence")  # the live body of somebody else's private sequence is not known
    return plan


def _lite(plan: SequencePlan) -> dict[str, Any]:
    return {"id": plan.id, "name": plan.name, "createdAt": CREATED, "updatedAt": CREATED, "userId": plan.owner}
