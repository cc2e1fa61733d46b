"""Groups of parked enrollments as the pages show them: the sentence, where, since when, and what may be done."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from app.bulk.groups import By
from app.bulk.parked_filter import ONE_BY_ONE
from app.console.lists import with_query
from app.console.page import ROOT
from app.console.receipts.wording import as_sentence
from app.console.text import exactly, number
from app.enrollments.reasons import why
from app.model import State

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from app.bulk.groups import ParkedGroup
    from app.enrollments.reasons import Why

PARKED = f"{ROOT}/parked"
PARAMETERS = {By.CAUSE: "reason", By.RULE: "rule", By.SENDER: "sender", By.DAY: "day"}
WAYS = ((By.CAUSE, "cause"), (By.RULE, "rule"), (By.SENDER, "sender"), (By.DAY, "day"))
NO_CAUSE = "Why they are parked is not recorded."
UNKNOWN = "Look at some of them first; one whose cause still holds is parked again, with its cause."
NO_SENDER = "No sender was chosen."
EACH = "HubSpot may have done what was asked: look at each of them, and release or cancel it on its own page."


@dataclass(frozen=True, slots=True)
class Group:
    """One group. `title` is its cause as a sentence, or what it has in common; `code` is the cause's.

    `causes` says why, where the title does not. `note` says which of it are looked at one by one. `release` and
    `cancel` are where a person may begin that, None where it is not allowed; `url` shows its enrollments.
    """

    title: str
    code: str | None
    causes: str
    where: str
    since: datetime
    count: int
    do: str
    note: str
    url: str
    release: str | None
    cancel: str | None


def group_of(group: ParkedGroup, within: Mapping[str, str], *, may_change: bool) -> Group:
    """Return a group as it is shown to a person. `within` is what it is narrowed to besides."""
    found = cause_of(group.reason)
    named = named_of(group, within)
    allowed = may_change and group.may_be_released
    return Group(
        title=_title(group, found),
        code=group.reason,
        causes="" if group.by is By.CAUSE else _causes(group, found),
        where=where(group),
        since=group.since,
        count=group.count,
        do=found.do if found else UNKNOWN if not group.reasons else "",
        note=_note(group),
        url=with_query(PARKED, named),
        release=with_query(f"{PARKED}/release", named) if allowed else None,
        cancel=with_query(f"{PARKED}/cancel", named) if allowed else None,
    )


def named_of(group: ParkedGroup, within: Mapping[str, str]) -> dict[str, str]:
    """Return what finds a group again within what it is narrowed to, as it stands in a URL."""
    name = PARAMETERS[group.by]
    if group.value is not None:
        return {**within, name: group.value}
    lacking = {*within.get("lacks", "").split(","), name} - {""}
    return {**within, "lacks": ",".join(sorted(lacking))}


def cause_of(reason: str | None) -> Why | None:
    """Return a reason in words."""
    return why(State.PARKED, reason, name="the person") if reason else None


def where(group: ParkedGroup) -> str:
    """Return which senders and rules a group has: `sender ben, 2 rules`."""
    parts = []
    if group.by is not By.SENDER and group.senders:
        parts.append(f"sender {group.sender}" if group.sender else exactly(group.senders, "sender"))
    if group.by is not By.RULE:
        parts.append(f"rule {group.rule}" if group.rule else exactly(group.rules, "rule"))
    return ", ".join(parts)


def all_of(groups: Sequence[ParkedGroup], most: int) -> str:
    """Return what is parked in all. Of more than `most` groups the largest are known."""
    if not groups:
        return "Nothing is parked."
    whole = sum(group.count for group in groups)
    is_are = "is" if whole == 1 else "are"
    some = f"; these are the {number(most)} largest groups" if len(groups) >= most else ""
    return f"{exactly(whole, 'enrollment')} {is_are} parked{_in_groups(groups)}{some}."


def one_of(group: ParkedGroup) -> str:
    """Return the first sentence of one group's page."""
    found = cause_of(group.reason)
    is_are = "is" if group.count == 1 else "are"
    if found:
        return f"{exactly(group.count, 'enrollment')} {is_are} parked: {found.clause}."
    why_not = f", for {exactly(group.reasons, 'cause')}" if group.reasons else ": why is not recorded"
    return f"{exactly(group.count, 'enrollment')} {is_are} parked{why_not}."


def _in_groups(groups: Sequence[ParkedGroup]) -> str:
    by = groups[0].by
    known = sum(group.value is not None for group in groups)
    if by is By.CAUSE:
        return f", for {exactly(known, 'cause')}" if known else ""
    if by is By.DAY:
        return f", on {exactly(known, 'day')}"
    return f", of {exactly(known, by)}" if known else ""


def _title(group: ParkedGroup, found: Why | None) -> str:
    match group.by:
        case By.CAUSE:
            return as_sentence(found.clause) if found else NO_CAUSE
        case By.RULE:
            return f"Rule {group.value}"
        case By.SENDER:
            return f"Sender {group.value}" if group.value else NO_SENDER
    day = date.fromisoformat(group.value or "")
    return f"{day:%A} {day.day} {day:%B} {day.year}"


def _causes(group: ParkedGroup, found: Why | None) -> str:
    if found:
        return as_sentence(found.clause)
    return f"{exactly(group.reasons, 'cause')}." if group.reasons else NO_CAUSE


def _note(group: ParkedGroup) -> str:
    if not group.one_by_one:
        return ""
    if group.one_by_one == group.count:
        return EACH
    verb = "is" if group.one_by_one == 1 else "are"
    return f"{number(group.one_by_one)} of them {verb} looked at one by one: a release of the group leaves those alone."


def one_by_one(reason: str | None) -> bool:
    """Return whether enrollments that are parked for this reason are looked at one by one."""
    return reason in ONE_BY_ONE
