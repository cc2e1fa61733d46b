"""What follows from a failed attempt: the error, the step it had reached and the time -> the next state. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from app.backoff import next_attempt
from app.clock import in_words
from app.enrollments.evidence import next_read_at
from app.errors import (
    DeclinedError,
    HeldError,
    HubSpotError,
    NotConnected,
    NotSent,
    OutcomeUnknown,
    ParkedError,
    Refusal,
    SegueError,
    SenderGone,
    SenderRefused,
    StoreSlow,
)
from app.hubspot.api.faults import Next, Party, fault_of, refuses_sender
from app.model import NO_OUTCOME, NOT_CONNECTED, Enrollment, State, Step

if TYPE_CHECKING:
    from app.hubspot.api.faults import Fault

# HubSpot's code for a sender that has used up its 24 hours.
SENDER_FULL = "SEND_LIMIT_EXCEEDED"


@dataclass(frozen=True, slots=True)
class Change:
    """What a transition writes beside the state. None leaves times as they are; `confirm_in` is in seconds.

    `blames_sender`: the sender caused HubSpot's refusal, which counts towards its pause. `unsent`: no request of this
    enrollment can have worked, so it counts as never sent. `full_until`: HubSpot says that the sender may not send
    until then.
    """

    cause: str
    reason: str | None = None
    detail: str | None = None
    due_at: datetime | None = None
    tries: int = 0
    first_failed_at: datetime | None = None
    reads: int = 0
    resends: int | None = None
    hubspot_enrollment_id: str | None = None
    enrolled_at: datetime | None = None
    confirm_in: float | None = None
    blames_sender: bool = False
    unsent: bool = False
    full_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Transition:
    """One step, for logs and metrics; a change of state where `after` differs from the enrollment's state."""

    enrollment: Enrollment
    after: State
    change: Change


@dataclass(frozen=True, slots=True)
class Patience:
    """How long an enrollment is tried, and how long it waits; what ends in `_seconds` is in seconds.

    `settle_seconds` is the time over which an uncertain enrollment is read; an enrolled contact is read again
    `confirm_seconds` after HubSpot's reply. A failing enrollment is retried for `span`. `hold` is the wait for a full
    sender, for an account that has used up its day, and for one that is not connected. Enrollments that wait for the
    account's next day, or for a sender that HubSpot throttles, are spread over `spread`: they do not all start at once.
    """

    settle_seconds: float = 90.0
    confirm_seconds: float = 60.0
    span: timedelta = timedelta(hours=72)
    hold: timedelta = timedelta(hours=1)
    spread: timedelta = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class _Failure:
    """What was in progress when an attempt failed, and when; `random` is uniform in [0, 1)."""

    enrollment: Enrollment
    now: datetime
    random: float
    patience: Patience


def after_failure(
    error: SegueError, enrollment: Enrollment, *, now: datetime, random: float, patience: Patience
) -> tuple[State, Change]:
    """Return the state that follows from `error`, and what is written with it. `random` is uniform in [0, 1)."""
    failure = _Failure(enrollment, now, random, patience)
    if isinstance(error, DeclinedError):
        return State.REFUSED, Change("refused", error.reason, str(error))
    if isinstance(error, ParkedError):
        return State.PARKED, Change("parked", error.reason, str(error))
    if isinstance(error, HeldError | NotConnected):
        return _held(error, failure)
    if isinstance(error, OutcomeUnknown) and enrollment.step is Step.SENDING:
        sent_at = enrollment.sending_at or now
        return State.UNCERTAIN, uncertain(NO_OUTCOME, str(error), sent_at=sent_at, patience=patience)
    if not isinstance(error, Refusal):
        return _retry(error, reason_without_reply(error), failure)
    return _after_refusal(error, fault_of(error.code), failure)


