"""How an enrollment ended, judged from what HubSpot shows of the contact. Pure.

HubSpot shows a contact's latest sequence only, in dates without reasons (contact properties `hs_latest_sequence_*`):
that it finished or that the contact was unenrolled is known, the reason is inferred. `hs_sales_email_last_replied` is
the last reply to any sales e-mail, so that a reply to this sequence is always inferred. Each property lags separately:
contradictory ones are read again, and taken as they are only after `PATIENCE`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from app.enrollments.evidence import CLOCK_TOLERANCE

PATIENCE = timedelta(hours=1)
BEGINS_WITHIN = timedelta(minutes=10)  # how far HubSpot's date of an enrollment may follow its answer
REPLY_UNENROLLS_WITHIN = timedelta(hours=1)
REPLY_FOLLOWS_WITHIN = timedelta(days=1)


class How(StrEnum):
    """How an enrollment ended."""

    FINISHED = "finished"  # it ran to its end
    UNENROLLED = "unenrolled"  # the contact was taken out of it
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Seen:
    """What a contact shows now; None where it shows nothing, or nothing that can be read.

    `enrolled` is about any sequence; `latest`, `since` and the three ends are about the latest one, except that an end
    may still be that of the previous sequence.
    """

    enrolled: bool | None = None
    latest: str | None = None
    since: datetime | None = None
    ended: datetime | None = None
    finished: datetime | None = None
    unenrolled: datetime | None = None
    replied: datetime | None = None
    opted_out: bool = False


@dataclass(frozen=True, slots=True)
class Ours:
    """The enrollment: it began between `began` and `begun_by`, which are equal where HubSpot reported the time."""

    sequence: str
    began: datetime
    begun_by: datetime


@dataclass(frozen=True, slots=True)
class Ended:
    """An end. `at` is None where not even a bound is known; `known` is False where `how` or `at` is inferred.

    `why` is one sentence or two: what is known, and what is inferred.
    """

    how: How
    at: datetime | None
    known: bool
    why: str


@dataclass(frozen=True, slots=True)
class Judgement:
    """The result of one look. No end: it still runs, as far as HubSpot shows; `unclear`: another look is needed."""

    ended: Ended | None = None
    replied_at: datetime | None = None
    unclear: bool = False


def judge(seen: Seen, ours: Ours, *, waited: bool) -> Judgement:
    """Judge what a contact shows. `waited` says that it has been contradictory for `PATIENCE`."""
    if seen.latest is None or seen.since is None:
        return Judgement()
    if _is_ours(seen.latest, seen.since, ours):
        return _own(seen, seen.since, ours, waited=waited)
    if seen.since > ours.begun_by:
        return _replaced(seen, seen.since, ours)
    return Judgement()  # HubSpot does not show it yet


def gone(*, waited: bool) -> Judgement:
    """Judge a contact that HubSpot does not have: deleted, or, on a single look, not found."""
    if not waited:
        return Judgement(unclear=True)
    why = "inferred: HubSpot has no such contact any more, so that nothing is running; when it ended is not known"
    return Judgement(Ended(How.UNKNOWN, None, known=False, why=why))


def _is_ours(latest: str, since: datetime, ours: Ours) -> bool:
    """Return whether the latest sequence is this enrollment, and not a later one in the same sequence."""
    return latest == ours.sequence and ours.began - CLOCK_TOLERANCE <= since <= ours.begun_by + BEGINS_WITHIN


def _own(seen: Seen, since: datetime, ours: Ours, *, waited: bool) -> Judgement:
    finished, unenrolled, ended = (
        _not_before(date, since, ours.began) for date in (seen.finished, seen.unenrolled, seen.ended)
    )
    fits = (finished is None) is not (unenrolled is None) and seen.enrolled is not True
    if finished is None and unenrolled is None and ended is None and seen.enrolled is not False:
        return Judgement(replied_at=_reply(seen, ours, None))
    if not fits and not waited:
        return Judgement(replied_at=_reply(seen, ours, None), unclear=True)
    end = _end(seen, finished, unenrolled, ended, fits=fits)
    return Judgement(end, _reply(seen, ours, end.at))


def _not_before(date: datetime | None, since: datetime, began: datetime) -> datetime | None:
    """Return the date of an end, None where it belongs to the previous sequence; clocks may differ a little."""
    return max(date, began) if date is not None and date >= since else None


def _end(
    seen: Seen, finished: datetime | None, unenrolled: datetime | None, ended: datetime | None, *, fits: bool
) -> Ended:
    at = finished or unenrolled or ended
    if at is None or (finished is None) is (unenrolled is None):
        latest = max((date for date in (finished, unenrolled, ended) if date), default=None)
        when = f"by {formatted(latest)}" if latest else "since when is not known"
        return Ended(How.UNKNOWN, latest, known=False, why=f"inferred: HubSpot shows that it ended, not how; {when}")
    doubt = "" if fits else "; HubSpot shows the contact as still enrolled, too"
    word = "known" if fits else "inferred"
    if finished:
        return Ended(How.FINISHED, at, fits, f"{word}: it ran to its end at {formatted(at)}{doubt}")
    why = f"{word}: the contact was unenrolled at {formatted(at)}{doubt}; inferred: {_reason(seen, at)}"
    return Ended(How.UNENROLLED, at, fits, why)


def _reason(seen: Seen, at: datetime) -> str:
    """Return what most likely unenrolled the contact: no property names the reason."""
    if seen.replied and at - REPLY_UNENROLLS_WITHIN <= seen.replied <= at + BEGINS_WITHIN:
        return f"because of a reply at {formatted(seen.replied)}"
    if seen.opted_out:
        return "because of the opt-out that the contact shows"
    return "by a meeting, a colleague, a workflow or a bounce; the contact does not show which"


def _replaced(seen: Seen, since: datetime, ours: Ours) -> Judgement:
    """Judge by a later sequence: a contact is in one at a time, so ours had ended by then."""
    at = max(seen.ended, ours.began) if seen.ended and ours.begun_by <= seen.ended < since else since
    ended = f"ours ended {'at' if at < since else 'at the latest at'} {formatted(at)}, how is unknown"
    why = f"inferred: sequence {seen.latest} took its place at {formatted(since)}; {ended}"
    replied = seen.replied if seen.replied and ours.began <= seen.replied < since else None
    return Judgement(Ended(How.UNKNOWN, at, known=False, why=why), replied)


def _reply(seen: Seen, ours: Ours, ended_at: datetime | None) -> datetime | None:
    """Return a reply that is most likely to this sequence: after its begin, and not long after its end."""
    if seen.replied is None or seen.replied < ours.began:
        return None
    return None if ended_at and seen.replied > ended_at + REPLY_FOLLOWS_WITHIN else seen.replied


def formatted(moment: datetime) -> str:
    """Return an instant for people."""
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"
