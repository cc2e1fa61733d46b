"""`sending`, committed for many enrollments at once: each inbox row is locked once, and one statement writes them all.

What could still keep an enrollment from being sent is looked at by the same statement: who was suppressed meanwhile,
and what other enrollments of the same contact do; where an account has a cap, a statement before it counts. An
enrollment that fails any of this, its fence or its place in the inbox fails alone; its batch goes on.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import asyncpg
import orjson

from app.batching import Batcher
from app.clock import elapsed_seconds, utc_now
from app.database.halves import write_in_halves
from app.enrollments import sending_statements as sql
from app.enrollments.conflict import Conflict, require_none
from app.enrollments.eligibility import looked_up
from app.errors import FenceLost, HeldError, SegueError, SenderGone
from app.people.eligibility_store import entries_of, find_values
from app.senders.quota_store import DEFAULT_LIMIT, PERIOD, RECHECK_AFTER, next_free

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from datetime import datetime

    from app.database.direct import DirectConnection, DirectPool
    from app.enrollments.eligibility import Question
    from app.enrollments.last_look import LastLook
    from app.model import Enrollment, Sender
    from app.people.eligibility_store import Counted
    from app.people.identity import Person

    Results = dict["Request", datetime | SegueError]

MAXIMUM_BATCH = 100


@dataclass(frozen=True, slots=True, eq=False)
class Request:
    """One enrollment to send by `sender`, whose inbox has `places` in 24 hours.

    `person` is who the contact is: with it the contact and its baseline, which the enrollment then holds, are written.
    """

    enrollment: Enrollment
    sender: Sender
    places: int
    person: Person | None = None

    @property
    def inbox(self) -> str:
        """The inbox whose ledger counts the enrollment."""
        return self.sender.email.lower()


class SendingCommits:
    """Commits `sending` for the enrollments of one account; requests that wait while a commit runs share the next one.

    `observe` receives the seconds that each commit took, including its waits for locks.
    """

    def __init__(self, pool: DirectPool, account: str, observe: Callable[[float], None], last_look: LastLook) -> None:
        self._pool = pool
        self._account = account
        self._observe = observe
        self._last_look = last_look
        # Permits come several at a time. One turn of the event loop later, all that received one have made a request.
        self._batcher: Batcher[Request, datetime] = Batcher(
            partial(write_in_halves, self._commit),
            acquire=partial(asyncio.sleep, 0),
            identity=lambda item: item.enrollment.id,
            limit=MAXIMUM_BATCH,
        )

    async def commit(
        self, enrollment: Enrollment, sender: Sender, *, limit: int | None, person: Person | None = None
    ) -> datetime:
        """Commit `sending` and the reservation in the sender's ledger; return the database's time of the commit.

        `limit` caps the sender's enrollments in 24 hours below HubSpot's own limit.

        Raises FenceLost when another worker has claimed the row, SenderGone when the inbox is full or paused,
        DeclinedError when the person may not be enrolled any more, and HeldError when another enrollment has the
        contact, or the enrollment's time (`expires_after`) is over: it expires next.
        """
        places = min(limit or DEFAULT_LIMIT, DEFAULT_LIMIT)
        try:
            return await self._batcher.ask(Request(enrollment, sender, places, person))
        except asyncpg.UniqueViolationError:
            # Another worker has committed another row of the same contact between our snapshot and our write.
            require_none(Conflict(busy=""), now=utc_now())
            raise

    async def close(self) -> None:
        """Accept no more requests."""
        await self._batcher.close()

    async def _commit(self, requests: Sequence[Request]) -> Mapping[Request, datetime | SegueError]:
        started = elapsed_seconds()
        asked = dict(
            zip(requests, self._last_look.questions([(one.enrollment, one.person) for one in requests]), strict=True)
        )
        results, eligible = self._without_declined(asked, {})
        rows = {} if _is_capped(eligible) else await self._write(self._pool, eligible)
        if eligible and not rows:
            async with self._pool.transaction() as connection:
                inboxes = {"account": self._account, "inboxes": _inboxes(eligible)}
                await connection.fetch(sql.LOCK_INBOXES, inboxes)
                counts = await self._last_look.counts(connection, eligible.values())
                over, eligible = self._without_declined(eligible, counts)
                rows, results = await self._write(connection, eligible), results | over
        for request, question in eligible.items():
            results[request] = await self._result(request, question, rows.get(request.enrollment.id))
        self._observe(elapsed_seconds() - started)
        return results

    def _without_declined(
        self, asked: Mapping[Request, Question], counts: Mapping[Counted, int]
    ) -> tuple[Results, dict[Request, Question]]:
        """Return the results of those that are declined without a look at suppressions, and the others."""
        reasons = {request: self._last_look.reason(question, {}, counts) for request, question in asked.items()}
        declined: Results = {request: reason for request, reason in reasons.items() if reason is not None}
        return declined, {request: question for request, question in asked.items() if request not in declined}

    async def _write(
        self, connection: DirectConnection | DirectPool, eligible: Mapping[Request, Question]
    ) -> Mapping[str, Any]:
        """Write `sending`; return the rows of those that are ours, none where the inboxes must be locked first."""
        if not eligible:
            return {}
        values = {
            "account": self._account,
            "inboxes": _inboxes(eligible),
            "requests": orjson.dumps([_row(turn, request) for turn, request in enumerate(eligible)]).decode(),
            "period": PERIOD,
            "recheck_after": RECHECK_AFTER,
        }
        rows = await connection.fetch(sql.COMMIT_SENDING, values | find_values(*looked_up(eligible.values())))
        return {row["id"]: row for row in rows}

    async def _result(self, request: Request, question: Question, row: Any) -> datetime | SegueError:
        """Return the time of the commit, or why the enrollment is not sent."""
        if row is None:
            return FenceLost(request.enrollment.id)
        moment: datetime = row["moment"]
        try:
            self._require_not_suppressed(question, row["suppressions"])
            if row["expired"]:
                raise HeldError("expired", moment, "its time was over before it could be sent")
            require_none(Conflict(row["left_by"], row["duplicate_of"], row["busy"]), now=moment)
        except SegueError as error:
            return error
        if row["paused_at"] is not None:
            return SenderGone("sender_paused", row["recheck_at"], f"{request.sender.name} is paused: {row['reason']}")
        if row["full_until"] is not None or not row["has_place"]:
            return SenderGone("quota", row["full_until"] or await self._free_at(request, moment))
        return moment

    def _require_not_suppressed(self, question: Question, suppressions: str | None) -> None:
        """Raise DeclinedError for a row that was not written because of these entries."""
        if suppressions is not None:
            declined = self._last_look.reason(question, entries_of(orjson.loads(suppressions)), {})
            raise declined or AssertionError("an entry matches none of the addresses that were asked for")

    async def _free_at(self, request: Request, moment: datetime) -> datetime:
        """Return when the enrollment is looked at again: at once, where another sender may be chosen."""
        if request.enrollment.first_sending_at is not None:
            return await next_free(self._pool, request.enrollment, request.sender, limit=request.places)
        return moment


def _is_capped(eligible: Mapping[Request, Question]) -> bool:
    """Tell whether enrollments must be counted under the lock of the inboxes."""
    return any(question.counted is not None for question in eligible.values())


def _inboxes(requests: Iterable[Request]) -> list[str]:
    return sorted({request.inbox for request in requests})


def _row(turn: int, request: Request) -> dict[str, Any]:
    enrollment, person, baseline = request.enrollment, request.person, request.enrollment.baseline
    return {
        "turn": turn,
        "id": enrollment.id,
        "attempt": enrollment.attempt,
        "inbox": request.inbox,
        "places": request.places,
        "detail": _detail(request.sender),
        "known": person is not None,
        "contact_ids": " ".join(person.ids) if person else "",
        "others": " ".join(person.others) if person else "",
        "contact_id": enrollment.contact_id,
        "count": baseline.count,
        "sequence": baseline.sequence,
        "date": baseline.date,
        "owner": enrollment.gave_owner,
    }


def _detail(sender: Sender) -> str:
    """Return what the journal says of the sender."""
    alias = f" by the alias {sender.alias}" if sender.alias else ""
    return f"as {sender.name} (user {sender.user_id}){alias}"
