"""The facts about one account. In place of a fact that could not be read is the error that prevented it. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from app.errors import BudgetSpent, NotConnected, NotSent, OutcomeUnknown, Refusal, SegueError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import timedelta

    from app.hubspot.api.account import AccountDetails, Usage
    from app.hubspot.api.details import User
    from app.hubspot.api.properties import PropertyDefinition
    from app.hubspot.api.sequences import Owner, Sequence

Seen: TypeAlias = "Mapping[tuple[str, str], Sequence | SegueError]"
DAILY = "RATE_LIMIT_DAILY"
MISSING_SCOPES = "MISSING_SCOPES"
UNAUTHORIZED = 401


@dataclass(frozen=True, slots=True)
class ResponseSeen:
    """One call: HubSpot's status (None: no answer), its clock minus ours, and the requests left of its day."""

    status: int | None
    ahead: timedelta | None = None
    remaining_today: int | None = None


@dataclass(frozen=True, slots=True)
class Facts:
    """What HubSpot answered about one account.

    `gone` are the archived owners, empty where they were not needed; `usage` is None where HubSpot has no figure.
    `seen` has each (user id, sequence id) that was read; HubSpot refuses a sequence that the user may not see.
    `definitions` are those of contact properties by name, none where the rules name no property.
    """

    details: AccountDetails | SegueError
    scopes: tuple[str, ...] | SegueError
    owners: tuple[Owner, ...] | SegueError
    users: tuple[User, ...] | SegueError
    usage: Usage | SegueError | None
    gone: tuple[Owner, ...] = ()
    seen: Seen = field(default_factory=dict)
    met: tuple[ResponseSeen, ...] = ()
    definitions: Mapping[str, PropertyDefinition] | SegueError = field(default_factory=dict)

    def errors(self) -> Iterator[SegueError]:
        """Return the errors that came in place of facts."""
        facts = (self.details, self.scopes, self.owners, self.users, self.usage, self.definitions)
        read = (*facts, *self.seen.values())
        return (one for one in read if isinstance(one, SegueError))

    def spent(self) -> SegueError | None:
        """Return the error that says that the daily limit is used up, from HubSpot or from our own count."""
        return next((one for one in self.errors() if is_spent(one)), None)


def because(error: SegueError) -> str:
    """Return why something could not be read, as the end of a sentence."""
    if isinstance(error, Refusal):
        return f"HubSpot answered {error.status} {error.code}"
    if isinstance(error, NotSent | OutcomeUnknown):
        return f"HubSpot gave no answer ({error})"
    return str(error) if isinstance(error, NotConnected) else f"it was not asked: {error}"


def is_spent(error: SegueError) -> bool:
    """Return whether an error says that the daily limit is used up."""
    return isinstance(error, BudgetSpent) or (isinstance(error, Refusal) and error.code == DAILY)
