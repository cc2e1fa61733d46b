"""Assignments in PostgreSQL: the sender of an enrollment with the reasons, the pools' turns and sticky choices."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING

from app.errors import FenceLost
from app.hubspot.api.faults import refuses_sender
from app.model import OnSenderFull, Pick, Sender
from app.senders import statements as sql
from app.senders.choose import Candidate, Choice, Earlier, choose
from app.senders.inbox_store import read_inboxes
from app.senders.quota_store import next_free
from app.senders.reasons import Considered

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

    from app.model import Enrollment
    from app.senders.inbox_store import Inbox

NOT_CONSIDERED = {
    OnSenderFull.DEFER: "the rule waits for {}",
    OnSenderFull.FAIL: "the rule refuses who finds {} full",
}


@dataclass(frozen=True, slots=True)
class Group:
    """The senders to choose from: a pool, or a single sender.

    `pool` is None for a single sender, and `named` is then why it is considered. `subject` is the person or company
    that keeps a pool's choice, None where the pool is not sticky.
    """

    members: tuple[tuple[Sender, int], ...]
    pool: str | None = None
    pick: Pick = Pick.MOST_LEFT
    subject: str | None = None
    named: str = ""


@dataclass(frozen=True, slots=True)
class Assigned:
    """The result of an assignment. `free_at` is when a place becomes free, where all senders are full."""

    sender: Sender | None
    considered: tuple[Considered, ...]
    free_at: datetime | None = None


async def assign(
    engine: AsyncEngine, enrollment: Enrollment, groups: Sequence[Group], unavailable: tuple[Considered, ...]
) -> Assigned:
    """Choose from the first group that has a sender available; store the choice with the reasons for all.

    `unavailable` are reasons that are known already. Raises FenceLost.
    """
    async with engine.begin() as connection:
        turns = await _lock(connection, enrollment, groups)
        earlier, refused = await _read_earlier(connection, enrollment)
        return await SenderAssignment(connection, enrollment, turns, earlier, refused).assign(groups, unavailable)


async def _lock(connection: AsyncConnection, enrollment: Enrollment, groups: Sequence[Group]) -> Mapping[str, int]:
    """Lock the groups' pools; return their turns."""
    pools = sorted({group.pool for group in groups if group.pool is not None})
    if not pools:
        return {}
    values = {"account": enrollment.account, "pools": pools}
    return {row.pool: row.turn for row in await connection.execute(sql.LOCK_POOLS, values)}


async def _read_earlier(
    connection: AsyncConnection, enrollment: Enrollment
) -> tuple[tuple[Considered, ...], str | None]:
    """Return the reasons of the earlier assignment, if there was one, and the code by which its sender was refused."""
    if enrollment.sender is None:
        return (), None
    row = (await connection.execute(sql.READ_ASSIGNMENT, {"id": enrollment.id})).one()
    reasons = tuple(Considered(item["sender"], item["chosen"], item["because"]) for item in row.assignment or ())
    refused = row.reason if row.reason and refuses_sender(row.reason) else None
    return (reasons if any(item.chosen for item in reasons) else ()), refused


