"""The error tree. Each leaf says what happens next.

SegueError
├── StartError               the process prints what, where and what to do, and exits with `exit_code`
├── VariableError            a variable of the environment cannot be read: a mistake in the settings or the rules
├── RulebookError            all mistakes are listed; the last good rulebook stays in force
├── UnknownRule              a caller names a rule that the rules in force do not have
├── SampleRefused            a sample cannot be sent as it is asked for, and nothing was sent
├── NoEvent                  what a caller wants to try the rules with describes no event
├── DeliveryRejected         a webhook's sender is answered `status`; `reason` names the check that failed
│   ├── UnknownSource        404
│   ├── Unauthenticated      401
│   ├── Unreadable           400
│   ├── NotAllowed           405 with Allow
│   ├── TooLarge             413
│   ├── UnsupportedMedia     415
│   └── Busy                 503 with Retry-After: the only 5xx
│       └── NotAudited       the audit log takes no row: what was to be written there is not done
├── HubSpotError             an outbound call did not end in a usable answer
│   ├── NotSent              nothing reached HubSpot: retry
│   │   └── StoreSlow        the store answers too late for a request to leave in time: retry
│   ├── OutcomeUnknown       it may have been processed: an enroll is settled, any other call is retried
│   ├── Refusal              HubSpot said no: the fault table says what follows
│   │   └── SenderRefused    it refused the sender, and the rule names others: another one is chosen
│   └── NotConnected         the account has no usable grant: its work is held until it is connected
│       └── GrantRevoked     HubSpot says that the grant is dead: it is never used again
├── InstallRefused           an account cannot be connected this way: the message says why, and what to do
├── BulkRefused              a job on many rows is not begun: the message says why, and what to do
│   ├── FilterRejected       its filter is not one of its kind
│   ├── MoreThanShown        more rows match by now than were shown: show the new count, and ask again
│   ├── AlreadyAsked         a job of this kind and filter is not over yet
│   └── TooManyForRole       the role may not ask for so many at once
├── JobNotMovable            the state of a job does not allow that
├── DoneBefore               a form of the console was sent before, and is answered as then: nothing is done
├── SignInRefused            a person is not signed in to the console: the page has `status`, and says why
│   └── ProviderFailed       the identity provider gives no usable answer: later, or by a token; sessions go on
├── DecryptionFailed         what is stored opens with none of the keys: it counts as absent, and is kept
├── LookupFailed             a thin event's provider may say later what the event is about: retry
├── LookupNotFound           it has no such thing: a recorded no, which says so
├── HeldError                it is not the time: the enrollment is held until then
│   ├── BudgetSpent          a daily budget is spent: held until it is free again
│   └── SenderGone           the chosen sender is full or paused by now: another one is chosen, or it is held
├── DeclinedError            a final no of our own: the enrollment is refused
├── ParkedError              a person must look
└── FenceLost                the row has another owner by now: drop the work, write nothing
"""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime


class SegueError(Exception):
    """The root: everything Segue raises on purpose."""


class StartError(SegueError):
    """The process cannot start or a command cannot run: the message says what is wrong, where, and what to do."""

    def __init__(self, message: str, *, exit_code: int = 2) -> None:
        super().__init__(message)
        self.exit_code = exit_code


class VariableError(SegueError):
    """A variable of the environment cannot be read: the message names it and says what to do, and holds no value."""


@dataclass(frozen=True, slots=True)
class Mistake:
    """One mistake in a rules file. `line` and `column` count from 1."""

    file: str
    line: int
    column: int
    message: str
    level: str = "error"

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}: {self.message}"


class RulebookError(SegueError):
    """The rules file cannot be used: `mistakes` lists all of them. What was in force stays in force."""

    def __init__(self, mistakes: tuple[Mistake, ...]) -> None:
        super().__init__("\n".join(str(mistake) for mistake in mistakes))
        self.mistakes = mistakes


class AddressNotAllowed(SegueError):
    """An endpoint's address is private and no network of the settings holds it: the event waits for its next try."""


