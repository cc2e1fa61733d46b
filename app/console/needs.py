"""What needs a person: the sentences at the top of the overview, the most urgent first. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from app.console.page import ROOT
from app.console.text import ago, capital, counted, exactly, number
from app.enrollments.reasons import as_clause, why
from app.hubspot.api.faults import faults
from app.model import State
from app.senders.status import BY_OPERATOR

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from app.bulk.groups import ParkedGroup
    from app.console.account_line import AccountLine
    from app.senders.status import SenderStatus
    from app.tallies.figures import SourceTally

MOST_ACCOUNTS = 3  # that are named one by one
ACCOUNTS = f"{ROOT}/accounts"
FAILING_SHARE, FAILING_COUNT = 0.05, 20  # of a source's deliveries, and of rejected ones


@dataclass(frozen=True, slots=True)
class Need:
    """One thing that a person has to look at: the sentence, what is behind it, and where to go."""

    sentence: str
    detail: str
    url: str
    word: str


def parked_need(group: ParkedGroup, now: datetime) -> Need:
    """Return what is parked for one cause."""
    cause = why(State.PARKED, group.value or "", name="the person") if group.value else None
    clause = cause.clause if cause else "the cause is not recorded"
    verb = "is" if group.count == 1 else "are"
    sentence = f"{exactly(group.count, 'enrollment')} {verb} parked: {clause}."
    detail = " ".join(part for part in (f"Since {ago(group.since, now)}.", cause.do if cause else "") if part)
    url = f"{ROOT}/parked?{urlencode({'reason': group.value} if group.value else {'lacks': 'reason'})}"
    return Need(sentence, detail, url, f"See the {number(group.count)}")


def failing(source: SourceTally) -> bool:
    """Return whether a source's deliveries are rejected more than now and then."""
    if not source.rejected:
        return False
    return not source.verified or (
        source.rejected > FAILING_COUNT and source.rejected > FAILING_SHARE * source.received
    )


def failing_need(source: SourceTally) -> Need:
    """Return what is wrong with a source that is failing."""
    reasons = ", ".join(f"{number(count)} {reason.replace('_', ' ')}" for reason, count in source.rejections[:3])
    some = "none was accepted" if not source.verified else f"{number(source.verified)} were accepted"
    sentence = f"{source.source} is failing: {exactly(source.rejected, 'delivery', 'deliveries')} rejected, {some}."
    return Need(sentence, f"{reasons}." if reasons else "", f"{ROOT}/sources/{source.source}", "See why")


def silent_need(source: str, proof: str) -> Need:
    """Return that a source is silent, with the sentence that proves it."""
    return Need(f"{source} is silent.", f"{capital(proof)}.", f"{ROOT}/sources/{source}", "Look at it")


def paused_need(sender: SenderStatus, paused_at: datetime, now: datetime) -> Need:
    """Return that nothing is sent by a sender."""
    fault = faults().get(sender.reason or "")
    sentence = f"The sender {sender.name} is paused: {as_clause(fault.sentence) if fault else sender.reason}."
    waiting = f"; {exactly(sender.waiting, 'enrollment')} waiting" if sender.waiting else ""
    detail = f"Since {ago(paused_at, now)}{waiting}. {fault.do if fault else ''}".strip()
    return Need(sentence, detail, f"{ROOT}/senders", "See the senders")


def account_needs(accounts: Iterable[AccountLine]) -> list[Need]:
    """Return which accounts let nothing be sent: each of a few, or how many."""
    out = [one for one in accounts if one.standing.mark == "bad"]
    if len(out) > MOST_ACCOUNTS:
        waits = _waits(sum(one.standing.held for one in out), "them")
        return [Need(f"Nothing is sent by {number(len(out))} accounts.", waits, ACCOUNTS, "See the accounts")]
    return [
        Need(
            f"Nothing is sent by the account {one.name}.",
            f"{one.standing.why} {_waits(one.standing.held, 'it')}".strip(),
            one.url or ACCOUNTS,
            "Look at it",
        )
        for one in out
    ]


def _waits(held: int, what: str) -> str:
    return f"{counted(held, 'enrollment waits', 'enrollments wait')} for {what}." if held else ""


def needs(
    accounts: Iterable[AccountLine],
    parked: Iterable[ParkedGroup],
    sources: Iterable[SourceTally],
    silent: Iterable[tuple[str, str]],
    senders: Iterable[SenderStatus],
    now: datetime,
) -> tuple[Need, ...]:
    """Return all of them. A sender that an operator paused on purpose needs no person.

    A source whose deliveries are rejected is not said to be silent besides.
    """
    bad = [source for source in sources if source.source and failing(source)]
    return (
        *account_needs(accounts),
        *(parked_need(group, now) for group in parked),
        *(failing_need(source) for source in bad),
        *(silent_need(source, proof) for source, proof in silent if source not in {one.source for one in bad}),
        *(
            paused_need(sender, sender.paused_at, now)
            for sender in senders
            if sender.paused_at is not None and sender.paused_by is None and sender.reason != BY_OPERATOR
        ),
    )


def lead(needed: Sequence[Need], enrolled: int, matched: int, span: str) -> str:
    """Return the overview's first sentence."""
    went = f"{exactly(enrolled, 'person', 'people')} enrolled of {number(matched)} matched in the last {span}"
    if not needed:
        return f"Nothing needs a person: {went}."
    things = "one thing needs a person" if len(needed) == 1 else f"{len(needed)} things need a person"
    return f"{capital(things)}; {went}."
