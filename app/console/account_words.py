"""How HubSpot accounts stand, in words: whether they let Segue in, their budgets, and what the doctor found. Pure."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from app.accounts.credentials import ACTIVE, NOT_CONNECTED, REVOKED
from app.console.receipts.wording import as_sentence
from app.console.text import counted, exactly, moment, number
from app.doctor.findings import Status
from app.masking import masked_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime
    from zoneinfo import ZoneInfo

    from app.hubspot.budget_store import Budget, Day, Window

FULL = 0.9  # of a budget: its bar is of another colour
MARKS = {Status.FAILED: "bad", Status.WARNING: "look", Status.UNKNOWN: "no", Status.OK: "ok"}  # the gravest first
NEVER = "The doctor has not looked at it yet"


@dataclass(frozen=True, slots=True)
class Standing:
    """Whether an account lets Segue in: a mark, a word, and why not. `held` enrollments wait for that."""

    name: str
    mark: str
    word: str
    why: str
    held: int

    @property
    def lets_in(self) -> bool:
        """Whether work goes on."""
        return self.mark == "ok"


def standing(row: Mapping[str, Any], held: int, *, known: bool, now: datetime, zone: ZoneInfo) -> Standing:
    """Return how an account stands by its credential. `known` says that HubSpot has ever named it by its token."""
    name = row["account"]
    match row["state"]:
        case str(state) if state == REVOKED:
            since = f" since {moment(row['updated_at'], now, zone)}"
            return Standing(name, "bad", "revoked", f"Revoked{since}: {_clause(row['detail'])}", held)
        case str(state) if state == NOT_CONNECTED:
            return Standing(name, "bad", "not connected", "No person has connected it to HubSpot yet.", held)
        case str(state) if state == ACTIVE:
            return Standing(name, "ok", "lets us in", "", held)
    if held:
        return Standing(name, "bad", "lets us in no more", "HubSpot refuses its token: put a valid one there.", held)
    if known:
        return Standing(name, "ok", "lets us in", "", held)
    return Standing(name, "no", "not asked yet", "HubSpot has not said yet whose token it is.", held)


def fill_of(used: int, allowed: int) -> str:
    """Return the colour of a budget's bar."""
    return "look" if used >= FULL * allowed else "ok"


def window_in_words(window: Window) -> str:
    """Return what is used of a window: `31 of 180 per 10 s`."""
    seconds = window.window_ms / 1000
    return f"{number(window.used)} of {number(window.allowed)} per {seconds:g} s"


def day_in_words(day: Day, now: datetime, zone: ZoneInfo) -> str:
    """Return what is used of a day: `41,212 of 625,000 today, until 00:00`."""
    until = f", until {moment(day.ends_at, now, zone)}" if day.ends_at else ""
    return f"{number(day.used)} of {number(day.cap)} today{until}"


def budget_in_words(budget: Budget, now: datetime, zone: ZoneInfo) -> str:
    """Return the sentence about an account's budgets."""
    parts = [f"{window.kind} requests: {window_in_words(window)}" for window in budget.windows]
    parts += [f"all requests: {day_in_words(budget.day, now, zone)}"] if budget.day else []
    blocked = [one for one in budget.windows if one.blocked_until is not None]
    said = as_sentence("; ".join(parts)) if parts else "Nothing was asked of HubSpot for it yet."
    return " ".join([said, *(_blocked(one, now, zone) for one in blocked)])


def _blocked(window: Window, now: datetime, zone: ZoneInfo) -> str:
    if window.blocked_until is None:
        return ""
    return f"HubSpot asks for a pause until {moment(window.blocked_until, now, zone)} ({window.blocked_by})."


def one_in_words(standing: Standing, budget: Budget, now: datetime, zone: ZoneInfo) -> str:
    """Return the sentence about one account."""
    if standing.mark == "no":
        return f"{standing.name} is {standing.word}. {standing.why}"
    if standing.lets_in:
        return f"{standing.name} lets us in. {budget_in_words(budget, now, zone)}"
    waits = f" {counted(standing.held, 'enrollment waits', 'enrollments wait')} for it." if standing.held else ""
    return f"Nothing is sent by {standing.name}. {standing.why}{waits}"


def all_in_words(standings: Sequence[Standing]) -> str:
    """Return the sentence about all accounts."""
    if not standings:
        return "The rules in force name no HubSpot account."
    out = [one for one in standings if one.mark == "bad"]
    if not out:
        asked = [one for one in standings if one.lets_in]
        if not asked:
            return f"{exactly(len(standings), 'account')}, of which HubSpot has named none yet."
        return (
            f"{exactly(len(standings), 'account')}: HubSpot lets us in{'' if len(standings) == 1 else ' everywhere'}."
        )
    names = ", ".join(one.name for one in out)
    held = sum(one.held for one in out)
    waits = counted(held, "enrollment waits", "enrollments wait") if held else "nothing waits"
    verb = "does" if len(out) == 1 else "do"
    return f"{names} {verb} not let us in, of {exactly(len(standings), 'account')}; {waits} for that."


def findings_in_words(findings: Iterable[Mapping[str, Any]]) -> str:
    """Return how many findings there are of each status, the gravest first: `1 failed, 22 ok`."""
    counts = Counter(str(one["status"]) for one in findings)
    return ", ".join(f"{counts[status]} {status}" for status in MARKS if counts[status])


def run_in_words(run: Mapping[str, Any] | None, now: datetime, zone: ZoneInfo) -> tuple[str, str]:
    """Return the mark and the words of the doctor's newest run: when it was, and what it found."""
    if run is None:
        return "no", NEVER
    at = moment(run["done_at"], now, zone)
    if run["detail"]:
        return "look", f"{at}: {masked_text(run['detail'])}"
    statuses = {one["status"] for one in run["findings"]}
    mark = next((mark for status, mark in MARKS.items() if status in statuses and mark != "no"), "no")
    return mark, f"{at}: {findings_in_words(run['findings']) or 'nothing found'}"


def doctor_in_words(runs: Sequence[Mapping[str, Any] | None], now: datetime, zone: ZoneInfo) -> str:
    """Return the sentence about the newest run of the doctor of each account, None where it has not looked at it."""
    done = [run for run in runs if run is not None]
    if not done:
        return f"{NEVER}." if len(runs) == 1 else "The doctor has looked at none of them yet."
    since = "" if len(done) == 1 else "since "
    found = findings_in_words(one for run in done for one in run["findings"]) or "nothing found"
    parts = [f"The doctor, {since}{moment(min(run['done_at'] for run in done), now, zone)}: {found}"]
    for words, count in (
        ("no answer of", sum(bool(run["detail"]) for run in done)),
        ("not yet at", len(runs) - len(done)),
    ):
        parts += [f"{words} {exactly(count, 'account')}"] if count else []
    return as_sentence("; ".join(parts))


def _clause(detail: str | None) -> str:
    return as_sentence(masked_text(detail)) if detail else "HubSpot gave no reason."
