"""ASSIGN, as it is kept: who sends an enrollment and why, whose turn it is in which pool, and who stays with whom."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

from app.errors import FenceLost
from app.model import OnSenderFull, Pick, Sender
from app.senders import statements as sql
from app.senders.choose import Candidate, Choice, Considered, Earlier, choose
from app.senders.inbox_store import read_inboxes
from app.senders.quota_store import next_free

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncConnection

    from app.model import Enrollment

NOT_ASKED = {
    OnSenderFull.DEFER: "the rule waits for {}",
    OnSenderFull.FAIL: "the rule refuses who finds {} full",
}


@dataclass(frozen=True, slots=True)
class Group:
    """Senders that one is chosen from: a pool, or a single one.

    `pool` is None for a single one, and `named` is then why it is asked. `subject` is who stays with a pool's choice,
    None where nobody does.
    """

    members: tuple[tuple[Sender, int], ...]
    pool: str | None = None
    pick: Pick = Pick.MOST_LEFT
    subject: str | None = None
    named: str = ""


@dataclass(frozen=True, slots=True)
class Assigned:
    """How assigning ended. `free_at` is when a place falls free, where everybody is full."""

    sender: Sender | None
    considered: tuple[Considered, ...]
    free_at: datetime | None = None


@dataclass(slots=True)
class SenderAssignment:
    """Assigns one enrollment its sender, in the caller's transaction.

    `turns` are the counters of the pools, which are locked; `thought` is what was thought when it was assigned before.
    """

    connection: AsyncConnection
    enrollment: Enrollment
    turns: Mapping[str, int] = field(default_factory=dict)
    thought: tuple[Considered, ...] = ()

    async def assign(self, groups: Sequence[Group], before: tuple[Considered, ...]) -> Assigned:
        """Choose from the first group that has somebody. Raises FenceLost. `before` is what was thought already."""
        self.turns = await self._lock(groups)
        self.thought = await self._thought()
        considered, waits_for = before, list[Candidate]()
        for number, group in enumerate(groups, start=1):
            choice = await self._choose(group)
            if choice.sender is not None and choice.stands:
                return await self._take(group, choice, choice.sender, choice.considered)
            # What is said of a sender twice is told once: it may be in a pool and in its fallback.
            considered = tuple(dict.fromkeys(considered + choice.considered))
            if choice.sender is not None:
                considered += _spared(groups[number:], considered, f"and {choice.sender.name} can send")
                return await self._take(group, choice, choice.sender, considered)
            waits_for += choice.waits_for
            if choice.waits_for and self.enrollment.plan.on_sender_full in NOT_ASKED:
                considered += _spared(groups[number:], considered, self._not_asked(waits_for))
                break
        return await self._wait(waits_for, considered)

    async def _lock(self, groups: Sequence[Group]) -> Mapping[str, int]:
        """Lock the groups' pools; return their turns."""
        pools = sorted({group.pool for group in groups if group.pool is not None})
        if not pools:
            return {}
        values = {"account": self.enrollment.account, "pools": pools}
        return {row.pool: row.turn for row in await self.connection.execute(sql.LOCK_POOLS, values)}

    async def _thought(self) -> tuple[Considered, ...]:
        """Return what was thought when a sender was assigned to this enrollment before, if one was."""
        if self.enrollment.sender is None:
            return ()
        kept = (await self.connection.execute(sql.READ_ASSIGNMENT, {"id": self.enrollment.id})).scalar_one_or_none()
        thought = tuple(Considered(item["sender"], item["chosen"], item["because"]) for item in kept or ())
        return thought if any(item.chosen for item in thought) else ()

    async def _choose(self, group: Group) -> Choice:
        """Choose from one group."""
        enrollment = self.enrollment
        inboxes = sorted({sender.email for sender, _ in group.members})
        found = await read_inboxes(self.connection, enrollment.account, inboxes, but=enrollment.id)
        return choose(
            [found[sender.email].candidate(sender, weight) for sender, weight in group.members],
            group.pick,
            subject=group.subject or enrollment.email,
            turn=self.turns.get(group.pool or "", 0),
            earlier=await self._earlier(group),
            named=group.named,
        )

    async def _earlier(self, group: Group) -> Earlier | None:
        """Return who of the group was to send before: to this person or company, else this very enrollment."""
        own = self.enrollment.sender.name if self.enrollment.sender else None
        if group.subject is not None:
            kept = (await self.connection.execute(sql.READ_STICKY, self._key(group))).scalar_one_or_none()
            if kept is not None:
                whom = "person" if group.subject == self.enrollment.email else "company"
                waits = self.enrollment.plan.on_sender_full is not OnSenderFull.NEXT_SENDER
                return Earlier(kept, f"has had this {whom} before", self.thought if kept == own else (), waits=waits)
        if own is None or own not in {sender.name for sender, _ in group.members}:
            return None
        return Earlier(own, "was waited for", self.thought)

    def _key(self, group: Group) -> dict[str, str | None]:
        return {"account": self.enrollment.account, "pool": group.pool, "subject": group.subject}

    async def _take(self, group: Group, choice: Choice, sender: Sender, told: tuple[Considered, ...]) -> Assigned:
        key = self._key(group)
        if choice.turn is not None:
            await self.connection.execute(sql.TAKE_TURN, key | {"turn": choice.turn})
        if group.subject is not None:
            await self.connection.execute(sql.WRITE_STICKY, key | {"sender": sender.name})
        await self._write(sender, told, chosen=True)
        return Assigned(sender, told)

    async def _wait(self, full: Iterable[Candidate], told: tuple[Considered, ...]) -> Assigned:
        """Write down who is waited for: places that fall free are shared out by it."""
        places = [(await self._free_at(one), one.sender) for one in full]
        free_at, waited_for = min(places, key=lambda place: place[0], default=(None, None))
        await self._write(waited_for, told, chosen=False)
        return Assigned(None, told, free_at)

    async def _free_at(self, full: Candidate) -> datetime:
        if full.full_until is not None:
            return full.full_until
        return await next_free(self.connection, self.enrollment, full.sender, limit=full.limit)

    def _not_asked(self, full: Iterable[Candidate]) -> str:
        names = " or ".join(one.sender.name for one in full)
        return f"not asked: {NOT_ASKED[self.enrollment.plan.on_sender_full].format(names)}"

    async def _write(self, sender: Sender | None, told: tuple[Considered, ...], *, chosen: bool) -> None:
        because = next((item.because for item in told if item.chosen), "")
        values = {
            "id": self.enrollment.id,
            "attempt": self.enrollment.attempt,
            "sender": sender.name if sender else None,
            "user_id": sender.user_id if sender else None,
            "email": sender.email if sender else None,
            "assignment": json.dumps([asdict(item) for item in told]),
            "detail": f"sender {sender.name}: {because}" if sender else None,
            "chosen": chosen,
        }
        if (await self.connection.execute(sql.WRITE_ASSIGNMENT, values)).first() is None:
            raise FenceLost(self.enrollment.id)


def _spared(groups: Sequence[Group], considered: tuple[Considered, ...], because: str) -> tuple[Considered, ...]:
    """Return what is to be said of fallbacks that did not come to be asked."""
    known = {item.sender for item in considered}
    names = dict.fromkeys(sender.name for group in groups for sender, _ in group.members)
    return tuple(
        Considered(name, chosen=False, because=f"a fallback, {because}") for name in names if name not in known
    )