class StillForgetting(SegueError):
    """A person who is still being forgotten cannot come back yet."""


class UnknownRule(SegueError):
    """The rules in force have no rule of this id."""


class SampleRefused(SegueError):
    """A sample cannot be sent as it is asked for. `choice` is what is wrong: `sample`, `email` or `new`.

    `unknown` says that there is no such thing at all; else it does not fit what would be sent.
    """

    def __init__(self, choice: str, message: str, *, unknown: bool = False) -> None:
        super().__init__(message)
        self.choice = choice
        self.unknown = unknown


class NoEvent(SegueError):
    """What the rules are to be tried with describes no event: the message names the field."""


class DeliveryRejected(SegueError):
    """A delivery is turned away with `status`.

    `reason` is a snake_case name for logs and metrics, never shown to the sender of a bad signature; the message may
    hold detail for the operator, but no secret.
    """

    status = 400

    def __init__(self, reason: str, message: str = "") -> None:
        super().__init__(message or reason.replace("_", " "))
        self.reason = reason
        self.body: bytes | None = None  # JSON, where the provider wants its refusals in a form of its own


class UnknownSource(DeliveryRejected):
    """No such source in the rulebook in force: 404."""

    status = 404


class Unauthenticated(DeliveryRejected):
    """The delivery does not prove where it comes from (signature missing, wrong, stale): 401."""

    status = 401


class Unreadable(DeliveryRejected):
    """Authentic or not, the body cannot be read as what the provider sends: 400. The message names the field."""


class NotAllowed(DeliveryRejected):
    """The provider never sends by this method: 405. `allow` names those it does."""

    status = 405

    def __init__(self, allow: str) -> None:
        super().__init__("method_not_allowed", f"deliveries of this source come by {allow}")
        self.allow = allow


class TooLarge(DeliveryRejected):
    """The body exceeds the size cap: 413."""

    status = 413


class UnsupportedMedia(DeliveryRejected):
    """The provider never sends this content type: 415."""

    status = 415


class Busy(DeliveryRejected):
    """Our side cannot keep it now (store down, queue full, no rulebook yet): 503, and the sender tries again."""

    status = 503

    def __init__(self, reason: str, message: str = "", *, retry_after: int = 5) -> None:
        super().__init__(reason, message)
        self.retry_after = retry_after


class NotAudited(Busy):
    """The audit log takes no row; the transaction that was to write it is rolled back."""

    def __init__(self, why: str) -> None:
        message = f"the audit log could not be written, so that this was not done: {why}"
        super().__init__("not_audited", message)


class BrokenOff(DeliveryRejected):
    """The delivery exceeds a limit before its body is complete, and is answered by `status`."""

    def __init__(self, status: int, reason: str, message: str) -> None:
        super().__init__(reason, message)
        self.status = status


class HubSpotError(SegueError):
    """An outbound call to HubSpot did not end in a usable answer."""


class NotSent(HubSpotError):
    """The request never left (no connection, stale grant, lost fence before the first byte): safe to try again."""


class OutcomeUnknown(HubSpotError):
    """The request left, and what became of it is unknown (timeout, reset, torn body, 408, 5xx).

    An enroll goes to `uncertain` and is settled; any other call is idempotent and simply retried.
    """


@dataclass(eq=False)
class Refusal(HubSpotError):
    """HubSpot answered no. `code` is its own word for it; the fault table maps it to what follows.

    `retry_after` is in seconds (None where HubSpot named none); `detail` is HubSpot's message, without addresses.
    `properties` are (contact property, what is wrong with it), as far as HubSpot names any.
    """

    code: str
    detail: str = ""
    _: KW_ONLY
    status: int
    correlation_id: str | None = None
    retry_after: float | None = None
    properties: tuple[tuple[str, str], ...] = ()

    def __str__(self) -> str:
        return f"{self.code}: {self.detail}" if self.detail else self.code


class SenderRefused(Refusal):
    """HubSpot refuses the sender, whatever the contact is, and the rule names another one."""


