"""ASSIGN: which sender, and why none of the others. Pure: what they have left and who came before are arguments.

The same question has the same answer on every replica: the draw is a digest of the person, the turn is the pool's own
counter, and who was chosen once is kept (`sticky`).
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.model import Pick

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from app.model import Sender

DRAWS = 2**64


@dataclass(frozen=True, slots=True)
class Candidate:
    """One sender as it stands now.

    `left` is how many enrollments its inbox may still send in the running 24 hours, of `limit`; `waiting` is how many
    are assigned to it and not sent yet. `paused` says why nothing is sent by it, None where it is at work. `full_until`
    is until when HubSpot's own word counts that it is full.
    """

    sender: Sender
    left: int
    limit: int
    weight: int = 1
    waiting: int = 0
    paused: str | None = None
    full_until: datetime | None = None

    @property
    def unavailable(self) -> str | None:
        """Why it cannot be taken now, None where it can."""
        if self.paused is not None:
            return f"paused: {self.paused}"
        if self.full_until is not None:
            return f"full by HubSpot's word, taken again from {self.full_until:%Y-%m-%d %H:%M} UTC"
        return f"full: {self.limit} in 24 hours" if self.left <= 0 else None

    @property
    def waited_for(self) -> bool:
        """Tell whether time alone makes it available: it is full, and at work."""
        return self.paused is None and self.left <= 0


@dataclass(frozen=True, slots=True)
class Considered:
    """What was thought of one sender."""

    sender: str
    chosen: bool
    because: str


@dataclass(frozen=True, slots=True)
class Choice:
    """Who sends, None where nobody can now; `full` tells whether a place falling free would change that."""

    sender: Sender | None
    considered: tuple[Considered, ...]
    full: bool = False


def choose(
    candidates: Sequence[Candidate],
    pick: Pick,
    *,
    subject: str,
    turn: int,
    earlier: str | None = None,
    waits: bool = False,
) -> Choice:
    """Choose one of `candidates`.

    `subject` is whom it is for (a person's address, or a company's domain), `turn` the pool's counter, `earlier` the
    name of the sender that the subject has had; where that one is full, it is waited for if `waits` says so.
    """
    ordered = _ordered(candidates, pick, subject, turn)
    had = next((candidate for candidate in ordered if candidate.sender.name == earlier), None)
    if had is not None:
        ordered.remove(had)
        ordered.insert(0, had)
    chosen = next((candidate for candidate in ordered if candidate.unavailable is None), None)
    if had is not None and had.waited_for and waits:
        chosen = None
    considered = tuple(_considered(candidate, chosen, had, pick) for candidate in ordered)
    full = chosen is None and any(candidate.paused is None for candidate in ordered)
    return Choice(chosen.sender if chosen else None, considered, full)


def _ordered(candidates: Sequence[Candidate], pick: Pick, subject: str, turn: int) -> list[Candidate]:
    """Return the candidates in the order in which the pool would have them."""
    if pick is Pick.MOST_LEFT:
        return sorted(candidates, key=lambda candidate: candidate.waiting - candidate.left)
    if pick is Pick.WEIGHTED:
        return sorted(candidates, key=lambda candidate: _draw(candidate, subject))
    first = turn % len(candidates) if candidates else 0
    return [*candidates[first:], *candidates[:first]]


def _draw(candidate: Candidate, subject: str) -> float:
    """Return the candidate's lot for the subject; the lowest one wins, and wins in proportion to the weights.

    An exponential lot per sender (weighted rendezvous hashing): who joins or leaves the pool changes nothing between
    the others.
    """
    digest = hashlib.sha256(f"{candidate.sender.name}\0{subject}".encode()).digest()
    uniform = (int.from_bytes(digest[:8], "big") + 1) / (DRAWS + 1)
    return -math.log(uniform) / candidate.weight


def _considered(candidate: Candidate, chosen: Candidate | None, had: Candidate | None, pick: Pick) -> Considered:
    name = candidate.sender.name
    if candidate is chosen:
        return Considered(name, chosen=True, because=_why(candidate, had, pick))
    if candidate.unavailable is not None:
        return Considered(name, chosen=False, because=candidate.unavailable)
    if chosen is None:
        return Considered(name, chosen=False, because=f"{had.sender.name if had else 'another'} is waited for")
    if chosen is had:
        return Considered(name, chosen=False, because=f"{chosen.sender.name} has had this person before")
    return Considered(name, chosen=False, because=_why_not(candidate, chosen, pick))


def _why(candidate: Candidate, had: Candidate | None, pick: Pick) -> str:
    if candidate is had:
        return "has had this person before"
    if pick is Pick.MOST_LEFT:
        return f"has most left: {candidate.left - candidate.waiting} of {candidate.limit}"
    return "its turn" if pick is Pick.ROUND_ROBIN else f"drawn by weight {candidate.weight}"


def _why_not(candidate: Candidate, chosen: Candidate, pick: Pick) -> str:
    if pick is Pick.MOST_LEFT:
        return f"has {candidate.left - candidate.waiting} left, {chosen.sender.name} more"
    if pick is Pick.ROUND_ROBIN:
        return f"it was {chosen.sender.name}'s turn"
    return f"the draw fell on {chosen.sender.name}"
