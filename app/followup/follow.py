"""FOLLOW: how enrollments ended. Search, look, record, on one page.

A search finds the contacts that ended or replied since the last search; HubSpot's webhooks give hints of the same.
Neither is evidence: each makes a look due, which reads the contact. Every enrollment is also looked at periodically, so
that a refused search or a missed change costs only time. All calls count against one hourly budget.
"""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import structlog

from app.database.listen import IDLE_POLL_SECONDS
from app.errors import FenceLost, HeldError, Refusal, SegueError
from app.followup.ends import PATIENCE, Seen, gone, judge
from app.followup.schedule import last_look, next_look, search_pause
from app.followup.store import Finding

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from app.followup.contacts import HubSpotEnds
    from app.followup.store import FollowupStore, Learnt, Look, Turn
    from app.observability.metrics import Metrics

READ_AT_ONCE = 100
# The loop runs every five seconds: this leaves nine tenths of the smallest window to enrolling, even while it makes the
# calls of a whole hour in succession.
READS_A_TURN = 2
PAGES_A_TURN = 2
OVERLAP = timedelta(minutes=10)  # search and properties lag behind writes
LONGEST_SEARCH = timedelta(days=2)  # enrollments that ended before have had a look of their own
REFUSED_SECONDS = 6 * 3600.0
TROUBLE = timedelta(minutes=1)
BAD_REQUEST = 400
PASSING = frozenset({401, 423, 429, 477})  # about the account, or about now, but not about searching

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Follower:
    """Follows the enrollments of one account for `span` at most, with `seconds` between two searches."""

    account: str
    store: FollowupStore
    hubspot: HubSpotEnds
    _: KW_ONLY
    seconds: float
    span: timedelta
    now: Callable[[], datetime]
    metrics: Metrics
    _paused_until: datetime | None = field(default=None, init=False)

    async def follow(self) -> float | None:
        """Do what is due, if it is this replica's turn. Pauses while a day is spent, and after trouble with HubSpot.

        Returns the seconds until more is due, None where something may be due now.
        """
        if self._paused_until and self.now() < self._paused_until:
            return None
        seconds = await self.store.due_in()
        if seconds > 0:
            return min(seconds, IDLE_POLL_SECONDS)
        turn = await self.store.take_turn()
        if turn is not None:
            await self._follow(turn)
        return None

    async def _follow(self, turn: Turn) -> None:
        try:
            await self._take(turn)
        except HeldError as error:
            self._paused_until = error.until
            log.info("following.rests", account=self.account, until=error.until.isoformat())
        except FenceLost:
            log.warning("following.turn_lost", account=self.account)
        except SegueError as error:
            self._paused_until = self.now() + TROUBLE
            log.warning("following.trouble", account=self.account, error=str(error))
        finally:
            await self.store.end_turn(turn)

    async def _take(self, turn: Turn) -> None:
        given_up = await self.store.give_up(self.span)
        if given_up:
            log.info("following.given_up", account=self.account, count=given_up)
        searching = await self._search(turn) if turn.search_due else turn.refused is None
        for _ in range(READS_A_TURN):
            looks = await self.store.claim(turn, READ_AT_ONCE)
            if not looks:
                return
            await self._look(turn, looks, searching=searching)

    async def _search(self, turn: Turn) -> bool:
        """Search for ends and replies, and make their looks due first; return whether HubSpot lets us search."""
        since = max(turn.since, turn.now - LONGEST_SEARCH)
        until, beyond = turn.until or turn.now, turn.beyond
        for pages in range(1, PAGES_A_TURN + 1):
            pause = search_pause(pages, limit=self.store.calls_per_hour).total_seconds()
            if not await self.store.spend(turn):
                return True
            self.metrics.follow_call(self.account, "search")
            try:
                page = await self.hubspot.changed(since - OVERLAP, until, beyond)
            except Refusal as refusal:
                return await self._not_searched(turn, refusal, since, max(self.seconds, pause))
            await self.store.hint(page.items)
            if page.after is None:
                await self.store.searched(turn, since=until, wait=max(self.seconds, pause))
                return True
            beyond = page.after
            await self.store.searched(turn, since=since, until=until, beyond=beyond, wait=pause)
        return True

    async def _not_searched(self, turn: Turn, refusal: Refusal, since: datetime, soon: float) -> bool:
        """Search again soon after a temporary refusal; after any other (no scope) there are only looks for hours."""
        passing = refusal.status in PASSING
        refused = None if passing else refusal.code
        wait = soon if passing else REFUSED_SECONDS
        await self.store.searched(turn, since=since, wait=wait, refused=refused)
        log.warning("following.search_refused", account=self.account, code=refusal.code, again_in_seconds=wait)
        return passing

    async def _look(self, turn: Turn, looks: Sequence[Look], *, searching: bool) -> None:
        self.metrics.follow_call(self.account, "read")
        seen, unread = await self._read(turn, sorted({look.contact_id for look in looks}))
        read = [look for look in looks if look.contact_id not in unread]
        findings = [_finding(look, seen, searching=searching) for look in read]
        learnt = await self.store.found(findings)
        self._report(findings, learnt)

    async def _read(self, turn: Turn, contact_ids: Sequence[str]) -> tuple[Mapping[str, Seen | None], set[str]]:
        """Read contacts, and again in halves those that the answer does not mention: a merged contact has another id.

        A contact that is still missing when read alone shows nothing. The second result are the contacts for which the
        hour's calls did not suffice: they are looked at another time.
        """
        seen = await self._shown(contact_ids)
        unread: set[str] = set()
        missing = [contact_id for contact_id in contact_ids if contact_id not in seen]
        for half in _halves(missing) if len(contact_ids) > 1 else ():
            if not await self.store.spend(turn):
                unread |= set(half)
                continue
            self.metrics.follow_call(self.account, "read")
            shown, left = await self._read(turn, half)
            seen |= shown
            unread |= left
        return seen, unread

    async def _shown(self, contact_ids: Sequence[str]) -> dict[str, Seen | None]:
        """Read contacts once; where HubSpot refuses the whole call because of one contact, return none."""
        try:
            return await self.hubspot.read(contact_ids)
        except Refusal as refusal:
            if refusal.status != BAD_REQUEST:
                raise
            return {}

    def _report(self, findings: Sequence[Finding], learnt: Learnt) -> None:
        for finding in findings:
            look = finding.look
            if finding.ended and look.id in learnt.ended:
                how, known = finding.ended.how, finding.ended.known
                self.metrics.ended(self.account, look.ours.sequence, how, known)
                log.info("enrollment.ended", enrollment_id=look.id, account=self.account, how=how, known=known)
            if look.id in learnt.replied:
                self.metrics.replied(self.account, look.ours.sequence)
                log.info("enrollment.replied", enrollment_id=look.id, account=self.account)
        for result in ("running", "unclear", "ended"):
            self.metrics.looked(self.account, result, sum(_result(finding) == result for finding in findings))


