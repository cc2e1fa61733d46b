"""Transitions of enrollments with all their consequences: those that wait while a commit runs share the next one."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import orjson
import structlog

from app.batching import Batcher
from app.database.engine import DRIVER_TROUBLE, first_line
from app.database.halves import write_in_halves
from app.database.listen import ENROLLMENTS_READY
from app.enrollments import transition_statements as sql
from app.enrollments.one_per_person_statements import RELEASE_PEOPLE
from app.errors import FenceLost
from app.model import OutboundKind, State, Step
from app.model.states import OCCUPIES_PERSON, RELEASES_INTENT
from app.outbound.statements import NOTE
from app.outbound.store import note_values
from app.senders.pause_store import note_full, note_refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from app.database.direct import DirectConnection, DirectPool
    from app.enrollments.outcome import Change
    from app.model import Enrollment

MAXIMUM_BATCH = 100
# The states of which the operator's own systems are notified.
OUTBOUND_KINDS = {
    State.ENROLLED: OutboundKind.ENROLLED,
    State.REFUSED: OutboundKind.REFUSED,
    State.PARKED: OutboundKind.PARKED,
}

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, eq=False)
class Move:
    """One transition that is asked for."""

    enrollment: Enrollment
    after: State
    change: Change


class Transitions:
    """Writes the transitions of one account's claimed enrollments.

    `endpoints` returns the names of the endpoints that are notified of such an event in this account.
    """

    def __init__(self, pool: DirectPool, endpoints: Callable[[OutboundKind, str], tuple[str, ...]]) -> None:
        self._pool = pool
        self._endpoints = endpoints
        # Replies to requests that left together come together: one turn of the event loop later, all are there.
        self._batcher: Batcher[Move, None] = Batcher(
            partial(write_in_halves, self._write),
            acquire=partial(asyncio.sleep, 0),
            identity=lambda move: move.enrollment.id,
            limit=MAXIMUM_BATCH,
        )

    async def write(self, enrollment: Enrollment, after: State, change: Change) -> None:
        """Write one transition. Raises FenceLost."""
        await self._batcher.ask(Move(enrollment, after, change))

    async def close(self) -> None:
        """Write no more."""
        await self._batcher.close()

    async def _write(self, moves: Sequence[Move]) -> Mapping[Move, Exception | None]:
        values = {"moves": orjson.dumps([_row(move) for move in moves]).decode()}
        if any(self._has_consequences(move) for move in moves):
            async with self._pool.transaction() as connection:
                rows = await connection.fetch(sql.MOVE, values)
                moved = {row["id"]: row["awaited"] for row in rows}
                await self._write_consequences(connection, [move for move in moves if move.enrollment.id in moved])
        else:
            moved = {row["id"]: row["awaited"] for row in await self._pool.fetch(sql.MOVE, values)}
        if awaited := [id_ for id_, is_awaited in moved.items() if is_awaited]:
            await self._release_people(awaited)
        return {move: None if move.enrollment.id in moved else FenceLost(move.enrollment.id) for move in moves}

    async def _release_people(self, ended: Sequence[str]) -> None:
        """Make enrollments ready that waited for these, whose transitions are committed whatever happens here.

        Where this fails, those that wait are checked when they are due.
        """
        try:
            await self._pool.fetch(RELEASE_PEOPLE, {"ids": ended, "channel": ENROLLMENTS_READY})
        except DRIVER_TROUBLE as error:
            log.warning("worker.not_released", error=first_line(error), follows="they are checked when due")

    def _has_consequences(self, move: Move) -> bool:
        """Tell whether more than one statement writes a transition, so that it needs a transaction."""
        kind = OUTBOUND_KINDS.get(move.after)
        notified = kind is not None and self._endpoints(kind, move.enrollment.account)
        return bool(notified) or _frees_intent(move) or move.change.blames_sender or move.change.full_until is not None

    async def _write_consequences(self, connection: DirectConnection, moved: Sequence[Move]) -> None:
        if freed := [move.enrollment.id for move in moved if _frees_intent(move)]:
            await connection.fetch(sql.RELEASE_INTENTS, {"ids": freed})
        await _note_senders(connection, moved)
        await self._notify(connection, moved)

    async def _notify(self, connection: DirectConnection, moved: Sequence[Move]) -> None:
        """Note an event of each transition of which endpoints are notified."""
        by_kind: dict[tuple[OutboundKind, str], list[str]] = {}
        for move in moved:
            if kind := OUTBOUND_KINDS.get(move.after):
                by_kind.setdefault((kind, move.enrollment.account), []).append(move.enrollment.id)
        for (kind, account), ids in by_kind.items():
            if endpoints := self._endpoints(kind, account):
                await connection.fetch(NOTE, note_values(kind, ids, endpoints))


async def _note_senders(connection: DirectConnection, moved: Iterable[Move]) -> None:
    """Count refusals that a sender caused, and mark a full sender.

    Inboxes are written in their order, so that two transactions wait for each other instead of deadlocking.
    """
    with_sender = [(move, sender) for move in moved if (sender := move.enrollment.sender)]
    for move, sender in sorted(with_sender, key=lambda pair: pair[1].email.lower()):
        account, change = move.enrollment.account, move.change
        if change.blames_sender:
            await note_refusal(connection, account, sender, change.reason or "")
        elif change.full_until is not None:
            await note_full(connection, account, sender, change.reason or "", change.full_until)


def _frees_intent(move: Move) -> bool:
    """Tell whether the person may be enrolled for the same reason again: this enrollment was certainly not sent."""
    return move.after in RELEASES_INTENT and not _outcome_open(move.enrollment)


def _outcome_open(enrollment: Enrollment) -> bool:
    """Tell whether an earlier request may have worked. HubSpot's reply to a later request settles that, too."""
    return enrollment.first_sending_at is not None and enrollment.step is not Step.SENDING


def _may_have_been_sent(enrollment: Enrollment, after: State) -> bool:
    """Tell whether the sender's place may be used: a request with an unknown outcome keeps it, also when parked."""
    unknown = enrollment.state is State.UNCERTAIN or enrollment.first_sending_at is not None
    return after in {State.ENROLLED, State.UNCERTAIN} or (after is State.PARKED and unknown)


def _row(move: Move) -> dict[str, Any]:
    enrollment, after, change = move.enrollment, move.after, move.change
    return {
        "id": enrollment.id,
        "attempt": enrollment.attempt,
        "before": enrollment.state,
        "after": after,
        "step": enrollment.step,
        "cause": change.cause,
        "reason": _storable(change.reason),
        "detail": _storable(change.detail),
        "due_at": change.due_at,
        "tries": change.tries,
        "first_failed_at": change.first_failed_at,
        "reads": change.reads,
        "resends": enrollment.resends if change.resends is None else change.resends,
        "hubspot_enrollment_id": change.hubspot_enrollment_id,
        "enrolled_at": change.enrolled_at,
        "confirm_in": change.confirm_in,
        "unsent": change.unsent,
        "contact_id": enrollment.contact_id,
        "gave_owner": enrollment.gave_owner,
        "returns_place": not _may_have_been_sent(enrollment, after),
        "releases_person": after not in OCCUPIES_PERSON,
    }


def _storable(text: str | None) -> str | None:
    """Return a text as PostgreSQL takes it: HubSpot's own words may hold characters that it does not take."""
    return text and text.replace("\0", "\ufffd").encode("utf-8", "replace").decode()
