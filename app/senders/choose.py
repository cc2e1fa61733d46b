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

    @property
    def spare(self) -> int:
        """How many places nobody has been promised yet; below zero where too many have been."""
        return self.left - self.waiting


@dataclass(frozen=True, slots=True)
class Considered:
    """What was thought of one sender."""

    sender: str
    chosen: bool
    because: str


@dataclass(frozen=True, slots=True)
class Earlier:
    """Who was to send before, and what speaks for staying with it.

    `thought` is all that was thought when it was chosen for this very enrollment: that choice stands while the sender
    can send. It is empty where another enrollment was given to it, or where it was waited for. `waits` tells whether it
    is waited for where it is full, though others may have room.
    """

    sender: str
    because: str
    thought: tuple[Considered, ...] = ()
    waits: bool = False


@dataclass(frozen=True, slots=True)
class Choice:
    """Who sends, None where nobody can now; `waits_for` are those of whom a place falling free would change that.

    `turn` is whose turn it is next, None where nobody took one. `stands` tells that it was chosen before, for the
    reasons in `considered`, which speak of everybody that was asked then.
    """

    sender: Sender | None
    considered: tuple[Considered, ...]
    waits_for: tuple[Candidate, ...] = ()
    turn: int | None = None
    stands: bool = False


def choose(
    candidates: Sequence[Candidate],
    pick: Pick,
    *,
    subject: str,
    turn: int,
    earlier: Earlier | None = None,
    named: str = "",
) -> Choice:
    """Choose one of `candidates`.

    `subject` is whom it is for (a person's address, or a company's domain), `turn` the pool's counter, `earlier` the
    sender that was to send before. `named` is why a single candidate is asked, which is no pool's choice.
    """
    ordered = _ordered(_by_pick(candidates, pick, subject, turn), earlier)
    had = next((one for one in ordered if earlier and earlier.sender == one.sender.name), None)
    waited = had if had and had.waited_for and earlier and earlier.waits else None
    chosen = None if waited else next((one for one in ordered if one.unavailable is None), None)
    considered = (*_gone(had, earlier), *(_considered(one, chosen, earlier, pick, named) for one in ordered))
    if chosen is None:
        return Choice(None, considered, (waited,) if waited else tuple(one for one in ordered if one.waited_for))
    if chosen is had and earlier and earlier.thought:
        return Choice(chosen.sender, earlier.thought, stands=True)
    by_turn = pick is Pick.ROUND_ROBIN and chosen is not had and not named
    return Choice(chosen.sender, considered, turn=candidates.index(chosen) + 1 if by_turn else None)


def _ordered(candidates: Sequence[Candidate], earlier: Earlier | None) -> list[Candidate]:
    """Return the candidates as they are asked: the earlier one first, whoever's places are all promised last.

    Those can still be taken, where nobody else has room: whoever was promised a place may be waiting for a window.
    """
    had = earlier.sender if earlier else None
    return sorted(candidates, key=lambda candidate: (candidate.sender.name != had, candidate.spare <= 0))


def _by_pick(candidates: Sequence[Candidate], pick: Pick, subject: str, turn: int) -> list[Candidate]:
    """Return the candidates in the order in which the pool would have them."""
    if pick is Pick.MOST_LEFT:
        return sorted(candidates, key=lambda candidate: -candidate.spare)
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


def _gone(had: Candidate | None, earlier: Earlier | None) -> tuple[Considered, ...]:
    """Return what is to be said of an earlier sender that left the pool."""
    if earlier is None or had is not None:
        return ()
    return (Considered(earlier.sender, chosen=False, because=f"{earlier.because}, and is in the pool no more"),)


def _considered(
    candidate: Candidate, chosen: Candidate | None, earlier: Earlier | None, pick: Pick, named: str
) -> Considered:
    name = candidate.sender.name
    if candidate is chosen:
        return Considered(name, chosen=True, because=named or _why(candidate, earlier, pick))
    if candidate.unavailable is not None:
        return Considered(name, chosen=False, because=candidate.unavailable)
    return Considered(name, chosen=False, because=_why_not(candidate, chosen, earlier, pick))


def _why(candidate: Candidate, earlier: Earlier | None, pick: Pick) -> str:
    if earlier is not None and earlier.sender == candidate.sender.name:
        return earlier.because
    if pick is Pick.MOST_LEFT:
        return f"has most left: {candidate.spare} of {candidate.limit}"
    return "its turn" if pick is Pick.ROUND_ROBIN else f"drawn by weight {candidate.weight}"


def _why_not(candidate: Candidate, chosen: Candidate | None, earlier: Earlier | None, pick: Pick) -> str:
    """Return why one that could send was not taken."""
    if chosen is None:
        return f"{earlier.sender if earlier else 'another'} is waited for"
    name = chosen.sender.name
    if earlier is not None and earlier.sender == name:
        return f"{name} {earlier.because}"
    if candidate.spare <= 0 < chosen.spare:
        return f"has {candidate.left} left, and {candidate.waiting} wait for it already"
    if pick is Pick.MOST_LEFT:
        return f"has {candidate.spare} left, {name} more"
    return f"it was {name}'s turn" if pick is Pick.ROUND_ROBIN else f"the draw fell on {name}"