def _finding(look: Look, seen: Mapping[str, Seen | None], *, searching: bool) -> Finding:
    """Judge one look. A contact missing from HubSpot's answer shows nothing, and is looked at again in its turn."""
    waited = look.unclear_since is not None and look.now - look.unclear_since >= PATIENCE
    shown = seen.get(look.contact_id, Seen())
    judged = gone(waited=waited) if shown is None else judge(shown, look.ours, waited=waited)
    if look.ended_seen_at or judged.ended:
        follow_at = last_look(look.ended_seen_at or look.now, now=look.now)
        ended = None if look.ended_seen_at else judged.ended
        return Finding(look, ended, judged.replied_at, None, follow_at)
    unclear_since = (look.unclear_since or look.now) if judged.unclear else None
    wait = next_look(looks=look.looks, unclear=judged.unclear, searching=searching)
    return Finding(look, None, judged.replied_at, unclear_since, look.now + wait)


def _halves(contact_ids: list[str]) -> list[list[str]]:
    middle = len(contact_ids) // 2
    return [half for half in (contact_ids[:middle], contact_ids[middle:]) if half]


def _result(finding: Finding) -> str:
    if finding.ended or finding.look.ended_seen_at:
        return "ended"
    return "unclear" if finding.unclear_since else "running"
