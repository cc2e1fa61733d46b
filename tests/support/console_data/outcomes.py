"""What became of an enrollment: the columns of its row, and the lines of its journal. Pure.

Times are minutes after its event was received.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

SECOND = 1 / 60
# As `app.followup.ends` writes them.
REPLIED_WHY = "known: the contact was unenrolled; inferred: because of a reply"
LEFT_WHY = "known: it ran to its end"
USERS = {"anna": "7001", "ben": "7002", "cara": "7003"}


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the journal."""

    minutes: float
    before: str | None
    after: str
    cause: str
    step: str | None = None
    detail: str | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an enrollment stands. `times` are columns that hold an instant, `columns` all others."""

    state: str
    reason: str | None = None
    detail: str | None = None
    sender: str | None = None
    due: float = 0.0
    lines: tuple[Line, ...] = ()
    columns: dict[str, Any] = field(default_factory=dict)
    times: dict[str, float] = field(default_factory=dict)


def _worked(sender: str | None, *, to: str = "sending") -> tuple[Line, ...]:
    """Return the lines of an enrollment that a worker took up, as far as the step `to`."""
    steps = (
        Line(2 * SECOND, "ready", "working", "claimed", "claimed"),
        Line(
            2.2 * SECOND,
            "working",
            "working",
            "assigned",
            "assigned",
            f"{sender}: has most left of its 24 hours" if sender else None,
        ),
        Line(3.1 * SECOND, "working", "working", "prepared", "prepared"),
        Line(3.7 * SECOND, "working", "working", "sending", "sending"),
    )
    names = [line.step for line in steps]
    return steps[: names.index(to) + 1]


def enrolled(sender: str) -> Outcome:
    """HubSpot said yes."""
    said = Line(4.3 * SECOND, "working", "enrolled", "enrolled", "sending")
    times = {"enrolled_at": 4.3 * SECOND, "sending_at": 3.7 * SECOND, "first_sending_at": 3.7 * SECOND}
    columns = {"confirmation": "seen"}
    return Outcome("enrolled", sender=sender, lines=(*_worked(sender), said), columns=columns, times=times)


def replied(sender: str, *, minutes: float) -> Outcome:
    """The person replied, which ended the sequence."""
    sent = enrolled(sender)
    columns = {**sent.columns, "ended": "unenrolled", "ended_known": True, "ended_why": REPLIED_WHY}
    times = {**sent.times, "replied_at": minutes, "ended_at": minutes, "ended_seen_at": minutes + 4}
    over = (Line(minutes + 4, "enrolled", "enrolled", "replied"), Line(minutes + 4, "enrolled", "enrolled", "ended"))
    return replace(sent, lines=(*sent.lines, *over), columns=columns, times=times)


def left(sender: str, *, minutes: float) -> Outcome:
    """The sequence came to its end without a reply."""
    sent = enrolled(sender)
    columns = {**sent.columns, "ended": "finished", "ended_known": True, "ended_why": LEFT_WHY}
    times = {**sent.times, "ended_at": minutes, "ended_seen_at": minutes + 4}
    return replace(
        sent, lines=(*sent.lines, Line(minutes + 4, "enrolled", "enrolled", "ended")), columns=columns, times=times
    )


def refused(reason: str, sender: str) -> Outcome:
    """It was refused for good, by HubSpot or by us."""
    ours = reason.islower()
    said = Line(4.1 * SECOND, "working", "refused", "refused", detail=reason)
    lines = (*_worked(sender, to="prepared" if ours else "sending"), said)
    return Outcome("refused", reason, sender=sender, lines=lines)


def parked(reason: str, sender: str | None = None, *, detail: str | None = None) -> Outcome:
    """An operator must look."""
    sent = reason == "unsettled"
    said = Line(5 * SECOND, "working", "parked", "parked", detail=reason)
    times = {"sending_at": 3.7 * SECOND, "first_sending_at": 3.7 * SECOND} if sent else {}
    lines = (*_worked(sender, to="sending" if sender else "claimed"), said)
    return Outcome("parked", reason, detail, sender, lines=lines, times=times)


def held(reason: str, sender: str | None = None) -> Outcome:
    """It waits, for most of a day more."""
    line = Line(2.4 * SECOND, "working", "held", "held", detail=reason)
    return Outcome("held", reason, sender=sender, due=3000, lines=(*_worked(sender, to="claimed"), line))


def uncertain(sender: str) -> Outcome:
    """HubSpot's answer was lost a moment ago."""
    line = Line(5 * SECOND, "working", "uncertain", "uncertain", "sending", "no_outcome")
    times = {"sending_at": 3.7 * SECOND, "first_sending_at": 3.7 * SECOND}
    return Outcome("uncertain", "no_outcome", None, sender, 600, (*_worked(sender), line), {"step": "sending"}, times)


def cancelled(reason: str, by: str | None, *, minutes: float = 30) -> Outcome:
    """It was cancelled before it was sent."""
    cause = "cancelled_by_rule" if by else "cancelled_by_operator"
    waits = Line(2.4 * SECOND, "working", "held", "held", detail="window")
    line = Line(minutes, "held", "cancelled", cause, detail=by)
    return Outcome("cancelled", reason, by, lines=(*_worked(None, to="claimed"), waits, line))


def expired() -> Outcome:
    """Its time was over."""
    line = Line(2900, "held", "expired", "expired")
    return Outcome("expired", "expired", lines=(Line(2.4 * SECOND, "working", "held", "held", detail="window"), line))


def done(cause: str) -> Outcome:
    """Another action than enrolling was done."""
    line = Line(2.9 * SECOND, "working", "done", cause, detail="1 was cancelled")
    return Outcome("done", lines=(*_worked(None, to="claimed"), line))
