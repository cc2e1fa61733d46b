"""Choose one sender. Pure: quotas and earlier choices are arguments.

The same arguments give the same choice on every replica: the draw is a digest of the person, the turn is the pool's
counter, and a sticky choice is stored.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.model import Pick
from app.senders.reasons import explained, gone

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from app.model import Sender
    from app.senders.reasons import Considered

DRAWS = 2**64


@dataclass(frozen=True, slots=True)
class Candidate:
    """The current state of one sender.

    Its inbox may send `left` of `limit` more enrollments in the running 24 hours; `waiting` are assigned to it and not
    sent yet. `paused` says why it is paused, None where it is not. Until `full_until` HubSpot calls it full. `refused`
    is HubSpot's code, where it has just refused this very sender for this enrollment.
    """

    sender: Sender
    left: int
    limit: int
    weight: int = 1
    waiting: int = 0
    paused: str | None = None
    full_until: datetime | None = None
    refused: str | None = None

    @property
    def unavailable(self) -> str | None:
        """Why it cannot send now, None where it can."""
        if self.refused is not None:
            return f"refused by HubSpot: {self.refused}"
        if self.paused is not None:
            return f"paused: {self.paused}"
        if self.full_until is not None:
            return f"full by HubSpot's word, taken again from {self.full_until:%Y-%m-%d %H:%M} UTC"
        return f"full: {self.limit} in 24 hours" if self.left <= 0 else None

    @property
    def waited_for(self) -> bool:
        """Tell whether it becomes available by waiting: it is full, neither paused nor refused."""
        return self.paused is None and self.refused is None and self.left <= 0

    @property
    def spare(self) -> int:
        """How many places are not assigned yet; below zero where too many are."""
        return self.left - self.waiting


@dataclass(frozen=True, slots=True)
class Earlier:
    """A sender that was chosen before, and why it is preferred.

    `considered` are the reasons of an earlier choice for this very enrollment: that choice stands while the sender can
    send. It is empty where the sender was chosen for another enrollment, or was only waited for. `waits`: if the sender
    is full, the enrollment waits for it, even where others have places.
    """

    sender: str
    because: str
    considered: tuple[Considered, ...] = ()
    waits: bool = False


@dataclass(frozen=True, slots=True)
class Choice:
    """The chosen sender, None where none can send now; a place of one of `waits_for` would change that.

    `turn` is the pool's next turn, None where none was taken. `unchanged`: the choice was made before, and `considered`
    are the reasons from then.
    """

    sender: Sender | None
    considered: tuple[Considered, ...]
    waits_for: tuple[Candidate, ...] = ()
    turn: int | None = None
    unchanged: bool = False


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

    `subject` is for whom (a person's address, or a company's domain), `turn` is the pool's counter, and `earlier` is
    the sender that was chosen before. `named` is why a single candidate is considered that no pool has chosen.
    """
    ordered = _ordered(_by_pick(candidates, pick, subject, turn), earlier)
    previous = next((one for one in ordered if earlier and earlier.sender == one.sender.name), None)
    waited = previous if previous and previous.waited_for and earlier and earlier.waits else None
    chosen = None if waited else next((one for one in ordered if one.unavailable is None), None)
    considered = (*gone(previous, earlier), *(explained(one, chosen, earlier, pick, named) for one in ordered))
    if chosen is None:
        return Choice(None, considered, (waited,) if waited else tuple(one for one in ordered if one.waited_for))
    if chosen is previous and earlier and earlier.considered:
        return Choice(chosen.sender, earlier.considered, unchanged=True)
    by_turn = pick is Pick.ROUND_ROBIN and chosen is not previous and not named
    return Choice(chosen.sender, considered, turn=candidates.index(chosen) + 1 if by_turn else None)


def _ordered(candidates: Sequence[Candidate], earlier: Earlier | None) -> list[Candidate]:
    """Return the candidates in the order of preference: the earlier one first, those without spare places last.

    A sender without spare places can still be chosen where no other has one: enrollments that are assigned to it may
    wait for a window.
    """
    previous = earlier.sender if earlier else None
    return sorted(candidates, key=lambda candidate: (candidate.sender.name != previous, candidate.spare <= 0))


def _by_pick(candidates: Sequence[Candidate], pick: Pick, subject: str, turn: int) -> list[Candidate]:
    """Return the candidates in the order of the pool's own rule."""
    if pick is Pick.MOST_LEFT:
        return sorted(candidates, key=lambda candidate: -candidate.spare)
    if pick is Pick.WEIGHTED:
        return sorted(candidates, key=lambda candidate: _draw(candidate, subject))
    first = turn % len(candidates) if candidates else 0
    return [*candidates[first:], *candidates[:first]]


def _draw(candidate: Candidate, subject: str) -> float:
    """Return the candidate's draw for the subject; the lowest draw wins, in proportion to the weights.

    Each sender has an exponential draw (weighted rendezvous hashing): a sender that joins or leaves the pool changes
    nothing among the others.
    """
    digest = hashlib.sha256(f"{candidate.sender.name}\0{subject}".encode()).digest()
    uniform = (int.from_bytes(digest[:8], "big") + 1) / (DRAWS + 1)
    return -math.log(uniform) / candidate.weight
