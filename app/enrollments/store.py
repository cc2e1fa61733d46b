"""Claims, leases, checkpoints and transitions of enrollments. Every write is fenced and journalled."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from app.backoff import SPAN
from app.enrollments import one_per_person_statements as one_per_person
from app.enrollments import statements as sql
from app.enrollments.claim_store import NO_LOOKS, Claims
from app.enrollments.due_store import CONFIRMATIONS, expire, reclaim_expired, what_is_due
from app.enrollments.person_store import checkpoint_prepared, read_conflict
from app.enrollments.sending_store import SendingCommits
from app.enrollments.transitions import Transitions
from app.errors import FenceLost
from app.model.states import permit
from app.outbound.store import no_endpoints

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from sqlalchemy import TextClause

    from app.database.direct import DirectPool
    from app.enrollments.claim_store import Looks
    from app.enrollments.conflict import Conflict
    from app.enrollments.due_store import Due
    from app.enrollments.outcome import Change
    from app.model import Baseline, Enrollment, OutboundKind, Sender, State
    from app.people.identity import Person


class EnrollmentStore:
    """The enrollments of one account, as the worker named `worker` claims and writes them.

    `lease` is in seconds; `span` is for how long an enrollment is retried whose workers die. `endpoints` returns the
    names of the endpoints that are notified of such an event in this account. `urgent` has connections for `sending`
    alone; without it `sending` shares `pool`. `observe_sending` receives the seconds of each commit of `sending`.
    """

    def __init__(
        self,
        pool: DirectPool,
        *,
        account: str,
        worker: str,
        lease: float,
        span: timedelta = SPAN,
        endpoints: Callable[[OutboundKind, str], tuple[str, ...]] = no_endpoints,
        urgent: DirectPool | None = None,
        observe_sending: Callable[[float], None] = lambda _: None,
        looks: Looks = NO_LOOKS,
    ) -> None:
        self._pool = pool
        self._account = account
        self._worker = worker
        self._lease = lease
        self._span = span
        self._endpoints = endpoints
        self._looks = looks
        self._claims = Claims(pool, account=account, worker=worker, lease=lease, looks=looks)
        self._sendings = SendingCommits(urgent or pool, account, observe_sending, looks.last)
        self._transitions = Transitions(pool, endpoints)

    async def close(self) -> None:
        """Commit no more assignments, sendings and transitions. The pools stay open."""
        await self._looks.close()
        await self._sendings.close()
        await self._transitions.close()

    async def claim_ready(self, limit: int) -> list[Enrollment]:
        """Claim up to `limit` due enrollments, one per person, oldest first."""
        return await self._claims.claim(sql.CLAIM_READY, limit)

    async def claim_uncertain(self, limit: int) -> list[Enrollment]:
        """Claim up to `limit` uncertain enrollments whose next read is due."""
        return await self._claims.claim(sql.CLAIM_UNCERTAIN, limit)

    async def what_is_due(self) -> Due:
        """Return what there is to do besides claiming."""
        return await what_is_due(self._pool, self._account)

    async def hold_blocked(self) -> None:
        """Hold due enrollments that another enrollment of the same person blocks."""
        await self._run(one_per_person.HOLD_BLOCKED, account=self._account)

    async def terminate_stuck_sessions(self) -> int:
        """Terminate database sessions of processes that froze in the middle of a transaction; return how many."""
        return len(await self._run(sql.TERMINATE_STUCK_SESSIONS, lease=self._lease))

    async def release_due(self) -> int:
        """Make held enrollments ready that are due; return how many."""
        return len(await self._run(one_per_person.RELEASE_DUE))

    async def expire(self) -> Mapping[str, str]:
        """Expire enrollments that were not sent in time; return their sequences by enrollment id."""
        return await expire(self._pool)

    async def reclaim_expired(self, *, first_read: float, leaving: bool = False) -> Mapping[str, State]:
        """Take expired leases from their workers, or (`leaving`) hand back our own; return the new states by id.

        An enrollment that was `sending` is first read `first_read` seconds after that.
        """
        values = {"first_read": first_read, "leaving": self._worker if leaving else None, "span": self._span}
        return await reclaim_expired(self._pool, values, self._endpoints)

    async def renew_leases(self, held: Sequence[Enrollment]) -> set[str]:
        """Renew the leases of all `held` in one statement; return the ids that this worker still holds."""
        rows = await self._run(
            sql.RENEW_LEASES,
            ids=[enrollment.id for enrollment in held],
            attempts=[enrollment.attempt for enrollment in held],
            lease=self._lease,
        )
        return {row["id"] for row in rows}

    async def read_conflict(self, enrollment: Enrollment, person: Person) -> Conflict:
        """Return what another enrollment of the same contact means for this one. Raises FenceLost."""
        return await read_conflict(self._pool, enrollment, person)

    async def checkpoint_prepared(
        self, enrollment: Enrollment, person: Person, baseline: Baseline, owner: str | None
    ) -> Conflict | None:
        """Checkpoint: the contact exists, its requirements are met, the baseline is read. Raises FenceLost.

        `owner` is the owner id that this enrollment has written to the contact, None where it wrote none. Nothing is
        written where another enrollment of the same contact conflicts: that is returned.
        """
        return await checkpoint_prepared(self._pool, enrollment, person, baseline, owner)

    async def remark(self, enrollment: Enrollment, cause: str, detail: str) -> None:
        """Write a journal line; nothing else changes. Raises FenceLost."""
        values = {"id": enrollment.id, "attempt": enrollment.attempt, "cause": cause, "detail": detail}
        if not await self._run(sql.REMARK, **values):
            raise FenceLost(enrollment.id)

    async def commit_sending(
        self, enrollment: Enrollment, sender: Sender, *, limit: int | None, person: Person | None = None
    ) -> datetime:
        """Commit `sending` and the reservation in the sender's ledger; return the database's time of the commit.

        `limit` caps the sender's enrollments in 24 hours below HubSpot's own limit. With `person`, who the contact is,
        the contact and the baseline of `enrollment` are written, and the contact is occupied.

        Raises what `SendingCommits.commit` raises.
        """
        return await self._sendings.commit(enrollment, sender, limit=limit, person=person)

    async def move(self, enrollment: Enrollment, after: State, change: Change) -> None:
        """Move a claimed enrollment to `after`, with all consequences, in one transaction. Raises FenceLost."""
        permit(enrollment.state, after, enrollment.step)
        await self._transitions.write(enrollment, after, change)

    async def workflow_started(
        self, enrollment: Enrollment, contact_id: str, detail: str, *, within: timedelta = timedelta()
    ) -> datetime:
        """Checkpoint that a workflow is started for this contact; return the database's time. Raises FenceLost.

        `within` is for how long it may still take the contact out of a sequence: until then no worker enrolls it.
        """
        values = {"id": enrollment.id, "attempt": enrollment.attempt, "contact_id": contact_id, "detail": detail}
        rows = await self._run(sql.CHECKPOINT_WORKFLOW_STARTED, **values, within=within)
        if not rows:
            raise FenceLost(enrollment.id)
        at: datetime = rows[0]["triggered_at"]
        return at

    async def workflow_ended(self, enrollment: Enrollment, detail: str, *, removed: bool = False) -> None:
        """Checkpoint that no workflow is running any more. A worker that has lost the row learns it at its next write.

        `removed`: the workflow took the contact out of its sequence, and the enrollment does not expire any more.
        """
        values = {"id": enrollment.id, "attempt": enrollment.attempt, "detail": detail}
        await self._run(sql.CHECKPOINT_WORKFLOW_ENDED, **values, removed=removed)

    async def cancel_earlier(self, enrollment: Enrollment, person: Person | None = None) -> tuple[int, datetime | None]:
        """Cancel the person's earlier enrollments that have not been sent; return how many.

        Those under the other addresses of `person` are cancelled, too. The second value is when a workflow was started
        that takes the person out of a sequence. If `enrollment` unenrolls, it takes over such a workflow from an
        earlier enrollment.
        """
        values = {
            "account": enrollment.account,
            "id": enrollment.id,
            "attempt": enrollment.attempt,
            "emails": [enrollment.email, *(person.others if person else ())],
            "contact_ids": list(person.ids if person else ()),
        }
        takes_over = enrollment.plan.action == "unenroll"
        rows = await self._run(sql.CANCEL_EARLIER, **values, takes_over=takes_over)
        return rows[0]["cancelled"], rows[0]["triggered_at"]

    async def read_later(self, enrollment: Enrollment, change: Change) -> None:
        """Leave an uncertain enrollment for its next read at `change.due_at`. Raises FenceLost."""
        values = {
            "id": enrollment.id,
            "attempt": enrollment.attempt,
            "reads": change.reads,
            "tries": change.tries,
            "first_failed_at": change.first_failed_at,
            "due_at": change.due_at,
            "cause": change.cause,
            "detail": change.detail,
        }
        if not await self._run(sql.READ_LATER, **values):
            raise FenceLost(enrollment.id)

    async def claim_confirmations(self) -> list[Mapping[str, Any]]:
        """Claim 100 enrollments whose confirmation is due, as many as one call reads, or fewer that have waited longer.

        The rows have id, contact_id, sequence and sending_at.
        """
        return await self._run(sql.CLAIM_CONFIRMATIONS, account=self._account, **CONFIRMATIONS)

    async def confirm(self, confirmations: Mapping[str, str]) -> None:
        """Write confirmations by enrollment id: seen, not_seen or other_sequence. No state changes."""
        await self._run(sql.CONFIRM, ids=list(confirmations), confirmations=list(confirmations.values()))

    async def _run(self, statement: TextClause, **values: Any) -> list[Any]:
        return await self._pool.fetch(statement, values)
