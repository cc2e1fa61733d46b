"""The way from a delivery to a reply as steps: how many came to each, and where the others stayed. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.console.text import number
from app.enrollments.reasons import IN_STATE, why
from app.model import State
from app.tallies.stages import Stage, Unmatched

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from app.tallies.figures import Drop, Funnel

NAMED = 4  # reasons of one step that are named; the others are one figure
UNMATCHED: Mapping[str, str] = {
    Unmatched.NO_MATCH: "no rule matches",
    Unmatched.IGNORED: "ignored by a rule",
    Unmatched.NO_ADDRESS: "without a usable address",
    Unmatched.DROPPED: "unusable members of a batch",
    Unmatched.FORGOTTEN: "of people who were forgotten",
    "intent_taken": "the same intent again",
}
STATES: Mapping[Stage, State] = {
    Stage.INELIGIBLE: State.REFUSED,
    Stage.WAITING: State.HELD,
    Stage.PARKED: State.PARKED,
    Stage.REFUSED: State.REFUSED,
    Stage.EXPIRED: State.EXPIRED,
    Stage.CANCELLED: State.CANCELLED,
}
PLACES: tuple[tuple[Stage, str], ...] = (
    (Stage.WAITING, "wait"),
    (Stage.PARKED, "parked"),
    (Stage.REFUSED, "refused by HubSpot"),
    (Stage.CANCELLED, "cancelled"),
    (Stage.EXPIRED, "expired"),
    (Stage.DONE, "done by other actions"),
)


@dataclass(frozen=True, slots=True)
class Step:
    """One step. `of` is how many came to the step before, None for the first."""

    word: str
    count: int
    of: int | None
    others: str


def steps(funnel: Funnel, rejections: Iterable[tuple[str, int]]) -> tuple[Step, ...]:
    """Return the steps of a funnel; `rejections` are the reasons why deliveries were rejected, with their counts."""
    received, verified = funnel.received or 0, funnel.verified or 0
    stored = funnel.counts.get(Stage.VERIFIED, 0)
    return (
        Step("Received", received, None, _repeated(funnel)),
        Step("Verified", verified, received, _parts(funnel.rejected or 0, "rejected", _named(rejections))),
        Step("Matched", funnel.matched, verified, _unmatched(funnel, stored)),
        Step("May be enrolled", funnel.eligible, funnel.matched, _at(funnel, Stage.INELIGIBLE, "may not be enrolled")),
        Step("Enrolled", funnel.enrolled, funnel.eligible, _places(funnel)),
        Step("Replied", funnel.replied, funnel.enrolled, "so far; a reply is inferred from the contact"),
    )


def reason_words(stage: Stage, reason: str) -> str:
    """Return a class of reasons in words."""
    if reason in UNMATCHED:
        return UNMATCHED[reason]
    if not reason:
        return "without a reason"
    if stage is Stage.WAITING and (State.UNCERTAIN, reason) in IN_STATE:
        return why(State.UNCERTAIN, reason, name="the person").clause
    if stage in STATES:
        return why(STATES[stage], reason, name="the person").clause
    return reason.replace("_", " ")


def _repeated(funnel: Funnel) -> str:
    return f"{number(funnel.repeated)} came again, and count once" if funnel.repeated else ""


def _unmatched(funnel: Funnel, stored: int) -> str:
    parts = []
    if funnel.no_rule:
        parts.append(f"{number(funnel.no_rule)} that no rule listens to (counted, not kept)")
    if text := _at(funnel, Stage.UNMATCHED, "without a match"):
        parts.append(text)
    if undecided := funnel.counts.get(Stage.UNDECIDED, 0):
        parts.append(f"{number(undecided)} wait for their provider")
    return " · ".join(parts) if parts or stored else ""


def _places(funnel: Funnel) -> str:
    return " · ".join(text for stage, word in PLACES if (text := _at(funnel, stage, word)))


def _at(funnel: Funnel, stage: Stage, word: str) -> str:
    count = funnel.counts.get(stage, 0)
    return _parts(count, word, _named(_reasons(funnel.drops, stage)))


def _reasons(drops: Iterable[Drop], stage: Stage) -> list[tuple[str, int]]:
    return [(reason_words(stage, drop.reason), drop.n) for drop in drops if drop.stage is stage and drop.reason]


def _named(reasons: Iterable[tuple[str, int]]) -> list[str]:
    found = list(reasons)
    parts = [f"{number(count)} {words.replace('_', ' ')}" for words, count in found[:NAMED]]
    rest = sum(count for _, count in found[NAMED:])
    return [*parts, f"{number(rest)} for other reasons"] if rest else parts


def _parts(count: int, word: str, parts: list[str]) -> str:
    if not count:
        return ""
    return f"{number(count)} {word}" + (f": {', '.join(parts)}" if parts else "")