def _after_refusal(error: Refusal, fault: Fault, failure: _Failure) -> tuple[State, Change]:
    """Return what follows from HubSpot's refusal: the fault table decides."""
    detail = f"{fault.sentence} ({error.code})" + (f" HubSpot says: {error.detail}" if error.detail else "")
    match fault.next:
        case Next.REFUSE:
            return State.REFUSED, Change("refused", error.code, detail)
        case Next.HOLD:
            return _hold_at_limit(error, fault, detail, failure)
        case Next.RETRY:
            return _retry(error, error.code, failure)
        case Next.PARK:
            return _park(error, detail, failure)


def _park(refusal: Refusal, detail: str, failure: _Failure) -> tuple[State, Change]:
    """Park an enrollment, or have another sender chosen, unless this sender may have sent it already."""
    blamed = refuses_sender(refusal.code)
    if isinstance(refusal, SenderRefused) and failure.enrollment.first_sending_at is None:
        return State.READY, Change("sender_refused", refusal.code, detail, due_at=failure.now, blames_sender=blamed)
    return State.PARKED, Change("parked", refusal.code, detail, blames_sender=blamed)


def _hold_at_limit(refusal: Refusal, fault: Fault, detail: str, failure: _Failure) -> tuple[State, Change]:
    """Hold an enrollment that has met a limit.

    Where the sender has used up its 24 hours, a sender is chosen anew, as the rule says. An enrollment that this sender
    may have sent already, with an unknown outcome, waits for the same sender. A sender that HubSpot throttles for a
    moment is not full: its enrollments are tried again with it, spread over time.
    """
    until = failure.now + failure.patience.hold
    if fault.fault is not Party.SENDER:
        return State.HELD, Change("held", "daily_budget", detail, due_at=until)
    if refusal.code != SENDER_FULL:
        return State.HELD, Change("held", refusal.code, detail, due_at=until + failure.random * failure.patience.spread)
    if failure.enrollment.first_sending_at is not None:
        return State.HELD, Change("held", "quota", detail, due_at=until, full_until=until)
    return State.READY, Change("sender_full", refusal.code, detail, due_at=failure.now, full_until=until)


def _held(error: HeldError | NotConnected, failure: _Failure) -> tuple[State, Change]:
    """Hold the enrollment. Where its sender may not send any more, a sender is chosen anew, as the rule says."""
    if isinstance(error, NotConnected):
        due_at = failure.now + failure.patience.hold
        return State.HELD, Change("held", NOT_CONNECTED, str(error), due_at=due_at)
    if isinstance(error, SenderGone) and failure.enrollment.first_sending_at is None:
        return State.READY, Change("sender_gone", error.reason, str(error), due_at=failure.now)
    later = failure.random * failure.patience.spread if error.reason == "daily_budget" else timedelta()
    return State.HELD, Change("held", error.reason, str(error), due_at=error.until + later)


def reason_without_reply(error: SegueError) -> str:
    """Name a failure without a reply: the store was slow, HubSpot was not reached, or it did not reply."""
    if isinstance(error, StoreSlow):
        return "store_slow"
    if isinstance(error, NotSent):
        return "hubspot_not_reached"
    return "hubspot_no_answer" if isinstance(error, OutcomeUnknown) else "failed"


def uncertain(reason: str, detail: str, *, sent_at: datetime, patience: Patience) -> Change:
    """Return what is written when HubSpot may have processed a request: the first settling read is due."""
    due_at = next_read_at(sent_at, reads=0, settle_seconds=patience.settle_seconds)
    return Change("uncertain", reason, detail, due_at=due_at)


def _retry(error: SegueError, reason: str, failure: _Failure) -> tuple[State, Change]:
    first_failed_at, tries = failure.enrollment.first_failed_at or failure.now, failure.enrollment.tries
    due_at = next_attempt(
        first_failed_at=first_failed_at,
        tries=tries,
        now=failure.now,
        retry_after=error.retry_after if isinstance(error, Refusal) else None,
        random=failure.random,
        span=failure.patience.span,
    )
    if due_at is None:
        return State.PARKED, Change("gave_up", "gave_up", f"tried for {in_words(failure.patience.span)}, last: {error}")
    detail = str(error) if isinstance(error, HubSpotError) else reason
    return State.READY, Change("retry", reason, detail, due_at=due_at, tries=tries + 1, first_failed_at=first_failed_at)
