"""Details of sequences and users for operators: steps, send windows and seats. Sans-I/O.

Source: HubSpot's public OpenAPI collection (Automation/Sequences, Settings/User Provisioning, both 2026-03).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from app.hubspot.api.call import PAGE_LIMIT, Call, Page, accepted, page, paging
from app.hubspot.api.replies import count, identifier, items, mapping, text, word, words
from app.hubspot.api.sequences import Sequence, sequence_from

if TYPE_CHECKING:
    from app.hubspot.api.replies import Reply

MINUTES_OF_A_DAY = 24 * 60


@dataclass(frozen=True, slots=True)
class SendSettings:
    """When a sequence's mail may go out: minutes since midnight, and HubSpot's word for the days."""

    opens_minute: int | None
    closes_minute: int | None
    days: str | None


@dataclass(frozen=True, slots=True)
class SequenceDetails:
    """A sequence with its steps, each by HubSpot's word (EMAIL, TASK, ...), in their order."""

    sequence: Sequence
    steps: tuple[str, ...]
    settings: SendSettings


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
    kinds = tuple(word(step.get("actionType")) or "UNKNOWN" for step in steps)
    shown = SendSettings(opens, closes, word(settings.get("eligibleFollowUpDays")))
    return SequenceDetails(sequence_from(body, reply), kinds, shown)


def _user(item: dict[str, Any]) -> User | None:
    user_id = identifier(item.get("id"))
    return User(user_id, text(item.get("email")), words(item.get("seatNames"))) if user_id else None


def _minute(value: Any) -> int | None:
    minute = count(value)
    return minute if minute is not None and minute <= MINUTES_OF_A_DAY else None
