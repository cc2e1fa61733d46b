"""What follows from how an attempt ended: the error, how far it had come, and when -> the next state. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Protocol

from app.backoff import next_attempt
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
    StoreSlow,
)
from app.model import NO_OUTCOME, NOT_CONNECTED, Enrollment, State, Step

if TYPE_CHECKING:
    from collections.abc import Callable


# HubSpot's word for a sender whose 24 hours are spent.
SENDER_FULL = "SEND_LIMIT_EXCEEDED"


class NextStep(Protocol):
    """A row of the fault table, as far as this decision needs it."""

    @property
    def fault(self) -> str:
        """Whose fault it is: contact, sender, account, us or hubspot."""

    @property
    def next(self) -> str:
        """What follows: refuse, retry, hold, park or settle."""

    @property
    def sentence(self) -> str:
        """What happened, for people."""


@dataclass(frozen=True, slots=True)
class Change:
    """What a transition writes beside the state. None leaves times as they are; `confirm_in` is in seconds.

    `blames_sender`: HubSpot refused for the sender's own sake, which counts towards its pause. `unsent`: no request
    of this enrollment can have worked, so that it stands as if none had been sent. `full_until`: HubSpot says that the
    sender may send no more for now.
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
    """One step, for logs and metrics; a transition where `after` is not the state that the enrollment was in."""

    enrollment: Enrollment
    after: State
    change: Change


@dataclass(frozen=True, slots=True)
class Patience:
    """How long things are tried; what ends in `_seconds` is in seconds. `confirm_seconds` after a yes, it is looked at.

    `hold` is how long a full sender, or an account whose day is spent or that nobody has connected, is left alone; who
    waits for the account's next day, or for a sender that is held back, goes within `morning` of it, not all at once.
    """

    settle_seconds: float = 90.0
    confirm_seconds: float = 60.0
    span: timedelta = timedelta(hours=72)
    hold: timedelta = timedelta(hours=1)
    morning: timedelta = timedelta(minutes=10)


def after_failure(  # noqa: PLR0911  # one return per kind of end is the table this function is
    error: SegueError,
    enrollment: Enrollment,
    fault_of: Callable[[str], NextStep],
    *,
    now: datetime,
    random: float,
    patience: Patience,
) -> tuple[State, Change]:
    """Return the state that follows from `error`, and what is written with it. `random` is uniform in [0, 1)."""
    if isinstance(error, DeclinedError):
        return State.REFUSED, Change("refused", error.reason, str(error))
    if isinstance(error, ParkedError):
        return State.PARKED, Change("parked", error.reason, str(error))
    if isinstance(error, HeldError | NotConnected):
        return _held(error, enrollment, now=now, random=random, patience=patience)
    if isinstance(error, OutcomeUnknown) and enrollment.step is Step.SENDING:
        return State.UNCERTAIN, uncertain(NO_OUTCOME, str(error), enrollment, now=now, patience=patience)
    if not isinstance(error, Refusal):
        return _later(error, _unanswered(error), enrollment, now=now, random=random, patience=patience)
    fault = fault_of(error.code)
    blamed = fault.fault == "sender" and fault.next != "hold"
    told = f"{fault.sentence} ({error.code})" + (f" HubSpot says: {error.detail}" if error.detail else "")
    if fault.next == "refuse":
        return State.REFUSED, Change("refused", error.code, told)
    if fault.next == "hold":
        return _full(error, fault, told, enrollment, now=now, random=random, patience=patience)
    if fault.next == "settle":
        return State.UNCERTAIN, uncertain(error.code, told, enrollment, now=now, patience=patience)
    if fault.next == "retry":
        return _later(error, error.code, enrollment, now=now, random=random, patience=patience)
    return State.PARKED, Change("parked", error.code, told, blames_sender=blamed)


def _full(
    refusal: Refusal,
    fault: NextStep,
    told: str,
    enrollment: Enrollment,
    *,
    now: datetime,
    random: float,
    patience: Patience,
) -> tuple[State, Change]:
    """Hold who has met a limit. Where the sender's 24 hours are spent, its rule says what follows: it is chosen anew.

    Whoever was sent by that sender before, with what outcome nobody knows, waits for it. A sender that is held back for
    a moment is not full: who waits for that is tried again with it, not all at once.
    """
    until = now + patience.hold
    if fault.fault != "sender":
        return State.HELD, Change("held", "daily_budget", told, due_at=until)
    if refusal.code != SENDER_FULL:
        return State.HELD, Change("held", refusal.code, told, due_at=until + random * patience.morning)
    if enrollment.first_sending_at is not None:
        return State.HELD, Change("held", "quota", told, due_at=until, full_until=until)
    return State.READY, Change("sender_full", refusal.code, told, due_at=now, full_until=until)


def _held(
    error: HeldError | NotConnected, enrollment: Enrollment, *, now: datetime, random: float, patience: Patience
) -> tuple[State, Change]:
    """Hold it. Who was to be sent by a sender that may not send any more is chosen another, as its rule says."""
    if isinstance(error, NotConnected):
        return State.HELD, Change("held", NOT_CONNECTED, str(error), due_at=now + patience.hold)
    if isinstance(error, SenderGone) and enrollment.first_sending_at is None:
        return State.READY, Change("sender_gone", error.reason, str(error), due_at=now)
    later = random * patience.morning if error.reason == "daily_budget" else timedelta()
    return State.HELD, Change("held", error.reason, str(error), due_at=error.until + later)


def _unanswered(error: SegueError) -> str:
    """Name a failure without a word of HubSpot: the store was slow, HubSpot was not reached, or it did not answer."""
    if isinstance(error, StoreSlow):
        return "store_slow"
    if isinstance(error, NotSent):
        return "hubspot_not_reached"
    return "hubspot_no_answer" if isinstance(error, OutcomeUnknown) else "failed"


def uncertain(reason: str, detail: str, enrollment: Enrollment, *, now: datetime, patience: Patience) -> Change:
    """Return what is written when HubSpot may have processed a request: the first of the reads that settle it."""
    sent_at = enrollment.sending_at or now
    due_at = next_read_at(sent_at, reads=0, settle_seconds=patience.settle_seconds)
    return Change("uncertain", reason, detail, due_at=due_at)


def _later(
    error: SegueError, reason: str, enrollment: Enrollment, *, now: datetime, random: float, patience: Patience
) -> tuple[State, Change]:
    first_failed_at = enrollment.first_failed_at or now
    retry_after = error.retry_after if isinstance(error, Refusal) else None
    due_at = next_attempt(
        first_failed_at=first_failed_at,
        tries=enrollment.tries,
        now=now,
        retry_after=retry_after,
        random=random,
        span=patience.span,
    )
    if due_at is None:
        return State.PARKED, Change("gave_up", "gave_up", f"tried for {patience.span}, last: {error}")
    detail = str(error) if isinstance(error, HubSpotError | StoreSlow) else reason
    return State.READY, Change(
        "retry", reason, detail, due_at=due_at, tries=enrollment.tries + 1, first_failed_at=first_failed_at
    )