@dataclass(frozen=True, slots=True)
class SenderAssignment:
    """Assigns one enrollment its sender, in the caller's transaction.

    `turns` are the counters of the locked pools; `earlier` are the reasons of an earlier assignment, and `refused` is
    the code by which HubSpot then refused its sender, which is left out now.
    """

    connection: AsyncConnection
    enrollment: Enrollment
    turns: Mapping[str, int]
    earlier: tuple[Considered, ...]
    refused: str | None

    async def assign(self, groups: Sequence[Group], unavailable: tuple[Considered, ...]) -> Assigned:
        """Choose from the first group that has a sender available. Raises FenceLost."""
        considered, waits_for = unavailable, list[Candidate]()
        for number, group in enumerate(groups, start=1):
            choice = await self._choose(group)
            if choice.sender is not None and choice.unchanged:
                return await self._take(group, choice, choice.sender, choice.considered)
            # A sender may be in a pool and in its fallback: its reason is listed once.
            considered = tuple(dict.fromkeys(considered + choice.considered))
            if choice.sender is not None:
                considered += _skipped(groups[number:], considered, f"and {choice.sender.name} can send")
                return await self._take(group, choice, choice.sender, considered)
            waits_for += choice.waits_for
            if choice.waits_for and self.enrollment.plan.on_sender_full in NOT_CONSIDERED:
                considered += _skipped(groups[number:], considered, self._not_considered(waits_for))
                break
        return await self._wait(waits_for, considered)

    async def _choose(self, group: Group) -> Choice:
        enrollment = self.enrollment
        inboxes = sorted({sender.email for sender, _ in group.members})
        found = await read_inboxes(self.connection, enrollment.account, inboxes, excluding=enrollment.id)
        return choose(
            [self._candidate(found[sender.email], sender, weight) for sender, weight in group.members],
            group.pick,
            subject=group.subject or enrollment.email,
            turn=self.turns.get(group.pool or "", 0),
            earlier=await self._earlier_sender(group),
            named=group.named,
        )

    def _candidate(self, inbox: Inbox, sender: Sender, weight: int) -> Candidate:
        candidate, own = inbox.candidate(sender, weight), self.enrollment.sender
        return replace(candidate, refused=self.refused) if own and own.email == sender.email else candidate

    async def _earlier_sender(self, group: Group) -> Earlier | None:
        """Return the group's sender that was chosen before: for this person or company, else for this enrollment."""
        own = self.enrollment.sender.name if self.enrollment.sender else None
        if group.subject is not None:
            kept = (await self.connection.execute(sql.READ_STICKY, self._key(group))).scalar_one_or_none()
            if kept is not None:
                whom = "person" if group.subject == self.enrollment.email else "company"
                waits = self.enrollment.plan.on_sender_full is not OnSenderFull.NEXT_SENDER
                return Earlier(kept, f"has had this {whom} before", self.earlier if kept == own else (), waits=waits)
        if own is None or own not in {sender.name for sender, _ in group.members}:
            return None
        return Earlier(own, "was waited for", self.earlier)

    def _key(self, group: Group) -> dict[str, str | None]:
        return {"account": self.enrollment.account, "pool": group.pool, "subject": group.subject}

    async def _take(self, group: Group, choice: Choice, sender: Sender, considered: tuple[Considered, ...]) -> Assigned:
        key = self._key(group)
        if choice.turn is not None:
            await self.connection.execute(sql.TAKE_TURN, key | {"turn": choice.turn})
        if group.subject is not None:
            await self.connection.execute(sql.WRITE_STICKY, key | {"sender": sender.name})
        await self._write(sender, considered, chosen=True)
        return Assigned(sender, considered)

    async def _wait(self, full: Iterable[Candidate], considered: tuple[Considered, ...]) -> Assigned:
        """Store which sender the enrollment waits for: places that become free are assigned by it."""
        places = [(await self._free_at(one), one.sender) for one in full]
        free_at, waited_for = min(places, key=lambda place: place[0], default=(None, None))
        await self._write(waited_for, considered, chosen=False)
        return Assigned(None, considered, free_at)

    async def _free_at(self, full: Candidate) -> datetime:
        if full.full_until is not None:
            return full.full_until
        return await next_free(self.connection, self.enrollment, full.sender, limit=full.limit)

    def _not_considered(self, full: Iterable[Candidate]) -> str:
        names = " or ".join(one.sender.name for one in full)
        return f"not asked: {NOT_CONSIDERED[self.enrollment.plan.on_sender_full].format(names)}"

    async def _write(self, sender: Sender | None, considered: tuple[Considered, ...], *, chosen: bool) -> None:
        because = next((item.because for item in considered if item.chosen), "")
        values = {
            "id": self.enrollment.id,
            "attempt": self.enrollment.attempt,
            "sender": sender.name if sender else None,
            "user_id": sender.user_id if sender else None,
            "email": sender.email if sender else None,
            "assignment": json.dumps([asdict(item) for item in considered]),
            "detail": f"sender {sender.name}: {because}" if sender else None,
            "chosen": chosen,
        }
        if (await self.connection.execute(sql.WRITE_ASSIGNMENT, values)).first() is None:
            raise FenceLost(self.enrollment.id)


def _skipped(groups: Sequence[Group], considered: tuple[Considered, ...], because: str) -> tuple[Considered, ...]:
    """Return why the fallbacks were not considered."""
    known = {item.sender for item in considered}
    names = dict.fromkeys(sender.name for group in groups for sender, _ in group.members)
    return tuple(
        Considered(name, chosen=False, because=f"a fallback, {because}") for name in names if name not in known
    )
