"""What comes of a stored event that is decided again: values, for operators, and their counts."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

# What became of an event. Only the first two have changed anything.
DECIDED, LOOKUP, UNCHANGED, NOT_POSSIBLE = "decided", "lookup", "unchanged", "not_possible"
PAYLOAD_GONE = "its payload has passed the retention (SEGUE_RETENTION_DAYS): there is nothing left to decide by"
DROPPED = "it is a member of a batch that cannot be used: its tool must send another one"
STANDS = "something came of it that stands"
NOTHING_NEW = "the rules come to the same as before"
LOOKUP_BEGUN = "its tool is asked for what it does not carry; the rules decide when it has answered"
LOOKUP_RUNS = "its tool is being asked for what it does not carry; the rules decide when it has answered"


@dataclass(frozen=True, slots=True)
class NewDecision:
    """One new decision about a stored event. What was not stored has no ids: of a dry run, or where nothing changes.

    `details` say why conditions did not hold, by the values that they looked at, where no rule matched.
    """

    id: str | None
    verdict: str
    reason: str
    rule: str | None
    enrollment_id: str | None
    details: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DecidedAgain:
    """What a stored event comes to now. `before` says what it came to until now, `detail` why nothing is decided.

    `replaced` are parked enrollments, each with the new one that has replaced it, None in a dry run.
    """

    event_id: str
    status: str
    before: str
    detail: str | None = None
    decisions: tuple[NewDecision, ...] = ()
    replaced: Mapping[str, str | None] = field(default_factory=dict)


def without_ids(result: DecidedAgain) -> DecidedAgain:
    """Return the result without the ids of what was not stored."""
    shown = tuple(replace(one, id=None, enrollment_id=None) for one in result.decisions)
    return replace(result, decisions=shown, replaced=dict.fromkeys(result.replaced))


def counted(results: Iterable[DecidedAgain]) -> dict[str, int]:
    """Return how many events there are of each status, how many decisions of each verdict, and how many replaced."""
    counts: Counter[str] = Counter()
    for result in results:
        counts[result.status] += 1
        counts["replaced"] += len(result.replaced)
        if result.status == DECIDED:
            counts.update(one.verdict for one in result.decisions)
    return dict(counts)
