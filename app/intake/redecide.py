"""DECIDE AGAIN: a stored event is decided once more, by the rulebook in force, on one page.

All of one event happens in one transaction under the event's lock: of two callers the second finds what the first has
made. What certainly was not sent is replaced; whatever may have been sent stands.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import structlog

from app.database.engine import STORE_TROUBLE, busy_when_gone, first_line, sqlstate
from app.database.halves import MAXIMUM_REPEATS, REPEATABLE
from app.errors import MoreThanShown, UnknownRule
from app.intake import replacement
from app.intake.decided_again import (
    DECIDED,
    DROPPED,
    LOOKUP,
    LOOKUP_BEGUN,
    LOOKUP_RUNS,
    NOT_POSSIBLE,
    NOTHING_NEW,
    PAYLOAD_GONE,
    STANDS,
    UNCHANGED,
    DecidedAgain,
    NewDecision,
    without_ids,
)
from app.intake.earlier import outcome
from app.intake.entries import Accepted, DecidedEvent, final
from app.model import State, Verdict

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from app.intake.decide import Decider
    from app.intake.entries import RecordedDecision
    from app.intake.redecide_store import LockedEvent, RedecideStore
    from app.intake.replacement import Replacement
    from app.model import Event
    from app.rules.rulebook import Rule, Rulebook

BY_API, BY_CLI, BY_RESEND = "api", "cli", "resend"

PAGE = 100
CLOCKS_DIFFER = 3600.0  # seconds: the clocks of replicas, which make the ids

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Bounds:
    """What must hold under the event's lock, so that what was looked at before is what is done.

    With `account`, nothing is done in others. `parked` is an enrollment of the event that must still be parked. `most`
    is how many decisions were shown.
    """

    account: str | None = None
    parked: str | None = None
    most: int | None = None


ANY = Bounds()


@dataclass(frozen=True, slots=True)
class _Written:
    """What one transaction has written, for logs and metrics after its commit."""

    result: DecidedAgain
    delivery_id: str = ""
    decided: DecidedEvent | None = None
    accepted: Accepted = field(default_factory=Accepted)


class Redecider:
    """Decides stored events again, by the rulebook in force, for operators and for tools that send them again.

    `is_thin` tells whether an event that was never looked up needs that.
    """

    def __init__(
        self,
        store: RedecideStore,
        decider: Decider,
        *,
        book: Callable[[], Rulebook],
        is_thin: Callable[[Event, Rulebook], bool],
    ) -> None:
        self._store = store
        self._decider = decider
        self._book = book
        self._is_thin = is_thin

    async def event(
        self, event_id: str, *, by: str, dry_run: bool = False, bounds: Bounds = ANY
    ) -> DecidedAgain | None:
        """Decide one event again; return None where nothing has this id. Raises Busy, and MoreThanShown.

        `by` says who asks. `dry_run` writes nothing.
        """
        with busy_when_gone():
            written = await self._repeated(event_id, by=by, dry_run=dry_run, bounds=bounds)
            if written is None:
                return None
            if dry_run:
                return without_ids(written.result)
            await self._after(written, by)
        return written.result

    async def enrollment(self, enrollment_id: str) -> tuple[str, str, str] | None:
        """Return event, account and state of an enrollment, None where there is none. Raises Busy."""
        with busy_when_gone():
            return await self._store.of_enrollment(enrollment_id)

    async def rule(self, rule_id: str, *, since: datetime, after: str = "", limit: int = PAGE) -> list[str]:
        """Return the ids of up to `limit` events that a rule listens to, received since then, oldest first.

        `after` is the last id of the page before. Raises UnknownRule and Busy.
        """
        rule = self._rule(rule_id)
        first_id = f"evt_{max(0, int((since.timestamp() - CLOCKS_DIFFER) * 1000)):012x}"
        with busy_when_gone():
            return await self._store.listed(
                rule.source, rule.types, since=since, first_id=first_id, after=after, limit=limit
            )

    def _rule(self, rule_id: str) -> Rule:
        book = self._book()
        for rule in book.rules:
            if rule.id == rule_id:
                return rule
        raise UnknownRule(f"there is no rule {rule_id!r} in the rules in force (revision {book.revision})")

    async def _repeated(self, event_id: str, *, by: str, dry_run: bool, bounds: Bounds) -> _Written | None:
        """Decide in one transaction, again after a deadlock: nothing was written then."""
        for repeat in range(1, MAXIMUM_REPEATS + 1):
            try:
                async with self._store.locked(event_id, dry_run=dry_run) as locked:
                    return None if locked is None else await self._decide(locked, by, bounds)
            except STORE_TROUBLE as error:
                if sqlstate(error) not in REPEATABLE or repeat == MAXIMUM_REPEATS:
                    raise
        raise AssertionError("unreachable: the last repeat returns or raises")

    async def _decide(self, locked: LockedEvent, by: str, bounds: Bounds) -> _Written:
        book, before = self._book(), outcome(locked.latest, locked.earlier)
        if (obstacle := _obstacle(locked, by, bounds)) is not None:
            return _Written(DecidedAgain(locked.id, NOT_POSSIBLE, before, obstacle))
        if locked.lookup in {"ready", "working"}:
            return _Written(DecidedAgain(locked.id, UNCHANGED, before, LOOKUP_RUNS))
        if locked.lookup == "failed" or (locked.lookup is None and self._is_thin(locked.event, book)):
            await locked.look_up()
            return _Written(DecidedAgain(locked.id, LOOKUP, before, LOOKUP_BEGUN))
        decisions = self._decider.decisions(locked.event, book)
        if bounds.account is not None:
            decisions = replacement.of_account(decisions, bounds.account)
        if bounds.most is not None and len(decisions) > bounds.most:
            raise MoreThanShown(f"It comes to {len(decisions)} decisions by now.", count=len(decisions))
        return await self._write(locked, before, replacement.replacing(decisions, locked.earlier), by)

    async def _write(self, locked: LockedEvent, before: str, new: Replacement, by: str) -> _Written:
        if replacement.unchanged(new.decisions, locked.latest) or not new.decisions:
            shown = tuple(_stored(one, Accepted()) for one in new.decisions)
            return _Written(without_ids(DecidedAgain(locked.id, UNCHANGED, before, NOTHING_NEW, shown)))
        decided = DecidedEvent(locked.id, locked.event, new.decisions)
        accepted, replaced = await locked.write(decided, new.pairs, by=by)
        stored = tuple(_stored(one, accepted) for one in new.decisions)
        result = DecidedAgain(locked.id, DECIDED, before, decisions=stored, replaced=replaced)
        return _Written(result, locked.delivery_id, decided, accepted)

    async def _after(self, written: _Written, by: str) -> None:
        """Log and count what was committed, and wake the workers."""
        result = written.result
        if result.status not in {DECIDED, LOOKUP}:
            return
        log.info(
            "event.decided_again",
            event_id=result.event_id,
            by=by,
            outcome=result.status,
            before=result.before,
            verdicts=[one.verdict for one in result.decisions],
            replaced=dict(result.replaced),
        )
        if written.decided is not None:
            self._decider.observe(written.delivery_id, [written.decided], written.accepted)
        await self._notify()

    async def _notify(self) -> None:
        """Wake the workers. They poll, too: what was committed is done whether they are woken or not."""
        try:
            await self._store.notify_workers()
        except STORE_TROUBLE as error:
            log.warning("store.workers_not_told", error=first_line(error))


def _obstacle(locked: LockedEvent, by: str, bounds: Bounds) -> str | None:
    """Return why the event is not decided again, None where nothing is in the way."""
    released = next((one for one in locked.earlier if one.id == bounds.parked), None)
    if released is not None and released.state != State.PARKED:
        return f"it is {released.state}"
    if not locked.readable:
        return PAYLOAD_GONE
    if any(one.verdict == Verdict.DROPPED for one in locked.latest):
        return DROPPED
    if by == BY_RESEND and not replacement.nothing_came(locked.latest, locked.earlier):
        return STANDS
    return None


def _stored(recorded: RecordedDecision, accepted: Accepted) -> NewDecision:
    verdict, reason = final(recorded, accepted)
    made = recorded.enrollment_id if verdict == recorded.decision.verdict else None
    details = tuple(fact.detail for fact in recorded.decision.facts if fact.detail)
    return NewDecision(recorded.id, verdict, reason, recorded.decision.rule, made, details)
