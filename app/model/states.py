"""The enrollment state machine: this table is every transition there is.

            +--------------------------- wait --------------------------+
            v                                                           |
    held -> ready -> working -> enrolled | done | refused          (held, ready)
             ^  ^       |
             |  +-------+--> uncertain -> enrolled | ready | parked
             +------------------------------------------- parked -> ready | cancelled

`enrolled`, `done`, `refused`, `cancelled` and `expired` are final.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from app.model import State, Step

if TYPE_CHECKING:
    from collections.abc import Mapping

TRANSITIONS: Mapping[State, frozenset[State]] = MappingProxyType(
    {
        State.HELD: frozenset({State.READY, State.CANCELLED, State.EXPIRED}),
        State.READY: frozenset({State.WORKING, State.HELD, State.CANCELLED, State.EXPIRED}),
        State.WORKING: frozenset(
            {
                State.READY,
                State.HELD,
                State.UNCERTAIN,
                State.ENROLLED,
                State.DONE,
                State.REFUSED,
                State.PARKED,
                State.CANCELLED,
            },
        ),
        State.UNCERTAIN: frozenset({State.ENROLLED, State.READY, State.PARKED}),
        State.PARKED: frozenset({State.READY, State.CANCELLED}),
        State.ENROLLED: frozenset(),
        State.DONE: frozenset(),
        State.REFUSED: frozenset(),
        State.CANCELLED: frozenset(),
        State.EXPIRED: frozenset(),
    },
)

FINAL: frozenset[State] = frozenset(state for state, next_states in TRANSITIONS.items() if not next_states)
# Unless one of its requests may have worked: then it is not certain that the person was not contacted.
RELEASES_INTENT: frozenset[State] = frozenset({State.REFUSED, State.CANCELLED, State.EXPIRED})
OCCUPIES_PERSON: frozenset[State] = frozenset({State.WORKING, State.UNCERTAIN})


class ImpossibleTransition(AssertionError):
    """Code asked for a transition that is not in the table: a defect of Segue, never of the data."""


def permit(before: State, after: State, step: Step | None = None) -> None:
    """Return when `before` -> `after` is in the table, else raise ImpossibleTransition.

    A working enrollment can be cancelled only before `sending`: afterwards HubSpot may have it already.
    """
    too_late = after is State.CANCELLED and step is Step.SENDING
    if after not in TRANSITIONS[before] or too_late:
        raise ImpossibleTransition(f"{before} -> {after} at step {step}")
