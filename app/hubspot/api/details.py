"""Details of sequences, enrollments and users for operators: steps, send windows, who enrolled, seats. Sans-I/O.

Source: HubSpot's public OpenAPI collection (Automation/Sequences, Settings/User Provisioning, both 2026-03).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from app.hubspot.api.call import NOT_FOUND, PAGE_LIMIT, Call, Page, accepted, page, paging, unreadable
from app.hubspot.api.replies import count, identifier, instant, items, mapping, text, word, words
from app.hubspot.api.sequences import STATUS_ROUTE, Sequence, sequence_from

if TYPE_CHECKING:
    from datetime import datetime

    from app.hubspot.api.replies import Reply

MINUTES_OF_A_DAY = 24 * 60


@dataclass(frozen=True, slots=True)
class SendSettings:
    """When a sequence's mail may go out: minutes since midnight, and HubSpot's word for the days."""

    opens_minute: int | None
    closes_minute: int | None
    days: str | None


@dataclass(frozen=True, slots=True)
class SequenceStep:
    """One step: HubSpot's word for it (EMAIL, TASK, ...), and how long it waits for the step before it, in seconds.

    HubSpot names a template by its id alone. The other fields are those of a task. What HubSpot does not give is None.
    """

    kind: str
    delay_seconds: float | None
    template_id: str | None = None
    task_type: str | None = None
    task_subject: str | None = None
    task_priority: str | None = None


@dataclass(frozen=True, slots=True)
class SequenceDetails:
    """A sequence with its steps in their order."""

    sequence: Sequence
    steps: tuple[SequenceStep, ...]
    settings: SendSettings


@dataclass(frozen=True, slots=True)
class RunningEnrollment:
    """The sequence that HubSpot shows a contact in: `user_id` enrolled it, `sender` is that user's address."""

    id: str
    sequence: str
    sequence_name: str | None
    enrolled_at: datetime
    updated_at: datetime | None
    user_id: str | None
    sender: str | None


@dataclass(frozen=True, slots=True)
class User:
    """A user with its seats; `seats` is None where HubSpot does not name them."""

    id: str
    email: str | None
    seats: tuple[str, ...] | None


def sequence_details(user_id: str, sequence: str) -> Call[SequenceDetails]:
    """Read one sequence with its steps and its settings, as this user sees it."""
    return Call(
        route="/automation/sequences/{version}/{sequenceId}",
        method="GET",
        parts={"sequenceId": sequence},
        query=(("userId", user_id),),
        parse=_details,
    )


def running_enrollment(contact_id: str) -> Call[RunningEnrollment | None]:
    """Ask which sequence a contact is in now; None (404) where HubSpot shows none.

    An enrollment made by another user may be invisible here, so that None proves nothing.
    """
    return Call(
        route=STATUS_ROUTE,
        method="GET",
        parts={"contactId": contact_id},
        parse=_running,
    )


def list_users(after: str | None = None) -> Call[Page[User]]:
    """List the users, a page at a time. This takes a scope that enrolling does not need, so a refusal is expected."""
    return Call(
        route="/settings/users/{version}",
        method="GET",
        query=(("limit", str(PAGE_LIMIT)), *paging(after)),
        parse=lambda reply: page(reply, _user),
    )


def _details(reply: Reply) -> SequenceDetails:
    body = accepted(reply)
    steps = sorted(items(body.get("steps")), key=lambda step: count(step.get("stepOrder")) or 0)
    settings = mapping(body.get("settings"))
    opens, closes = (_minute(settings.get(f"sendWindow{end}Minute")) for end in ("Start", "End"))
    shown = SendSettings(opens, closes, word(settings.get("eligibleFollowUpDays")))
    return SequenceDetails(sequence_from(body, reply), tuple(_step(step) for step in steps), shown)


def _step(step: dict[str, Any]) -> SequenceStep:
    delay, mail, task = (
        count(step.get("delayMillis")),
        mapping(step.get("emailPattern")),
        mapping(step.get("taskPattern")),
    )
    return SequenceStep(
        kind=word(step.get("actionType")) or "UNKNOWN",
        delay_seconds=None if delay is None else delay / 1000,
        template_id=identifier(mail.get("templateId")) or identifier(task.get("templateId")),
        task_type=word(task.get("taskType")),
        task_subject=text(task.get("subject")),
        task_priority=word(task.get("taskPriority")),
    )


def _running(reply: Reply) -> RunningEnrollment | None:
    if reply.status == NOT_FOUND:
        return None
    body = accepted(reply)
    id_, sequence = identifier(body.get("id")), identifier(body.get("sequenceId"))
    enrolled_at = instant(body.get("enrolledAt"))
    if id_ is None or sequence is None or enrolled_at is None:
        raise unreadable(reply)
    return RunningEnrollment(
        id_,
        sequence,
        text(body.get("sequenceName")),
        enrolled_at,
        instant(body.get("updatedAt")),
        identifier(body.get("enrolledBy")),
        text(body.get("enrolledByEmail")),
    )


def _user(item: dict[str, Any]) -> User | None:
    user_id = identifier(item.get("id"))
    return User(user_id, text(item.get("email")), words(item.get("seatNames"))) if user_id else None


def _minute(value: Any) -> int | None:
    minute = count(value)
    return minute if minute is not None and minute <= MINUTES_OF_A_DAY else None
