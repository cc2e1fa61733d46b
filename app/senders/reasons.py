"""The reasons that operators read: why each sender was chosen or not. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.model import Pick

if TYPE_CHECKING:
    from app.senders.choose import Candidate, Earlier


@dataclass(frozen=True, slots=True)
class Considered:
    """Why one sender was chosen or not."""

    sender: str
    chosen: bool
    because: str


def gone(previous: Candidate | None, earlier: Earlier | None) -> tuple[Considered, ...]:
    """Return why an earlier sender that has left the pool was not chosen."""
    if earlier is None or previous is not None:
        return ()
    return (Considered(earlier.sender, chosen=False, because=f"{earlier.because}, and is in the pool no more"),)


def explained(
    candidate: Candidate, chosen: Candidate | None, earlier: Earlier | None, pick: Pick, named: str
) -> Considered:
    """Return why a candidate was chosen or not; `named` is why one is considered that no pool has chosen."""
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
    """Return why a candidate that could send was not chosen."""
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
