"""What was read of one account. Whatever could not be read stands there as the error that kept it from us. Pure."""

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
    """One call as it went: HubSpot's status (None: no answer), its clock less ours, and what is left of its day."""

    status: int | None
    ahead: timedelta | None = None
    remaining_today: int | None = None


@dataclass(frozen=True, slots=True)
class Facts:
    """What HubSpot said of one account.

    `gone` are the owners who were archived, none where nobody had to look; `usage` is None where HubSpot has no figure.
    `seen` is each (user id, sequence id) that was looked for; what a user does not see is HubSpot's refusal.
    `definitions` are those of contact properties, none where the rules name no property.
    """

    details: AccountDetails | SegueError
    scopes: tuple[str, ...] | SegueError
    owners: tuple[Owner, ...] | SegueError
    users: tuple[User, ...] | SegueError
    usage: Usage | SegueError | None
    gone: tuple[Owner, ...] = ()
    seen: Seen = field(default_factory=dict)
    met: tuple[ResponseSeen, ...] = ()
    definitions: tuple[PropertyDefinition, ...] | SegueError = ()

    def errors(self) -> Iterator[SegueError]:
        """Return the errors that came in place of facts."""
        told = (self.details, self.scopes, self.owners, self.users, self.usage, self.definitions)
        read = (*told, *self.seen.values())
        return (one for one in read if isinstance(one, SegueError))

    def refusals(self) -> Iterator[Refusal]:
        """Return HubSpot's own no's."""
        return (error for error in self.errors() if isinstance(error, Refusal))

    def spent(self) -> SegueError | None:
        """Return what says that the account's day is spent, by HubSpot or by what was noted of it."""
        return next((one for one in self.errors() if is_spent(one)), None)


def because(error: SegueError) -> str:
    """Return why something could not be read, as the end of a sentence."""
    if isinstance(error, Refusal):
        return f"HubSpot answered {error.status} {error.code}"
    if isinstance(error, NotSent | OutcomeUnknown):
        return f"HubSpot gave no answer ({error})"
    return str(error) if isinstance(error, NotConnected) else f"it was not asked: {error}"


def is_spent(error: SegueError) -> bool:
    """Tell whether an error says that the account's day is spent."""
    return isinstance(error, BudgetSpent) or (isinstance(error, Refusal) and error.code == DAILY)
