"""One enrollment's sender: chosen after those before it, as if each had a transaction of its own."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any, NamedTuple

from app.model import OnSenderFull, Pick, Sender
from app.senders.choose import Candidate, Choice, Earlier, choose
from app.senders.inbox_store import places_of
from app.senders.reasons import Considered

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
    from datetime import datetime

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


@dataclass(frozen=True, slots=True, eq=False)
class Wanted:
    """One enrollment to assign: the groups to choose from, and reasons for other senders that are known already."""

    enrollment: Enrollment
    groups: Sequence[Group]
    unavailable: tuple[Considered, ...] = ()

    @property
    def named(self) -> Sender | None:
        """The first choice, where that is a single sender: others are asked only if it cannot send."""
        return self.groups[0].members[0][0] if self.groups and self.groups[0].pool is None else None


@dataclass(slots=True)
class Book:
    """What assignments of one transaction read and change.

    `turns` are the counters of the locked pools, `kept` the sticky senders by pool and subject, `inboxes` the state of
    each inbox before, and `moved` by how many more enrollments wait for it since. `behind` counts those that wait for a
    place in an inbox and are not written yet.
    """

    account: str
    turns: dict[str, int]
    kept: dict[tuple[str, str], str]
    inboxes: Mapping[str, Inbox]
    moved: Counter[str] = field(default_factory=Counter)
    behind: Counter[str] = field(default_factory=Counter)
    new_turns: dict[str, int] = field(default_factory=dict)
    new_kept: dict[tuple[str, str], str] = field(default_factory=dict)
    rows: list[dict[str, Any]] = field(default_factory=list)


class Before(NamedTuple):
    """What is left of an attempt before: the reasons for its sender, the code by which that was refused, its place."""

    considered: tuple[Considered, ...] = ()
    refused: str | None = None
    place: str | None = None


@dataclass(frozen=True, slots=True)
class SenderAssignment:
    """Assigns one enrollment its sender, without one that was refused `before`.

    `next_free` returns when a place in a full inbox becomes free for it.
    """

    next_free: Callable[..., Awaitable[datetime]]
    book: Book
    enrollment: Enrollment
    before: Before

    async def assign(self, groups: Sequence[Group], unavailable: tuple[Considered, ...]) -> Assigned:
        """Choose from the first group that has a sender available."""
        considered, waits_for = unavailable, list[Candidate]()
        for number, group in enumerate(groups, start=1):
            choice = self._choose(group)
            if choice.sender is not None and choice.unchanged:
                return self._take(group, choice, choice.sender, choice.considered)
            # A sender may be in a pool and in its fallback: its reason is listed once.
            considered = tuple(dict.fromkeys(considered + choice.considered))
            if choice.sender is not None:
                considered += _skipped(groups[number:], considered, f"and {choice.sender.name} can send")
                return self._take(group, choice, choice.sender, considered)
            waits_for += choice.waits_for
            if choice.waits_for and self.enrollment.plan.on_sender_full in NOT_CONSIDERED:
                considered += _skipped(groups[number:], considered, self._not_considered(waits_for))
                break
        return await self._wait(waits_for, considered)

    def _choose(self, group: Group) -> Choice:
        return choose(
            [self._candidate(sender, weight) for sender, weight in group.members],
            group.pick,
            subject=group.subject or self.enrollment.email,
            turn=self.book.turns.get(group.pool or "", 0),
            earlier=self._earlier_sender(group),
            named=group.named,
        )

    def _candidate(self, sender: Sender, weight: int) -> Candidate:
        """Return a sender as it stands for this enrollment, whose own place and wait do not count."""
        own, found = self.enrollment.sender, self.book.inboxes[sender.email]
        waiting = found.waiting + self.book.moved[sender.email] - (self._waits_for() == sender.email)
        inbox = replace(found, reserved=found.reserved - (self.before.place == sender.email), waiting=waiting)
        candidate = inbox.candidate(sender, weight)
        return replace(candidate, refused=self.before.refused) if own and own.email == sender.email else candidate

    def _waits_for(self) -> str | None:
        """Return the inbox for which the enrollment is counted as waiting now."""
        own = self.enrollment.sender
        return own.email if own is not None and self.enrollment.sending_at is None else None

    def _earlier_sender(self, group: Group) -> Earlier | None:
        """Return the group's sender that was chosen before: for this person or company, else for this enrollment."""
        own = self.enrollment.sender.name if self.enrollment.sender else None
        kept = self.book.kept.get((group.pool or "", group.subject)) if group.subject is not None else None
        if kept is not None:
            whom = "person" if group.subject == self.enrollment.email else "company"
            waits = self.enrollment.plan.on_sender_full is not OnSenderFull.NEXT_SENDER
            return Earlier(
                kept, f"has had this {whom} before", self.before.considered if kept == own else (), waits=waits
            )
        if own is None or own not in {sender.name for sender, _ in group.members}:
            return None
        return Earlier(own, "was waited for", self.before.considered)

    def _take(self, group: Group, choice: Choice, sender: Sender, considered: tuple[Considered, ...]) -> Assigned:
        if choice.turn is not None and group.pool is not None:
            self.book.turns[group.pool] = self.book.new_turns[group.pool] = choice.turn
        if group.subject is not None and group.pool is not None:
            key = group.pool, group.subject
            self.book.kept[key] = self.book.new_kept[key] = sender.name
        self._note(sender, considered, chosen=True)
        return Assigned(sender, considered)

    async def _wait(self, full: Iterable[Candidate], considered: tuple[Considered, ...]) -> Assigned:
        """Store which sender the enrollment waits for: places that become free are assigned by it."""
        places = [(await self._free_at(one), one.sender) for one in full]
        free_at, waited_for = min(places, key=lambda place: place[0], default=(None, None))
        if waited_for is not None:
            self.book.behind[waited_for.email] += 1
        self._note(waited_for, considered, chosen=False)
        return Assigned(None, considered, free_at)

    async def _free_at(self, full: Candidate) -> datetime:
        if full.full_until is not None:
            return full.full_until
        behind = self.book.behind[full.sender.email]
        return await self.next_free(self.enrollment, full.sender, limit=full.limit, behind=behind)

    def _not_considered(self, full: Iterable[Candidate]) -> str:
        names = " or ".join(one.sender.name for one in full)
        return f"not asked: {NOT_CONSIDERED[self.enrollment.plan.on_sender_full].format(names)}"

    def _note(self, sender: Sender | None, considered: tuple[Considered, ...], *, chosen: bool) -> None:
        """Note the result among the rows to write, and for whom the enrollment waits now."""
        if before := self._waits_for():
            self.book.moved[before] -= 1
        if sender is not None:
            self.book.moved[sender.email] += 1
        because = next((item.because for item in considered if item.chosen), "")
        self.book.rows.append(
            {
                "id": self.enrollment.id,
                "sender": sender.name if sender else None,
                "user_id": sender.user_id if sender else None,
                "email": sender.email if sender else None,
                "places": places_of(sender) if sender else None,
                "considered": [asdict(item) for item in considered],
                "detail": f"sender {sender.name}: {because}" if sender else None,
                "chosen": chosen,
            }
        )


def _skipped(groups: Sequence[Group], considered: tuple[Considered, ...], because: str) -> tuple[Considered, ...]:
    """Return why the fallbacks were not considered."""
    known = {item.sender for item in considered}
    names = dict.fromkeys(sender.name for group in groups for sender, _ in group.members)
    return tuple(
        Considered(name, chosen=False, because=f"a fallback, {because}") for name in names if name not in known
    )
