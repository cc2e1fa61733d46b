"""How pages show the state of an enrollment: a mark with a shape of its own, and a word. Pure."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from app.console.text import exactly
from app.model import State

if TYPE_CHECKING:
    from collections.abc import Mapping

# The mark, and the word; the marks are those of the style sheet.
SHOWN: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        State.HELD: ("wait", "held"),
        State.READY: ("wait", "ready"),
        State.WORKING: ("wait", "in hand"),
        State.UNCERTAIN: ("look", "uncertain"),
        State.PARKED: ("look", "parked"),
        State.ENROLLED: ("ok", "enrolled"),
        State.DONE: ("ok", "done"),
        State.REFUSED: ("bad", "refused"),
        State.CANCELLED: ("no", "cancelled"),
        State.EXPIRED: ("no", "expired"),
    }
)
# In the order in which a sentence counts them.
ORDER = (
    State.ENROLLED,
    State.DONE,
    State.HELD,
    State.READY,
    State.WORKING,
    State.UNCERTAIN,
    State.PARKED,
    State.REFUSED,
    State.EXPIRED,
    State.CANCELLED,
)


def shown(state: str) -> tuple[str, str]:
    """Return the mark and the word of a state; one of a later version is shown as it is called."""
    return SHOWN.get(state, ("no", state))


def counts_in_words(counts: Mapping[str, int]) -> str:
    """Return what states there are how often: `331 enrolled, 24 held, 14 parked`."""
    known = [state for state in ORDER if counts.get(state)]
    return ", ".join(f"{counts[state]:,} {shown(state)[1]}" for state in known)


def enrollments_counted(counts: Mapping[str, int], most: int) -> str:
    """Return how many enrollments these are, and of which states, as the beginning of a sentence.

    Of more than `most` the newest are meant.
    """
    whole = sum(counts.values())
    if whole > most:
        return f"More than {most:,} enrollments; of the newest {most:,}, {counts_in_words(counts)}"
    states = counts_in_words(counts)
    return (
        f"{exactly(whole, 'enrollment')}: {states}"
        if len(counts) > 1
        else f"{exactly(whole, 'enrollment')}, {_only(counts)}"
    )


def _only(counts: Mapping[str, int]) -> str:
    (state,) = counts
    word = shown(state)[1]
    return word if sum(counts.values()) == 1 else f"all {word}"
