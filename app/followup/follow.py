"""FOLLOW: what became of those who were enrolled. Search, look, record, on one page.

A search finds who ended or replied since the last one; so does a hint of HubSpot's own webhooks. Neither is evidence:
it makes a look due, which reads the contact. Every enrollment is looked at now and then anyhow, so that a search that
HubSpot refuses, or a change that it never told, costs time and nothing else. All calls come out of one hourly budget.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Protocol

import structlog

from app.errors import FenceLost, HeldError, Refusal, SegueError
from app.followup.ends import PATIENCE, Seen, gone, judge
from app.followup.schedule import last_look, next_look, search_pause
from app.followup.store import Finding

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from app.followup.ends import How
    from app.followup.store import FollowupStore, Learnt, Look, Turn
    from app.hubspot.api.search import FoundPage

READ_AT_ONCE = 100
# At the beat of the loop, five seconds, this leaves nine tenths of the smallest window to enrolling, even while a whole
# hour's calls are made in one go.
READS_A_TURN = 2
PAGES_A_TURN = 2
OVERLAP = timedelta(minutes=10)  # search is behind what was written, and so are properties
LONGEST_SEARCH = timedelta(days=2)  # whatever ended before was due for a look of its own
REFUSED_SECONDS = 6 * 3600.0
TROUBLE = timedelta(minutes=1)
BAD_REQUEST = 400
PASSING = frozenset({401, 423, 429, 477})  # said of the account, or of now: nothing about searching

log = structlog.get_logger(__name__)


class HubSpot(Protocol):
    """What following asks, one call each. Raises NotSent, OutcomeUnknown, Refusal or what the rate limit raises."""

    async def read(self, contact_ids: Sequence[str]) -> dict[str, Seen | None]:
        """Return what up to 100 contacts show, None for one that is gone; of whom no answer speaks is left out."""

    async def changed(self, since: datetime, until: datetime, beyond: str | None) -> FoundPage:
        """Return a page of the contacts whose latest sequence ended, or who replied, between two instants."""


class FollowupMetrics(Protocol):
    """What is counted."""

    def ended(self, account: str, sequence: str, how: How, known: bool) -> None:  # noqa: FBT001  # a label's value
        """Count an end that was learnt."""

    def replied(self, account: str, sequence: str) -> None:
        """Count a reply that was learnt."""

    def looked(self, account: str, result: str, count: int) -> None:
        """Count looks: running, unclear or ended."""

    def follow_call(self, account: str, what: str) -> None:
        """Count a call: search or read."""


class Follower:
    """Follows the enrolled ones of one account, `seconds` between two searches, `span` long at most."""

    def __init__(
        self,
        account: str,
        record: FollowupStore,
        hubspot: HubSpot,
        *,
        seconds: float,
        span: timedelta,
        now: Callable[[], datetime],
        tell: FollowupMetrics,
    ) -> None:
        self._account = account
        self._record = record
        self._hubspot = hubspot
        self._seconds = seconds
        self._span = span
        self._now = now
        self._tell = tell
        self._rests_until: datetime | None = None

    async def follow(self) -> None:
        """Do what is due, if it is this replica's turn. A day that is spent, or trouble with HubSpot, is rested out."""
        if self._rests_until and self._now() < self._rests_until:
            return
        turn = await self._record.take_turn()
        if turn is None:
            return
        try:
            await self._take(turn)
        except HeldError as error:
            self._rests_until = error.until
            log.info("following.rests", account=self._account, until=error.until.isoformat())
        except FenceLost:
            log.warning("following.turn_lost", account=self._account)
        except SegueError as error:
            self._rests_until = self._now() + TROUBLE
            log.warning("following.trouble", account=self._account, error=str(error))
        finally:
            await self._record.end_turn(turn)

    async def _take(self, turn: Turn) -> None:
        given_up = await self._record.give_up(self._span)
        if given_up:
            log.info("following.given_up", account=self._account, count=given_up)
        searching = await self._search(turn) if turn.search_due else turn.refused is None
        for _ in range(READS_A_TURN):
            looks = await self._record.claim(turn, READ_AT_ONCE)
            if not looks:
                return
            await self._look(turn, looks, searching=searching)

    async def _search(self, turn: Turn) -> bool:
        """Search for who ended or replied, and let them be looked at first; tell whether HubSpot lets us search."""
        since = max(turn.since, turn.now - LONGEST_SEARCH)
        until, beyond = turn.until or turn.now, turn.beyond
        for pages in range(1, PAGES_A_TURN + 1):
            pause = search_pause(pages, limit=self._record.calls_per_hour).total_seconds()
            if not await self._record.spend(turn):
                return True
            self._tell.follow_call(self._account, "search")
            try:
                page = await self._hubspot.changed(since - OVERLAP, until, beyond)
            except Refusal as refusal:
                return await self._not_searched(turn, refusal, since, max(self._seconds, pause))
            await self._record.hint(page.ids)
            if page.beyond is None:
                await self._record.searched(turn, since=until, wait=max(self._seconds, pause))
                return True
            beyond = page.beyond
            await self._record.searched(turn, since=since, until=until, beyond=beyond, wait=pause)
        return True

    async def _not_searched(self, turn: Turn, refusal: Refusal, since: datetime, soon: float) -> bool:
        """Search again soon after what passes; after any other refusal (no scope) looks are all there is for hours."""
        passing = refusal.status in PASSING
        refused = None if passing else refusal.code
        wait = soon if passing else REFUSED_SECONDS
        await self._record.searched(turn, since=since, wait=wait, refused=refused)
        log.warning("following.search_refused", account=self._account, code=refusal.code, again_in_seconds=wait)
        return passing

    async def _look(self, turn: Turn, looks: Sequence[Look], *, searching: bool) -> None:
        self._tell.follow_call(self._account, "read")
        seen, unread = await self._read(turn, sorted({look.contact_id for look in looks}))
        read = [look for look in looks if look.contact_id not in unread]
        findings = [_finding(look, seen, searching=searching) for look in read]
        learnt = await self._record.found(findings)
        self._told(findings, learnt)

    async def _read(self, turn: Turn, contact_ids: Sequence[str]) -> tuple[Mapping[str, Seen | None], set[str]]:
        """Read contacts, and those of whom the answer does not speak again in halves: a merged one has another id.

        One that is left out alone, too, shows nothing. The second are those for whom the hour's calls did not suffice:
        they are looked at another time.
        """
        seen = await self._shown(contact_ids)
        unread: set[str] = set()
        untold = [contact_id for contact_id in contact_ids if contact_id not in seen]
        for half in _halves(untold) if len(contact_ids) > 1 else ():
            if not await self._record.spend(turn):
                unread |= set(half)
                continue
            self._tell.follow_call(self._account, "read")
            shown, left = await self._read(turn, half)
            seen |= shown
            unread |= left
        return seen, unread

    async def _shown(self, contact_ids: Sequence[str]) -> dict[str, Seen | None]:
        """Read contacts once; where HubSpot refuses all for the sake of one it speaks of nobody."""
        try:
            return await self._hubspot.read(contact_ids)
        except Refusal as refusal:
            if refusal.status != BAD_REQUEST:
                raise
            return {}

    def _told(self, findings: Sequence[Finding], learnt: Learnt) -> None:
        for finding in findings:
            look = finding.look
            if finding.ended and look.id in learnt.ended:
                how, known = finding.ended.how, finding.ended.known
                self._tell.ended(self._account, look.ours.sequence, how, known)
                log.info("enrollment.ended", enrollment_id=look.id, account=self._account, how=how, known=known)
            if look.id in learnt.replied:
                self._tell.replied(self._account, look.ours.sequence)
                log.info("enrollment.replied", enrollment_id=look.id, account=self._account)
        for result in ("running", "unclear", "ended"):
            self._tell.looked(self._account, result, sum(_result(finding) == result for finding in findings))


def _finding(look: Look, seen: Mapping[str, Seen | None], *, searching: bool) -> Finding:
    """Judge one look. What HubSpot told nothing of shows nothing, and is looked at in its turn."""
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