class NotConnected(HubSpotError):
    """The account joins by OAuth and has no usable grant: its work is held until it is connected."""


class GrantRevoked(NotConnected):
    """HubSpot says that the grant is dead (uninstalled, the account gone): it is never used again."""


class StoreSlow(NotSent):
    """The store answers too late for a request to leave while its permit and commit are fresh: safe to try again."""


class InstallRefused(SegueError):
    """An account cannot be connected this way; the message is for the person who tries, and says what to do."""


class BulkRefused(SegueError):
    """A job on many rows is not begun; the message is for the operator who asks, and says what to do."""


class FilterRejected(BulkRefused):
    """The filter of a job is none of its kind, or would match everything."""


class MoreThanShown(BulkRefused):
    """More rows match by now than the operator was shown: `count` is the new number."""

    def __init__(self, message: str, *, count: int) -> None:
        super().__init__(message)
        self.count = count


class AlreadyAsked(BulkRefused):
    """A job of this kind and filter is not over yet: `job_id` is its id. Two would go twice as fast as is good."""

    def __init__(self, job_id: str) -> None:
        super().__init__(f"{job_id} does this already: look how far it is, or cancel it first.")
        self.job_id = job_id


class TooManyForRole(BulkRefused):
    """The role may not ask for so many rows at once; an admin may."""


class JobNotMovable(SegueError):
    """The state of a job does not allow that: the message names the state."""


class DoneBefore(SegueError):
    """A form was sent before, and did what it asks for then."""


class SignInRefused(SegueError):
    """A person is not signed in to the console. The message is for them; `status` is that of the page."""

    def __init__(self, message: str, *, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


class ProviderFailed(SignInRefused):
    """The identity provider gives no usable answer. The message holds nothing that it said of a person."""

    def __init__(self, message: str) -> None:
        super().__init__(message, status=502)


class DecryptionFailed(SegueError):
    """What is stored opens with none of the encryption keys, or belongs elsewhere. It is kept as it is."""


class LookupFailed(SegueError):
    """A thin event's provider gave no usable answer (network, refusal, overload): the lookup is tried again.

    `retry_after` is in seconds. `tries` limits the number of lookups, for an object that the provider does not have
    yet: it comes soon, or never. None: a lookup is tried for as long as anything is. The reason `TOKEN_REFUSED` waits
    for the operator.
    """

    TOKEN_REFUSED = "token_refused"  # noqa: S105  # a reason, no password

    def __init__(
        self, reason: str, message: str, retry_after: float | None = None, *, tries: int | None = None
    ) -> None:
        super().__init__(message)
        self.reason = reason
        self.retry_after = retry_after
        self.tries = tries


class LookupNotFound(SegueError):
    """The provider has no such thing, or there is none to ask: what the event is about stays unknown."""


class HeldError(SegueError):
    """It is not the time: hold the enrollment for `reason` until `until`."""

    def __init__(self, reason: str, until: datetime, message: str = "") -> None:
        super().__init__(message or f"{reason.replace('_', ' ')} until {until:%Y-%m-%d %H:%M} UTC")
        self.reason = reason
        self.until = until


class DeclinedError(SegueError):
    """A final no of our own: refuse the enrollment, with `reason`."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class ParkedError(SegueError):
    """A person must look, for `reason`."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class PropertyNotTaken(ParkedError):
    """HubSpot would refuse a contact for a property that the rule writes: correct the property, or the rule."""


class BudgetSpent(HeldError):
    """A daily budget is spent: `reason` is quota (a sender's 24 hours) or daily_budget (the account's day)."""

    def __init__(self, reason: str, until: datetime) -> None:
        super().__init__(reason, until, f"{reason} is spent until {until:%Y-%m-%d %H:%M} UTC")


class SenderGone(HeldError):
    """The sender that was chosen may not send any more: it is full (`quota`) or paused (`sender_paused`) by now.

    `until` is when it may be looked at again, where it is waited for.
    """


class FenceLost(SegueError):
    """Another worker has claimed the enrollment meanwhile, and that worker writes what becomes of it."""
